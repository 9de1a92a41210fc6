//! A dial string that cannot be read.

use crate::call::dial::DialStringError;
use crate::program::check::dialled::{UNKNOWN, dialled};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D606",
    name: "bad-dial-string",
    severity: Severity::Error,
    summary: "A dial string cannot be read",
    why: "The bridge fails at once with DESTINATION_OUT_OF_ORDER.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="{call_timeout=20user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="{call_timeout=20}user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for (data, text, read) in dialled(view) {
        let Err(error) = read else { continue };
        // What is not known may be the rest of it.
        if text.contains(UNKNOWN) && !matches!(error, DialStringError::Unclosed { .. }) {
            continue;
        }
        let (at, remedy) = match error {
            DialStringError::Unclosed { at, open } => (at..at + 1, format!("close the {open}")),
            DialStringError::NoEndpoint { at } => (at..text.len(), "name whom to call".to_owned()),
            _ => (0..text.len(), "name whom to call".to_owned()),
        };
        findings.add(view.part(data, at), format!("this dial string cannot be read: {error}"), remedy);
    }
}
