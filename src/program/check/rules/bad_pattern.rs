//! An expression that cannot be used.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::{constant_pattern, tests};
use crate::words::pattern::PatternError;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D201",
    name: "bad-pattern",
    severity: Severity::Error,
    summary: "A regular expression cannot be used",
    why: "It never matches, so the anti-actions of its condition run.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1\d+$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1\d+)$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

/// A pattern that may be too large is compiled at once; the others are only read.
fn may_be_large(text: &str) -> bool {
    text.len() > 200 || text.contains('{')
}

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for test in view.conditions().flat_map(tests).filter(|test| test.field.is_some()) {
        let Some((expression, pattern)) = constant_pattern(test) else { continue };
        let late = || if may_be_large(&expression.text) { pattern.compile().err() } else { None };
        let Some(error) = pattern.error().cloned().or_else(late) else { continue };
        let at = error.span().map_or(expression.span, |part| view.part(expression, part));
        let remedy = match error {
            PatternError::Unsupported { .. } => "write it another way",
            PatternError::TooLarge => "make it smaller",
            _ => "correct the expression",
        };
        findings.add(at, format!("this pattern never matches: {error}"), remedy);
    }
}
