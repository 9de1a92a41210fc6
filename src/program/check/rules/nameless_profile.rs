//! A SIP profile without a name.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "C101",
    name: "nameless-profile",
    severity: Severity::Error,
    summary: "A SIP profile has no name",
    why: "It is not started.",
    bad: Example::Files(&[
        (
            "autoload_configs/sofia.conf.xml",
            r#"<configuration name="sofia.conf">
<profiles>
<profile>
</profile>
</profiles>
</configuration>
"#,
        ),
        ("dialplan/default.xml", ""),
    ]),
    good: Example::Files(&[
        (
            "autoload_configs/sofia.conf.xml",
            r#"<configuration name="sofia.conf">
<profiles>
<profile name="internal">
</profile>
</profiles>
</configuration>
"#,
        ),
        ("dialplan/default.xml", ""),
    ]),
    check: None,
};
