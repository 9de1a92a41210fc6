//! An include that cannot be read.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X110",
    name: "include-failed",
    severity: Severity::Error,
    summary: "An included file cannot be read",
    why: "The file exists, but the system does not let it be read, or it is larger than a configuration can be.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="include" data="/dev"/>
</include>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        "<include>
</include>
",
    )]),
    check: None,
};
