//! A list of causes with one that does not exist.

use crate::program::check::failure::{cause, settings};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::model::Cause;
use crate::words::model::{falsy, truthy};
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D502",
    name: "unknown-listed-cause",
    severity: Severity::Warning,
    summary: "A list of causes names one that does not exist",
    why: "`continue_on_fail`, `failure_causes` and `transfer_on_fail` take names of causes and their numbers. An \
          unknown one matches nothing.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=USER_BUSY,NOANSWER"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=USER_BUSY,NO_ANSWER"/>
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
            if cause(item).is_none() && item.parse::<u32>().map_or(true, |number| number < 400) {
                let message = format!("there is no cause \"{item}\"; it matches nothing");
                let remedy = remedy(item, Cause::all().map(Cause::name), "see switch causes");
                findings.add(setting.span(view, place), message, remedy);
            }
        }
    }
}
