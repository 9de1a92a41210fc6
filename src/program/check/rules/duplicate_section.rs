//! A second dialplan section.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D105",
    name: "duplicate-section",
    severity: Severity::Warning,
    summary: r#"There is a second section "dialplan""#,
    why: "Only the first one is used.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"</section>
<section name="dialplan">
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<context name="default">
</context>
"#,
    )]),
    check: None,
};
