//! An escape that expansion eats.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::tests;
use crate::words::expand::needs_expansion;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D209",
    name: "escaped-dollar",
    severity: Severity::Warning,
    summary: r"\$ stands beside an escape that starts expansion",
    why: "An expression that holds `\\s`, `\\n`, `\\t`, `\\\\` or `${` is expanded before it is read, and expansion \
          turns `\\$` into `$`: the end of the text instead of a dollar sign.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="caller_id_name" expression="^\$5\sx$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="caller_id_name" expression="^[$]5\sx$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for expression in view.conditions().flat_map(tests).filter_map(|test| test.expression.as_ref()) {
        if let (Some(at), true) = (expression.text.find("\\$"), needs_expansion(&expression.text)) {
            let message = "this expression is expanded before it is read, which turns \\$ into $";
            findings.add(view.part(expression, at..at + 2), message, "write [$] for a dollar sign");
        }
    }
}
