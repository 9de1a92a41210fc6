//! A capture without group.

use crate::program::check::captures::{captures, groups};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D203",
    name: "capture-without-group",
    severity: Severity::Warning,
    summary: "$n stands in the data, but the expression has no group",
    why: "`$1`, and `$0` too, are replaced only when the expression holds a `(`. Without one they stay in the data \
          as they are.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO $1"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1)$">
    <action application="log" data="INFO $1"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions().filter(|action| !action.anti) {
        let (Some(data), Some(groups)) = (action.data(), groups(action.condition)) else { continue };
        for (number, at) in captures(&data.text).into_iter().filter(|_| !groups.switched) {
            let message = format!("${number} is not replaced: the condition has no expression with a group");
            findings.add(view.part(data, at), message, "put parentheses into the expression");
        }
    }
}
