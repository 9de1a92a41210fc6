//! An extension that does nothing.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D110",
    name: "no-action",
    severity: Severity::Warning,
    summary: "An extension matches, but has no action",
    why: "The hunt ends there with nothing to do: the call is hung up with NO_ROUTE_DESTINATION, although a later \
          extension might take it.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$"/>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        let written = extension.written;
        if extension.actions.is_empty() && !written.conditions.is_empty() && !extension.continues() {
            let message = "this extension has no action: a call that it matches is hung up with NO_ROUTE_DESTINATION";
            findings.add(written.span, message, "give it an action, or continue=\"true\"");
        }
    }
}
