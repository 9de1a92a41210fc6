//! A configuration that is too large.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X114",
    name: "too-large",
    severity: Severity::Error,
    summary: "The configuration is larger than 64 MiB",
    why: "What comes after 64 MiB of flattened text is left out.",
    bad: Example::Files(&[("dialplan/a.xml", "<!--\n{40 MiB}\n-->\n"), ("dialplan/b.xml", "<!--\n{40 MiB}\n-->\n")]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        "<!-- small -->
",
    )]),
    check: None,
};
