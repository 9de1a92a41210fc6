//! An application that does not exist.

use crate::program::check::known::{all_applications, has_application};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D401",
    name: "unknown-application",
    severity: Severity::Error,
    summary: "There is no such application",
    why: "When the action is reached, the call is hung up with DESTINATION_OUT_OF_ORDER.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="plyback" data="tone_stream://%(100,0,440)"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="playback" data="tone_stream://%(100,0,440)"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions() {
        let name = action.application();
        if has_application(name) {
            continue;
        }
        let message = if name.is_empty() {
            "this action names no application; the call would be hung up with DESTINATION_OUT_OF_ORDER".to_owned()
        } else {
            format!("there is no application \"{name}\"; the call would be hung up with DESTINATION_OUT_OF_ORDER")
        };
        findings.add(action.span(), message, remedy(name, all_applications(), "correct the name"));
    }
}
