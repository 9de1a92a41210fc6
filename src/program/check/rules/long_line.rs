//! A line that is cut.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X113",
    name: "long-line",
    severity: Severity::Warning,
    summary: "A line is longer than 1 MiB",
    why: "A line is cut after 1 MiB and goes on as a new one; a directive or a `$${…}` at the cut is lost.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        "<!--
{1 MiB}
-->
",
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        "<!-- short -->
",
    )]),
    check: None,
};
