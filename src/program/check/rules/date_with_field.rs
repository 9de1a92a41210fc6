//! Date and field in one condition.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::tests;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D206",
    name: "date-with-field",
    severity: Severity::Warning,
    summary: "A condition has both a date and a field",
    why: "They are not combined: a matching field is enough even when the date fails, and a matching date adds the \
          actions but lets the hunt go on.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition hour="9-17" field="destination_number" expression="^1$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition hour="9-17"/>
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for test in view.conditions().flat_map(tests) {
        if let (Some(_), Some((name, value))) = (&test.field, test.dates.first()) {
            let message = format!("{name} and field in one element are not combined: either of them is enough");
            findings.add(value.span, message, "put the date into a condition of its own, in front");
        }
    }
}
