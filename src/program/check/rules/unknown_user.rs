//! A user that does not exist.

use crate::program::check::dialled::unknown_entries;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D605",
    name: "unknown-user",
    severity: Severity::Error,
    summary: "A dial string names a user that does not exist",
    why: "The leg fails at once with SUBSCRIBER_ABSENT.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="user/1999@example.com"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    unknown_entries(view, findings, "user", |user, domain| view.directory.user(user, domain).is_some());
}
