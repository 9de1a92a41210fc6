//! A field that a group hides.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D211",
    name: "ignored-field",
    severity: Severity::Warning,
    summary: "field stands beside regex and is ignored",
    why: "With the attribute `regex` only the `<regex>` children are looked at.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition regex="any" field="destination_number" expression="^1$">
    <regex field="caller_id_number" expression="^2$"/>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$"/>
  <condition regex="any">
    <regex field="caller_id_number" expression="^2$"/>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for condition in view.conditions() {
        match (&condition.group, &condition.test.field, condition.regexes.first()) {
            (Some(_), Some(field), _) => {
                let message = "field is ignored: the attribute regex makes the <regex> children count";
                findings.add(field.span, message, "put it into a <regex>, or into a condition of its own");
            }
            (None, _, Some(test)) => {
                let message = "<regex> is ignored: its condition has no attribute regex";
                findings.add(test.span, message, "write <condition regex=\"all\"> or \"any\"");
            }
            _ => {}
        }
    }
}
