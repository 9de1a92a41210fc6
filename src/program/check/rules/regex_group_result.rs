//! A group of tests that ends wrongly.

use crate::engine::dialplan::ast::Test;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D210",
    name: "regex-group-result",
    severity: Severity::Warning,
    summary: "A group of tests ends the hunt although it failed, or the other way round",
    why: "With `regex=\"all\"`, a child with parentheses that matches in front of the last one makes the extension \
          count as matched even when a later child fails: the hunt ends without actions. A group without children \
          passes, but the hunt goes on.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition regex="all">
    <regex field="destination_number" expression="^(1)$"/>
    <regex field="caller_id_number" expression="^2$"/>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition regex="all">
    <regex field="caller_id_number" expression="^2$"/>
    <regex field="destination_number" expression="^(1)$"/>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for condition in view.conditions() {
        let Some(rule) = &condition.group else { continue };
        if condition.regexes.is_empty() {
            let message = "this group has no <regex>: its actions run, and the hunt goes on";
            findings.add(rule.span, message, "put <regex> elements into it");
            continue;
        }
        let Some((_, earlier)) = condition.regexes.split_last() else { continue };
        let holds_group =
            |test: &&Test| test.expression.as_ref().is_some_and(|expression| expression.text.contains('('));
        let mut fields = earlier.iter().filter(|test| test.field.is_some());
        let (test, message, remedy) = if rule.text.eq_ignore_ascii_case("all") {
            let message = "when this matches and a later <regex> fails, the hunt ends here without actions";
            (fields.find(holds_group), message, "put the <regex> with parentheses last")
        } else if rule.text.eq_ignore_ascii_case("xor") {
            let message = "when only this matches, the actions run, but the hunt goes on";
            (fields.find(|test| !holds_group(test)), message, "put parentheses around a part of it")
        } else {
            continue;
        };
        if let Some(expression) = test.and_then(|test| test.expression.as_ref()) {
            findings.add(expression.span, message, remedy);
        }
    }
}
