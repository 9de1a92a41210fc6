//! A date that does not mean what it says.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::tests;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D208",
    name: "bad-date",
    severity: Severity::Warning,
    summary: "A value of a date attribute ends early or means nothing",
    why: "Lists of numbers end at the first character that is no digit, comma or hyphen: `9 - 17` is just 9. Days of \
          the week are numbers or three letters: the rest of a long name ends the list. `time-of-day` wants ranges \
          with a colon on both sides, `date-time` ranges with `~`.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition wday="monday,tuesday" hour="9 - 17">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition wday="mon,tue" hour="9-17">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for (name, value) in view.conditions().flat_map(tests).flat_map(|test| &test.dates) {
        if let Some((message, remedy)) = fault(name, &value.text) {
            findings.add(value.span, message, remedy);
        }
    }
}

/// Highest number of each list, and the lowest.
const LISTS: &[(&str, u32, u32)] = &[
    ("year", 0, 9999),
    ("yday", 1, 366),
    ("mon", 1, 12),
    ("mday", 1, 31),
    ("week", 1, 53),
    ("mweek", 1, 6),
    ("hour", 0, 23),
    ("minute", 0, 59),
    ("minute-of-day", 1, 1440),
];

fn fault(name: &str, text: &str) -> Option<(String, &'static str)> {
    match name {
        "wday" => {
            let day = |item: &str| {
                ["sun", "mon", "tue", "wed", "thu", "fri", "sat"].contains(&item.to_ascii_lowercase().as_str())
                    || matches!(item.as_bytes(), [b'1'..=b'7'])
            };
            let bad = text.split([',', '-']).find(|item| !day(item))?;
            Some((format!("the list of days ends at \"{bad}\""), "write numbers 1 (Sunday) to 7, or sun to sat"))
        }
        "time-of-day" => {
            let time =
                |part: &str| part.contains(':') && part.chars().all(|letter| letter.is_ascii_digit() || letter == ':');
            let range = |item: &str| item.split_once('-').is_some_and(|(from, to)| time(from) && time(to));
            let bad = text.split(',').find(|item| !range(item))?;
            Some((format!("\"{bad}\" is no range of times and never holds"), "write HH:MM-HH:MM"))
        }
        "date-time" => {
            let bad = text.split(',').find(|item| !item.contains('~') || !item.contains(['-', ':']))?;
            Some((format!("\"{bad}\" is no range of dates and never holds"), "write YYYY-MM-DD hh:mm~YYYY-MM-DD hh:mm"))
        }
        _ => {
            let (_, low, high) = LISTS.iter().find(|(list, ..)| *list == name)?;
            let number = |item: &str| item.parse::<u32>().is_ok_and(|number| (*low..=*high).contains(&number));
            // A blank in front of a number is taken.
            let bad = text.split([',', '-']).map(str::trim_start).find(|item| !number(item))?;
            Some((
                format!("\"{bad}\" in {name} is no number from {low} to {high}; the list ends there"),
                "write numbers and ranges, as 1-5,7",
            ))
        }
    }
}
