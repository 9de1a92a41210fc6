//! Content on a line that is dropped.

use crate::program::check::rule::{Example, Rule};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X102",
    name: "include-line",
    severity: Severity::Warning,
    summary: "Content stands on the line of <include>, </include> or <?",
    why: "The preprocessor works line by line: a line that holds `<include>`, `</include>` or `<?` is dropped as a \
          whole, whatever else stands on it.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include><context name="default"></context></include>
"#,
    )]),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<include>
<context name="default"></context>
</include>
"#,
    )]),
    check: None,
};
