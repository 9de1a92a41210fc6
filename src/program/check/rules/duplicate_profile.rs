//! A SIP profile defined twice.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "C102",
    name: "duplicate-profile",
    severity: Severity::Error,
    summary: "A SIP profile of this name stands above",
    why: "The second one is dead.",
    bad: Example::Files(&[
        (
            "autoload_configs/sofia.conf.xml",
            r#"<configuration name="sofia.conf">
<profiles>
<profile name="internal">
</profile>
<profile name="internal">
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
<profile name="external">
</profile>
</profiles>
</configuration>
"#,
        ),
        ("dialplan/default.xml", ""),
    ]),
    check: None,
};
