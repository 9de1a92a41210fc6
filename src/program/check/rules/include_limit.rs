//! Includes without end.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X111",
    name: "include-limit",
    severity: Severity::Error,
    summary: "Files include one another without end",
    why: "Files may be included in one another 100 deep. A file that includes itself gets there.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<X-PRE-PROCESS cmd="include" data="default.xml"/>
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
