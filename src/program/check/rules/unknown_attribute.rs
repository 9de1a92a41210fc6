//! An attribute that means nothing.

use crate::engine::dialplan::DATE_ATTRIBUTES;
use crate::program::check::known::attributes;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::program::check::view::elements;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D102",
    name: "unknown-attribute",
    severity: Severity::Warning,
    summary: "An attribute means nothing on its element",
    why: "Names are case-sensitive, and an unknown attribute is ignored: a misspelt `expression` makes a condition \
          that always matches.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expresion="^1$">
    <action application="answer"/>
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
    for element in view.section("dialplan").into_iter().flat_map(elements) {
        let Some(known) = attributes(&element.name) else { continue };
        let dates = if ["condition", "regex"].contains(&element.name.as_str()) { DATE_ATTRIBUTES } else { &[] };
        for attribute in element.attributes.iter().filter(|attribute| attribute.quoted) {
            let mut all = known.iter().chain(dates).copied();
            if !all.clone().any(|name| name == attribute.name) {
                let message = format!("<{}> has no attribute \"{}\"; it is ignored", element.name, attribute.name);
                let remedy = remedy(&attribute.name, &mut all, "take it out");
                findings.add(attribute.value.span, message, remedy);
            }
        }
    }
}
