//! A script that cannot be read.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L103",
    name: "lua-unreadable",
    severity: Severity::Error,
    summary: "A Lua script cannot be read",
    why: "It is larger than 16 MiB, or the system does not let it be read.",
    bad: Example::Files(&[("dialplan/default.xml", ""), ("scripts/large.lua", "{17 MiB}")]),
    good: Example::Files(&[
        ("dialplan/default.xml", ""),
        (
            "scripts/small.lua",
            "return 1
",
        ),
    ]),
    check: None,
};
