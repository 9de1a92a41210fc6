//! A global reference without its brace.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X107",
    name: "unterminated-global",
    severity: Severity::Error,
    summary: "A $${ has no closing brace on its line",
    why: "The text stays as it is and becomes part of the value.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO $${domain"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO $${domain}"/>
  </condition>
</extension>
"#,
    ),
    check: None,
};
