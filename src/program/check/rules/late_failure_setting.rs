//! A setting behind the bridge it should govern.

use crate::program::check::failure::settings;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D501",
    name: "late-failure-setting",
    severity: Severity::Warning,
    summary: "continue_on_fail or transfer_on_fail is set behind the bridge",
    why: "When the bridge fails the variable is not set yet. Set it in front of the bridge.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="user/1000@example.com"/>
    <action application="set" data="continue_on_fail=true"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="continue_on_fail=true"/>
    <action application="bridge" data="user/1000@example.com"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        for setting in settings(extension.actions.iter().copied()) {
            let place =
                |action: &crate::program::check::view::Action<'_>| std::ptr::eq(action.written, setting.action.written);
            let at = extension.actions.iter().position(place).unwrap_or(0);
            let bridge = |action: &crate::program::check::view::Action<'_>| action.is(&["bridge"]);
            let before = extension.actions.iter().take(at).any(bridge);
            let after = extension.actions.iter().skip(at).any(bridge);
            if before && !after && !setting.action.inline() {
                let message = format!("{} is set here, behind the bridge that it should govern", setting.name);
                findings.add(setting.whole(view), message, "set it in front of the bridge");
            }
        }
    }
}
