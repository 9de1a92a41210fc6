//! A value without quotes.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::elements;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X118",
    name: "unquoted-value",
    severity: Severity::Warning,
    summary: "An attribute value has no quotes",
    why: "`application=answer` is read as an attribute `application` without value and one more attribute `answer`.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application=answer data=""/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for element in elements(view.root) {
        let follows = element.attributes.iter().zip(element.attributes.iter().skip(1));
        for (attribute, next) in follows.filter(|(one, two)| !one.quoted && !two.quoted) {
            let message = format!("the value of {} has no quotes: it is empty", attribute.name);
            findings.add(attribute.value.span, message, format!("write {}=\"{}\"", attribute.name, next.name));
        }
    }
}
