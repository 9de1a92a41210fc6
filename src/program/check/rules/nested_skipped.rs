//! Nested conditions that are skipped.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D305",
    name: "nested-skipped",
    severity: Severity::Warning,
    summary: "Nested conditions stand in one that ends the walk when it passes",
    why: "With `break=\"on-true\"` or `\"always\"` a condition that passes ends the walk before its nested \
          conditions are looked at.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$" break="on-true">
    <condition field="caller_id_number" expression="^2$">
      <action application="answer"/>
    </condition>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <condition field="caller_id_number" expression="^2$">
      <action application="answer"/>
    </condition>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for condition in view.conditions() {
        let (Some(nested), Some(value)) = (condition.nested.first(), &condition.breaks) else { continue };
        if ["on-true", "always"].iter().any(|ends| value.text.eq_ignore_ascii_case(ends)) {
            let message = format!("break=\"{}\" ends the walk before this nested condition", value.text);
            findings.add(nested.span, message, "take break off the condition around it");
        }
    }
}
