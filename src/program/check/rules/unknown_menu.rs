//! A menu that does not exist.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// Has a menu `welcome`.
const MENUS: &str = r#"<configuration name="ivr.conf">
<menus>
<menu name="welcome" greet-long="tone_stream://%(100,0,440)" digit-len="1">
<entry action="menu-exit" digits="0"/>
</menu>
</menus>
</configuration>
"#;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D610",
    name: "unknown-menu",
    severity: Severity::Error,
    summary: "There is no such menu",
    why: "`ivr` plays nothing and the next action runs. Menus stand in `ivr.conf`.",
    bad: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="ivr" data="welcom"/>
  </condition>
</extension>
</context>
"#,
        ),
        ("autoload_configs/ivr.conf.xml", MENUS),
    ]),
    good: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="ivr" data="welcome"/>
  </condition>
</extension>
</context>
"#,
        ),
        ("autoload_configs/ivr.conf.xml", MENUS),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for data in view.actions().filter(|action| action.is(&["ivr"])).filter_map(|action| action.constant()) {
        let name = data.text.trim();
        if view.voice.menu(name).is_none() {
            let menus = view.voice.menus().map(|menu| menu.name.as_str());
            let message = format!("there is no menu \"{name}\"");
            findings.add(data.span, message, remedy(name, menus, "write it into ivr.conf, or correct the name"));
        }
    }
}
