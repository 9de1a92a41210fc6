//! Conditions nested too deeply.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D107",
    name: "too-deep",
    severity: Severity::Warning,
    summary: "Conditions are nested more than 100 deep",
    why: "The walk ends there; what lies deeper is never reached.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<context name="default">
<extension name="deep">
{112 nested conditions}
</extension>
</context>
"#,
    )]),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition>
    <condition>
      <action application="answer"/>
    </condition>
  </condition>
</extension>
"#,
    ),
    check: None,
};
