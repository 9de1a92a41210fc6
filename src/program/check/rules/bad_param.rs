//! A setting that cannot be used.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "C103",
    name: "bad-param",
    severity: Severity::Error,
    summary: "A setting of a SIP profile cannot be used",
    why: "The setting keeps its default.",
    bad: Example::Files(&[
        (
            "autoload_configs/sofia.conf.xml",
            r#"<configuration name="sofia.conf">
<profiles>
<profile name="internal">
<settings>
<param name="sip-port" value="five"/>
</settings>
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
<settings>
<param name="sip-port" value="5060"/>
</settings>
</profile>
</profiles>
</configuration>
"#,
        ),
        ("dialplan/default.xml", ""),
    ]),
    check: None,
};
