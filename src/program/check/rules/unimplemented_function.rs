//! An API function that this switch does not have.

use crate::call::api;
use crate::program::check::known::functions;
use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D406",
    name: "unimplemented-function",
    severity: Severity::Warning,
    summary: "This switch does not have the API function",
    why: "FreeSWITCH has it, this switch does not. The call is empty.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${enum_auto(1)}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${md5(1)}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for text in view.texts() {
        for found in references(&text.text).into_iter().filter(|found| found.arguments.is_some()) {
            let name = found.name;
            if api::find(name).is_none() && functions().any(|known| known.eq_ignore_ascii_case(name)) {
                let message = format!("API function \"{name}\" is not implemented; the call is empty");
                findings.add(view.part(text, found.at), message, "do without it");
            }
        }
    }
}
