//! A call that a parenthesis cuts.

use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D407",
    name: "call-parenthesis",
    severity: Severity::Warning,
    summary: "A parenthesis ends the arguments of a call early",
    why: "In the form with a blank, the first group in parentheses ends the arguments just before it closes: `${expr \
          (1+2)*3}` calls expr with `(1+2`.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${expr (1+2)*3}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${expr((1+2)*3)}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for text in view.texts() {
        for found in references(&text.text).into_iter().filter(|found| found.arguments.is_some()) {
            let name = found.name;
            let arguments = found.arguments.unwrap_or_default();
            if arguments.starts_with(' ') && arguments.contains('(') && !arguments.contains("${") {
                let message = format!("a parenthesis in this form ends the arguments of {name} early");
                findings.add(view.part(text, found.whole), message, format!("write ${{{name}(…)}}"));
            }
        }
    }
}
