//! A blank in the name of a variable.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D411",
    name: "blank-in-name",
    severity: Severity::Warning,
    summary: "A blank stands beside the = of an assignment",
    why: "Names and values are not trimmed: `a = 1` sets a variable whose name ends in a blank to a value that \
          begins with one.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="greeting = hello"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="greeting=hello"/>
    <action application="log" data="INFO ${greeting}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions().filter(|action| !action.is(&["multiset"])) {
        for (name, _, value) in action.assignments() {
            let Some(data) = action.data().filter(|_| name.ends_with(' ') || name.starts_with(' ')) else { continue };
            let message = format!("the name of this variable is \"{name}\", with its blank");
            findings.add(view.part(data, 0..value.start.saturating_sub(1)), message, "write name=value without blanks");
        }
    }
}
