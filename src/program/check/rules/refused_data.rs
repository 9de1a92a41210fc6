//! Data that holds a backslash and a quote.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D404",
    name: "refused-data",
    severity: Severity::Warning,
    summary: r"Data hold \'",
    why: "Such an action is dropped when it is hunted.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO it\'s"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO it's"/>
  </condition>
</extension>
"#,
    ),
    check: None,
};
