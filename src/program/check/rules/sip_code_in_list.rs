//! A SIP status in a list of causes.

use crate::program::check::failure::{cause, settings};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::model::Cause;
use crate::words::model::{falsy, truthy};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D503",
    name: "sip-code-in-list",
    severity: Severity::Warning,
    summary: "A list of causes holds a SIP status code",
    why: "Numbers in these lists are causes (17 is USER_BUSY), not SIP status codes; `486` matches nothing.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=NO_ANSWER,486"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=NO_ANSWER,USER_BUSY"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for setting in settings(view.actions()) {
        if truthy(setting.causes) || falsy(setting.causes) {
            continue;
        }
        for (item, place) in setting.items() {
            let Some(status) = item.parse::<u16>().ok().filter(|status| *status >= 400) else { continue };
            if cause(item).is_none() {
                let message = format!("{status} is a SIP status, no cause; it matches nothing");
                let meant = Cause::from_sip_status(status).name();
                findings.add(setting.span(view, place), message, format!("write {meant}"));
            }
        }
    }
}
