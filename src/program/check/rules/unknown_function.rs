//! An API function that does not exist.

use crate::call::api;
use crate::program::check::known::functions;
use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D405",
    name: "unknown-function",
    severity: Severity::Warning,
    summary: "There is no such API function",
    why: "A call of an unknown API function is empty. A body with a blank or a parenthesis is always a call, never a \
          variable.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${strftme(%H)}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${strftime(%H)}"/>
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
            if api::find(name).is_some() || functions().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            let message = format!("there is no API function \"{name}\"; the call is empty");
            let known = api::all().iter().map(|function| function.name()).chain(functions());
            findings.add(view.part(text, found.at), message, remedy(name, known, "correct the name"));
        }
    }
}
