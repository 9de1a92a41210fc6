//! An extension whose numbers are taken.

use crate::program::check::routes::{hunts_by_name, is_gate, number_test};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::{Extension, View};
use crate::words::pattern::{Pattern, Shape};
use crate::words::text::Severity;
use std::collections::HashMap;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D302",
    name: "shadowed-extension",
    severity: Severity::Warning,
    summary: "All numbers of an extension are taken by earlier ones",
    why: "An earlier extension without `continue=\"true\"` matches every number that this one asks for. Only what is \
          certain is reported: extensions whose numbers can be listed, or whose expressions are equal.",
    bad: Example::Plan(
        r#"<extension name="tens">
  <condition field="destination_number" expression="^1[0-9]$">
    <action application="answer"/>
  </condition>
</extension>
<extension name="twelve">
  <condition field="destination_number" expression="^12$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="twelve">
  <condition field="destination_number" expression="^12$">
    <action application="answer"/>
  </condition>
</extension>
<extension name="tens">
  <condition field="destination_number" expression="^1[0-9]$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

/// Numbers of an extension that are listed.
const MOST_NUMBERS: usize = 200;

/// Comparisons of one check; extensions behind them are not looked at.
const MOST_COMPARISONS: usize = 200_000;

/// An extension that ends the hunt of every number it matches.
struct Taker<'v> {
    name: String,
    text: &'v str,
    pattern: Pattern,
}

/// The takers of a context so far.
#[derive(Default)]
struct Takers<'v> {
    /// Those that want exactly one number.
    exact: HashMap<String, String>,
    /// By expression.
    by_text: HashMap<&'v str, String>,
    others: Vec<Taker<'v>>,
}

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    if hunts_by_name(view) {
        return;
    }
    let mut left = MOST_COMPARISONS;
    for context in view.contexts {
        let mut takers = Takers::default();
        for extension in view.extensions.iter().filter(|extension| std::ptr::eq(extension.context, context)) {
            one(extension, &mut takers, &mut left, findings);
        }
    }
}

fn one<'v>(extension: &Extension<'v>, takers: &mut Takers<'v>, left: &mut usize, findings: &mut Findings<'_>) {
    let Some(first) = extension.written.conditions.first() else { return };
    let Some((expression, pattern)) = number_test(first) else { return };
    if is_gate(first)
        && let Some(taker) = takers.of(&expression.text, &pattern, left)
    {
        let message = format!("extension {taker} above takes all numbers of this one");
        findings.add(expression.span, message, "put it in front of that one, or give that one continue=\"true\"");
    }
    if extension.written.conditions.len() > 1 || !first.nested.is_empty() || extension.continues() {
        return;
    }
    takers.by_text.entry(&expression.text).or_insert_with(|| extension.name());
    match pattern.shape() {
        Shape::Exact(number) => {
            takers.exact.entry(number.clone()).or_insert_with(|| extension.name());
        }
        _ => takers.others.push(Taker { name: extension.name(), text: &expression.text, pattern }),
    }
}

impl Takers<'_> {
    /// Names of the extensions that take every number of a pattern.
    fn of(&self, text: &str, pattern: &Pattern, left: &mut usize) -> Option<String> {
        if let Some(name) = self.by_text.get(text) {
            return Some(name.clone());
        }
        if self.others.is_empty() && self.exact.is_empty() {
            return None;
        }
        if let Shape::Prefix(prefix) = pattern.shape() {
            let wider = |taker: &&Taker<'_>| match taker.pattern.shape() {
                Shape::Prefix(other) => prefix.starts_with(other.as_str()),
                _ => false,
            };
            return self.others.iter().find(wider).map(|taker| taker.name.clone());
        }
        let numbers = match pattern.shape() {
            Shape::Exact(number) => vec![number.clone()],
            _ => pattern.all_texts(MOST_NUMBERS)?,
        };
        let mut names: Vec<&str> = Vec::new();
        for number in &numbers {
            let name = self.taker(number, left)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn taker(&self, number: &str, left: &mut usize) -> Option<&str> {
        if let Some(name) = self.exact.get(number) {
            return Some(name);
        }
        *left = left.checked_sub(self.others.len())?;
        let matches = |taker: &&Taker<'_>| !taker.text.is_empty() && taker.pattern.is_match(number) == Ok(true);
        self.others.iter().find(matches).map(|taker| taker.name.as_str())
    }
}
