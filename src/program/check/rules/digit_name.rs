//! A variable whose name begins with a digit.

use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D412",
    name: "digit-name",
    severity: Severity::Warning,
    summary: "The name of a variable begins with a digit",
    why: "In the data of an action `${1` is taken for a capture group: FreeSWITCH loses the two characters `${` and \
          keeps the rest. This switch leaves the text alone.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1)$">
    <action application="log" data="INFO ${1st_name}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1)$">
    <action application="log" data="INFO ${first_name}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for data in view.actions().filter_map(|action| action.data()) {
        for found in references(&data.text).into_iter().filter(|found| found.arguments.is_none()) {
            let digits = found.name.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 && digits < found.name.len() {
                let message =
                    format!("\"{}\" begins with a digit; FreeSWITCH takes it for a capture group", found.name);
                findings.add(view.part(data, found.at), message, "begin the name with a letter");
            }
        }
    }
}
