//! An include of nothing.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X109",
    name: "include-missing",
    severity: Severity::Warning,
    summary: "An included file does not exist",
    why: "A pattern with a wildcard may match nothing; a plain name that matches nothing is a mistake.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="include" data="nosuch.xml"/>
</include>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="include" data="default/*.xml"/>
</include>
"#,
    )]),
    check: None,
};
