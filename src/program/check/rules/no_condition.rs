//! An extension without condition.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D106",
    name: "no-condition",
    severity: Severity::Warning,
    summary: "An extension has no condition",
    why: "It never matches. A condition without attributes always does.",
    bad: Example::Plan(
        r#"<extension name="hello">
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: None,
};
