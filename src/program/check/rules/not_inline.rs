//! An application that cannot run inline.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D403",
    name: "not-inline",
    severity: Severity::Warning,
    summary: "The application cannot run inline",
    why: "It is skipped with an error, and the call goes on. Only applications that touch variables and logs may run \
          during the hunt.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="answer" inline="true"/>
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
    check: None,
};
