//! A context defined twice.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D104",
    name: "duplicate-context",
    severity: Severity::Error,
    summary: "A context of this name stands above",
    why: "The first context of a name is used, the later ones are dead. Contexts are not merged.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<context name="default">
</context>
<context name="default">
</context>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<context name="default">
</context>
<context name="features">
</context>
"#,
    )]),
    check: None,
};
