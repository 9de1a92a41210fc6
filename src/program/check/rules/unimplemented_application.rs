//! An application that this switch does not have.

use crate::call::app;
use crate::program::check::known::applications;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D402",
    name: "unimplemented-application",
    severity: Severity::Error,
    summary: "This switch does not have the application",
    why: "FreeSWITCH has it, this switch does not. When the action is reached, the call is hung up with \
          DESTINATION_OUT_OF_ORDER.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="spandsp_start_fax_detect"/>
  </condition>
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
    for action in view.actions() {
        let name = action.application();
        if app::find(name).is_none() && applications().any(|known| known.eq_ignore_ascii_case(name)) {
            let message = format!(
                "application \"{name}\" is not implemented; the call would be hung up with DESTINATION_OUT_OF_ORDER"
            );
            findings.add(action.span(), message, "do without it");
        }
    }
}
