//! A capture beyond the groups.

use crate::program::check::captures::{Groups, captures, groups};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D204",
    name: "capture-beyond-groups",
    severity: Severity::Warning,
    summary: "$n is greater than the number of groups",
    why: "It becomes the empty text. Digits are taken greedily: `$10` is group ten; write `${1}0` for group one and \
          a zero.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1)$">
    <action application="log" data="INFO $10"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^(1)$">
    <action application="log" data="INFO ${1}0"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions().filter(|action| !action.anti) {
        let (Some(data), Some(groups)) = (action.data(), groups(action.condition)) else { continue };
        let Groups { count, switched } = groups;
        for (number, at) in captures(&data.text) {
            if switched && number > count {
                let message = format!("${number} is empty: the expression has {count} groups");
                findings.add(view.part(data, at), message, "correct the number; ${1}0 is group one and a zero");
            }
        }
    }
}
