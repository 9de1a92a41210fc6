//! An address that is not looked up.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X116",
    name: "stun-set",
    severity: Severity::Warning,
    summary: "stun-set is not implemented",
    why: "The variable keeps the value it had before the line.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="stun-set" data="external_ip=stun:stun.example.com"/>
</include>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="set" data="external_ip=192.0.2.1"/>
</include>
"#,
    )]),
    check: None,
};
