//! Text that replaces data.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::elements;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D111",
    name: "text-over-data",
    severity: Severity::Warning,
    summary: "The text of an action replaces its data",
    why: "The text between the tags, even a single blank or line end, is the data of the action; the attribute \
          `data` is then ignored.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO a">
    </action>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO a"></action>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for element in view.section("dialplan").into_iter().flat_map(elements) {
        let text = element.text.as_ref().is_some_and(|text| !text.text.is_empty());
        if let ("action" | "anti-action", true, Some(data)) = (element.name.as_str(), text, element.attribute("data")) {
            let message = "the text of this element, blanks and line ends included, replaces its data";
            findings.add(data.span, message, "write the element without text, as <action …/>");
        }
    }
}
