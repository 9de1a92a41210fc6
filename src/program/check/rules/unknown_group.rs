//! A group that does not exist.

use crate::program::check::dialled::{UNKNOWN, legs};
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
    // Users may come from elsewhere while there is no directory at all.
    if view.directory.user_count() == 0 {
        return;
    }
    for leg in legs(view).iter().filter(|leg| leg.endpoint.eq_ignore_ascii_case("group")) {
        let (group, domain) = leg.destination.split_once('@').unwrap_or((&leg.destination, ""));
        if group.contains(UNKNOWN) {
            continue;
        }
        let exists = |domain: &str| view.directory.members(group, domain).is_some();
        let known = domain.is_empty() || domain.contains(UNKNOWN);
        if known && !view.directory.domains().any(exists) {
            findings.add(leg.span(view), format!("there is no group \"{group}\" in any domain"), "correct the name");
        } else if !known && !exists(domain) {
            let message = format!("there is no group \"{group}\" in domain \"{domain}\"");
            findings.add(leg.span(view), message, "correct the name");
        }
    }
}
