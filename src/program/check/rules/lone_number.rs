//! A single number that means everything.

use crate::program::check::failure::{cause, settings};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::model::truthy;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D504",
    name: "lone-number",
    severity: Severity::Warning,
    summary: "A single number means every cause",
    why: "A number alone is a true word: `continue_on_fail=19` means every cause, not cause 19.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=19"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=NO_ANSWER"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for setting in settings(view.actions()).into_iter().filter(|setting| setting.name != "failure_causes") {
        let number = setting.causes.trim();
        if number.parse::<u32>().is_ok_and(|number| number > 1) && truthy(number) {
            let message = format!("the single number {number} means every cause");
            let meant = cause(number).map_or("the name of the cause", |cause| cause.name());
            findings.add(setting.span(view, 0..number.len()), message, format!("write {meant}, or true"));
        }
    }
}
