//! A variable that becomes part of an expression.

use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::{View, tests};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D212",
    name: "unquoted-variable",
    severity: Severity::Warning,
    summary: "A variable stands unquoted in a regular expression",
    why: "Its value is read as a part of the expression: a dot in it matches any letter, a parenthesis makes the \
          expression unusable. Between `\\Q` and `\\E` it stands for itself.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^${accountcode}$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^\Q${accountcode}\E$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for expression in view.conditions().flat_map(tests).filter_map(|test| test.expression.as_ref()) {
        let text = expression.text.as_str();
        // An API function may give an expression on purpose; so may a variable that is all there is.
        let variables =
            references(text).into_iter().filter(|found| found.arguments.is_none() && found.whole != (0..text.len()));
        for found in variables {
            let before = text.get(..found.whole.start).unwrap_or_default();
            let quoted = before.rfind("\\Q").is_some_and(|open| before.rfind("\\E").is_none_or(|close| close < open));
            if !quoted {
                let message = format!("the value of \"{}\" is read as a part of the expression", found.name);
                let remedy = format!("write \\Q${{{}}}\\E", found.name);
                findings.add(view.part(expression, found.whole), message, remedy);
            }
        }
    }
}
