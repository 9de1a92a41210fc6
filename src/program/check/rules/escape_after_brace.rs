//! An escape that protects nothing.

use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D408",
    name: "escape-after-brace",
    severity: Severity::Warning,
    summary: "A backslash right behind a closing brace protects nothing",
    why: "The character behind `}` is copied as it is, so `${a}\\${b}` is the value of a, a backslash, and the value \
          of b.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${destination_number}\${domain}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${destination_number} \${domain}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for text in view.texts() {
        for found in references(&text.text) {
            let end = found.whole.end;
            if text.text.get(end..).is_some_and(|rest| rest.starts_with("\\$")) {
                let message = "a backslash right behind } is copied and protects nothing";
                findings.add(view.part(text, end..end + 2), message, "put another character between them");
            }
        }
    }
}
