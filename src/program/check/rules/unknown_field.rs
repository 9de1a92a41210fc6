//! A field that does not exist.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::nearest;
use crate::program::check::view::View;
use crate::program::check::view::tests;
use crate::words::model::{OTHER_FIELDS, TEXT_FIELDS, is_profile_field};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D202",
    name: "unknown-field",
    severity: Severity::Warning,
    summary: "A field is none of the caller profile",
    why: "`field=\"name\"` reads the caller profile only, never a variable: an unknown name reads as empty. A \
          variable is written `${name}`.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="sip_user_agent" expression="^x">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="${sip_user_agent}" expression="^x">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for field in view.conditions().flat_map(tests).filter_map(|test| test.field.as_ref()) {
        let name = field.text.as_str();
        if name.is_empty() || name.contains('$') || is_profile_field(name) {
            continue;
        }
        let message = format!("\"{name}\" is no field of the caller profile and always reads as empty");
        let remedy = match nearest(name, TEXT_FIELDS.iter().chain(OTHER_FIELDS).copied()) {
            Some(known) => format!("write \"{known}\""),
            None => format!("write \"${{{name}}}\" for the variable of that name"),
        };
        findings.add(field.span, message, remedy);
    }
}
