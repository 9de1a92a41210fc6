//! A context without a name.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D103",
    name: "nameless-context",
    severity: Severity::Warning,
    summary: "A context has no name",
    why: "No call ever gets there.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        "<context>
</context>
",
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<context name="default">
</context>
"#,
    )]),
    check: None,
};
