//! Actions in front of a condition that may fail.

use crate::engine::dialplan::ast::Condition;
use crate::program::check::routes::{always_passes, is_gate};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::model::truthy;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D307",
    name: "partial-actions",
    severity: Severity::Warning,
    summary: "Actions stand in front of a condition that may fail",
    why: "Actions are collected as soon as their condition passes. When a later condition of the extension fails, \
          they stay collected, and the hunt goes on: they run in front of those of another extension. Put actions \
          into the last condition.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
  </condition>
  <condition field="caller_id_number" expression="^2$">
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$"/>
  <condition field="caller_id_number" expression="^2$">
    <action application="answer"/>
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in view.extensions.iter().filter(|extension| !extension.continues()) {
        let conditions = &extension.written.conditions;
        for (condition, next) in conditions.iter().zip(conditions.iter().skip(1)) {
            let action = condition
                .actions
                .iter()
                .find(|action| !action.inline.as_ref().is_some_and(|value| truthy(&value.text)));
            if let (Some(action), true) = (action, fails(next) && default_break(condition)) {
                let message = "this action runs even when the next condition fails and the hunt goes on";
                findings.add(action.span, message, "put it into the last condition");
            }
        }
    }
}

fn default_break(condition: &Condition) -> bool {
    condition.breaks.as_ref().is_none_or(|value| value.text.is_empty() || value.text.eq_ignore_ascii_case("on-false"))
}

/// A failure of this condition lets the hunt go on.
fn fails(condition: &Condition) -> bool {
    is_gate(condition) && !always_passes(condition)
}
