//! A user that does not exist.

use crate::program::check::dialled::{UNKNOWN, legs};
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
    // Users may come from elsewhere while there is no directory at all.
    if view.directory.user_count() == 0 {
        return;
    }
    for leg in legs(view).iter().filter(|leg| leg.endpoint.eq_ignore_ascii_case("user")) {
        let (user, domain) = leg.destination.split_once('@').unwrap_or((&leg.destination, ""));
        if user.contains(UNKNOWN) {
            continue;
        }
        let anywhere = domain.is_empty() || domain.contains(UNKNOWN);
        let exists = |domain: &str| view.directory.user(user, domain).is_some();
        if anywhere && !view.directory.domains().any(exists) {
            findings.add(leg.span(view), format!("there is no user \"{user}\" in any domain"), "correct the name");
        } else if !anywhere && !exists(domain) {
            findings.add(
                leg.span(view),
                format!("there is no user \"{user}\" in domain \"{domain}\""),
                "correct the name",
            );
        }
    }
}
