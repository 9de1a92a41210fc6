//! A `${` that is never closed.

use crate::program::check::reference::unclosed;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D413",
    name: "unclosed-reference",
    severity: Severity::Warning,
    summary: "A ${ is never closed",
    why: "The text is not expanded from there on: it stands as it was written, braces and all.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${caller_id_number"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${caller_id_number}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for text in view.texts() {
        if let Some(at) = unclosed(&text.text) {
            findings.add(
                view.part(text, at..at + 2),
                "this ${ has no }".to_owned(),
                "close it; \\${ is meant as it stands",
            );
        }
    }
}
