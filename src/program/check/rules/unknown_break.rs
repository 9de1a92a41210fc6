//! An unknown value of break.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D108",
    name: "unknown-break",
    severity: Severity::Warning,
    summary: "A value of break is unknown",
    why: "It means `on-false`, the default. Values are `on-false`, `on-true`, `always` and `never`.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$" break="on-fail">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$" break="on-false">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: None,
};
