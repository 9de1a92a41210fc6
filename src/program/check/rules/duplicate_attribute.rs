//! An attribute given twice.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::elements;
use crate::words::text::Severity;
use std::collections::HashSet;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X117",
    name: "duplicate-attribute",
    severity: Severity::Warning,
    summary: "An attribute is given twice",
    why: "Of two equal attributes the first counts.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO a" data="INFO b"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO a"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for element in elements(view.root) {
        let mut seen = HashSet::new();
        for attribute in &element.attributes {
            if !seen.insert(&attribute.name) {
                let message = format!("attribute {} is given above; this one is ignored", attribute.name);
                findings.add(attribute.value.span, message, "take one of them out");
            }
        }
    }
}
