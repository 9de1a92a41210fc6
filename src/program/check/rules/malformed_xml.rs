//! XML that cannot be read.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X101",
    name: "malformed-xml",
    severity: Severity::Error,
    summary: "The XML is malformed",
    why: "Nothing is loaded while one file is malformed; a running switch keeps the configuration it has. The place \
          shown is that of the mistake itself, a tag without its slash or a value without its closing quote, not the \
          later place at which reading had to stop.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="answer">
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    check: None,
};
