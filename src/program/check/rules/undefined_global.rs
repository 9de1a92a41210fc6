//! A global variable that is not set.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X106",
    name: "undefined-global",
    severity: Severity::Warning,
    summary: "A $${global} is not set where it is read",
    why: "`$${name}` is replaced while the line is read. A name that is not set above that line becomes the empty \
          text, silently.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="a=$${nosuch}"/>
    <action application="log" data="INFO ${a}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="set" data="greeting=hi"/>
<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO $${greeting}"/>
  </condition>
</extension>
</context>
</include>
"#,
    )]),
    check: None,
};
