//! An unknown value of an attribute.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::elements;
use crate::words::model::{falsy, truthy};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D109",
    name: "unknown-value",
    severity: Severity::Warning,
    summary: "A value of continue, inline, loop, regex or require-nested is unknown",
    why: "A flag is true for `true yes on t enabled active allow` and numbers other than 0; anything else is false, \
          also when it was meant to be true. `regex` knows `all`, `any` and `xor`; anything else means `any`. `loop` \
          wants a number; anything else means none at all.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="a=1" inline="ture"/>
    <action application="log" data="INFO ${a}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="a=1" inline="true"/>
    <action application="log" data="INFO ${a}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for element in view.section("dialplan").into_iter().flat_map(elements) {
        for attribute in &element.attributes {
            let value = attribute.value.text.as_str();
            let wanted = match (element.name.as_str(), attribute.name.as_str()) {
                ("extension", "continue") | ("condition", "require-nested") | ("action" | "anti-action", "inline") => {
                    if value.is_empty() || truthy(value) || falsy(value) {
                        continue;
                    }
                    "true or false"
                }
                ("condition", "regex") => {
                    if ["all", "any", "xor"].iter().any(|known| known.eq_ignore_ascii_case(value)) {
                        continue;
                    }
                    "all, any or xor"
                }
                ("action" | "anti-action", "loop") => {
                    if value.parse::<u32>().is_ok_and(|copies| copies > 0) {
                        continue;
                    }
                    "a number greater than 0"
                }
                _ => continue,
            };
            let message = format!("\"{value}\" is no value of {}", attribute.name);
            findings.add(attribute.value.span, message, format!("write {wanted}"));
        }
    }
}
