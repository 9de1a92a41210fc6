//! Conditions that exclude each other.

use crate::engine::dialplan::ast::Condition;
use crate::program::check::routes::is_gate;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::{Action, View, constant_pattern};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D303",
    name: "never-matches",
    severity: Severity::Warning,
    summary: "Two conditions of an extension can never hold together",
    why: "Both test the same field, and no text matches both expressions.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$"/>
  <condition field="destination_number" expression="^2$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1|2)$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

/// Conditions of an extension that are compared.
const MOST_CONDITIONS: usize = 30;

/// Texts of an expression that are listed.
const MOST_TEXTS: usize = 200;

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        // An inline action may change the field between two conditions.
        if extension.actions.iter().any(Action::inline) {
            continue;
        }
        let conditions = &extension.written.conditions;
        for (at, later) in conditions.iter().take(MOST_CONDITIONS).enumerate().skip(1) {
            if conditions.iter().take(at).any(|earlier| exclude(earlier, later))
                && let Some(expression) = &later.test.expression
            {
                let message = "no text matches both this expression and one above on the same field";
                findings.add(expression.span, message, "correct one of them, or make two extensions");
            }
        }
    }
}

fn exclude(earlier: &Condition, later: &Condition) -> bool {
    let plain =
        |condition: &Condition| condition.group.is_none() && condition.test.dates.is_empty() && is_gate(condition);
    let field = |condition: &Condition| condition.test.field.as_ref().map(|field| field.text.to_ascii_lowercase());
    if !plain(earlier) || !plain(later) || field(earlier).is_none() || field(earlier) != field(later) {
        return false;
    }
    let (Some((_, first)), Some((_, second))) = (constant_pattern(&earlier.test), constant_pattern(&later.test)) else {
        return false;
    };
    if second.error().is_some() {
        return false;
    }
    first.all_texts(MOST_TEXTS).is_some_and(|texts| texts.iter().all(|text| second.is_match(text) == Ok(false)))
}
