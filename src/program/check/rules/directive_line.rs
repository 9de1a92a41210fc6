//! Content on the line of a directive.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X103",
    name: "directive-line",
    severity: Severity::Warning,
    summary: "Content stands on the line of a pre-process directive",
    why: "A line with an X-PRE-PROCESS directive is consumed as a whole: text before and after it is lost, and so is \
          a second directive.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<context name="default"><X-PRE-PROCESS cmd="set" data="a=1"/>
</include>
<context name="b">
</context>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="set" data="a=1"/>
<context name="default">
</context>
</include>
"#,
    )]),
    check: None,
};
