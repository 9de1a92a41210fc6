//! A command that failed.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X115",
    name: "exec-failed",
    severity: Severity::Error,
    summary: "A command of exec or exec-set failed",
    why: "Its output would have become part of the configuration.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="exec-set" data="a=exit 3"/>
</include>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="exec-set" data="a=echo 3"/>
</include>
"#,
    )]),
    check: None,
};
