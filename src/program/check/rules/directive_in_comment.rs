//! A directive inside a comment.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X105",
    name: "directive-in-comment",
    severity: Severity::Warning,
    summary: "A pre-process directive inside a comment is executed",
    why: "The preprocessor knows nothing of XML comments, so a directive that was commented out still runs. Write \
          `<X-NO-PRE-PROCESS`, or `<!--#comment … -->`.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<!--
<X-PRE-PROCESS cmd="set" data="a=1"/>
-->
</include>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        "<include>
<!-- a directive was here -->
</include>
",
    )]),
    check: None,
};
