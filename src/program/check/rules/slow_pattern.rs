//! An expression that only backtracking can match.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::{View, constant_pattern, tests};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D213",
    name: "slow-pattern",
    severity: Severity::Warning,
    summary: "A back-reference makes an expression slow",
    why: "With back-references no engine can promise to be done in a time that grows with the text alone; such an \
          expression is given up after a number of steps, and then does not match. Look-around is not reported: it \
          is often the clearest way to say what is meant.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(\d)\1+$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1+|2+|3+)$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for test in view.conditions().flat_map(tests).filter(|test| test.field.is_some()) {
        let Some((expression, pattern)) = constant_pattern(test) else { continue };
        if let (true, Some(at)) = (pattern.is_backtracking(), back_reference(&expression.text)) {
            let message = "a back-reference makes this expression slow, and it is given up after a number of steps";
            findings.add(view.part(expression, at..at + 2), message, "name the repeated texts one by one");
        }
    }
}

/// The place of `\\1` to `\\9`, `\\k` or `\\g`, no escaped backslash in front.
fn back_reference(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        if escaped && matches!(letter, '1'..='9' | 'k' | 'g') {
            return Some(at - 1);
        }
        escaped = letter == '\\' && !escaped;
        None
    })
}
