//! A transfer_on_fail that never fires.

use crate::call::failure::continues_by_default;
use crate::program::check::failure::{cause, settings};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::{Action, View};
use crate::words::model::truthy;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D505",
    name: "transfer-never-made",
    severity: Severity::Warning,
    summary: "transfer_on_fail never transfers",
    why: "A true word in `transfer_on_fail` means to go on in place, not to transfer. NO_ANSWER, NO_USER_RESPONSE \
          and ORIGINATOR_CANCEL go on before it is looked at, unless `continue_on_fail` is set. A cause that \
          `continue_on_fail` names goes on, too.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="transfer_on_fail=NO_ANSWER 2 XML default"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
<extension name="two">
  <condition field="destination_number" expression="^2$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=false"/>
    <action application="set" data="transfer_on_fail=NO_ANSWER 2 XML default"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
<extension name="two">
  <condition field="destination_number" expression="^2$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    // Set elsewhere, to what cannot be known here.
    let names = ["continue_on_fail", "failure_causes"];
    let elsewhere = names.iter().any(|name| view.globals.get(name).is_some());
    for extension in &view.extensions {
        let all = settings(extension.actions.iter().copied());
        let (transfers, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|setting| setting.name.eq_ignore_ascii_case("transfer_on_fail"));
        let dynamic =
            extension.actions.iter().flat_map(Action::assignments).any(|(name, value, _)| {
                value.contains('$') && names.iter().any(|known| known.eq_ignore_ascii_case(name))
            });
        for transfer in transfers {
            if truthy(transfer.causes) && transfer.value.trim().contains(' ') {
                let message = format!("\"{}\" means to go on in place: no transfer is made", transfer.causes);
                findings.add(transfer.whole(view), message, "name the causes");
                continue;
            }
            let named = |item: &str| {
                others.iter().any(|other| {
                    other.name.eq_ignore_ascii_case("continue_on_fail")
                        && other.items().iter().any(|(name, _)| cause(name).is_some() && cause(name) == cause(item))
                })
            };
            let early = |item: &str| others.is_empty() && !elsewhere && cause(item).is_some_and(continues_by_default);
            let items = transfer.items();
            if !dynamic && !items.is_empty() && items.iter().all(|(item, _)| named(item) || early(item)) {
                let message = "no transfer is ever made: the call goes on before transfer_on_fail is looked at";
                let remedy = if others.is_empty() {
                    "set continue_on_fail=false, too"
                } else {
                    "take the cause out of continue_on_fail"
                };
                findings.add(transfer.whole(view), message, remedy);
            }
        }
    }
}
