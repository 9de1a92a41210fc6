//! A condition behind the end.

use crate::engine::dialplan::ast::Condition;
use crate::program::check::routes::always_passes;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D304",
    name: "condition-after-break",
    severity: Severity::Warning,
    summary: "A condition stands behind one that always ends the walk",
    why: "`break=\"always\"` ends the extension whatever the outcome, and `break=\"on-true\"` does on a condition \
          that always passes.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$" break="always">
    <action application="answer"/>
  </condition>
  <condition field="destination_number" expression="^2$">
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$" break="on-true">
    <action application="answer"/>
  </condition>
  <condition field="destination_number" expression="^2$">
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        list(&extension.written.conditions, findings);
    }
    for condition in view.conditions() {
        list(&condition.nested, findings);
    }
}

fn list(conditions: &[Condition], findings: &mut Findings<'_>) {
    for (condition, next) in conditions.iter().zip(conditions.iter().skip(1)) {
        let is = |value: &str| condition.breaks.as_ref().is_some_and(|found| found.text.eq_ignore_ascii_case(value));
        if is("always") || (is("on-true") && always_passes(condition)) {
            let message = "this condition is never reached: the one above always ends the walk";
            findings.add(next.span, message, "correct break of the condition above");
        }
    }
}
