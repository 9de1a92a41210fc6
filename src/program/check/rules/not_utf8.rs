//! A file in another encoding.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X112",
    name: "not-utf8",
    severity: Severity::Warning,
    summary: "A file is not UTF-8",
    why: "It is read as Latin-1, byte by byte. FreeSWITCH passes the bytes on as they are.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r"<!-- caf\xe9 -->
",
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        "<!-- café -->
",
    )]),
    check: None,
};
