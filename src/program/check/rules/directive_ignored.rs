//! A directive that does nothing.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X104",
    name: "directive-ignored",
    severity: Severity::Warning,
    summary: "A pre-process directive has no effect",
    why: "Directives are found by text search: `cmd` must stand before `data`, both on one line, both in double \
          quotes. Anything else is dropped silently.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        "<include>
<X-PRE-PROCESS cmd='set' data='a=1'/>
</include>
",
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="set" data="a=1"/>
</include>
"#,
    )]),
    check: None,
};
