//! A global that holds a reference.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X108",
    name: "global-reference",
    severity: Severity::Warning,
    summary: "A global variable holds ${…}",
    why: "No global variable can carry a reference to a variable of the call: when it is stored, `${` becomes `%{`.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="set" data="who=${caller_id_name}"/>
</include>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="set" data="who=$${domain}"/>
</include>
"#,
    )]),
    check: None,
};
