//! A capture in an anti-action.

use crate::program::check::captures::captures;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D205",
    name: "capture-in-anti-action",
    severity: Severity::Warning,
    summary: "$n stands in an anti-action",
    why: "An anti-action runs because the expression did not match, so there is nothing to put in: the text stays as \
          it is.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1)$">
    <action application="answer"/>
    <anti-action application="log" data="INFO $1"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1)$">
    <action application="answer"/>
    <anti-action application="log" data="INFO ${destination_number}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions().filter(|action| action.anti) {
        let Some(data) = action.data() else { continue };
        for (number, at) in captures(&data.text) {
            let message = format!("${number} in an anti-action is never replaced");
            findings.add(view.part(data, at), message, "write a variable, as ${destination_number}");
        }
    }
}
