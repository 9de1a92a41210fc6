//! A group that does not exist.

use crate::program::check::dialled::unknown_entries;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D609",
    name: "unknown-group",
    severity: Severity::Error,
    summary: "A dial string names a group that does not exist",
    why: "The leg fails at once.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="group/sale@example.com"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="group/sales@example.com"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    unknown_entries(view, findings, "group", |group, domain| view.directory.members(group, domain).is_some());
}
