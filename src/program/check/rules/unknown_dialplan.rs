//! A dialplan that does not exist.

use crate::program::check::dialled::UNKNOWN;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::target::targets;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D608",
    name: "unknown-dialplan",
    severity: Severity::Error,
    summary: "A transfer names a dialplan that does not exist",
    why: "Dialplans are `XML`, `XML:/file`, `inline` and `LUA`; nothing is found under another name.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XNL default"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XML default"/>
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
    for target in targets(view) {
        // Several dialplans may stand there, each with an argument.
        let mut names = target.dialplan.split(',').map(|item| item.split(':').next().unwrap_or_default());
        let unknown = names.find(|name| {
            !name.contains(UNKNOWN) && !["XML", "inline", "LUA"].iter().any(|known| known.eq_ignore_ascii_case(name))
        });
        if let Some(name) = unknown {
            let at =
                target.data.text.find(name).map_or(target.data.span, |at| view.part(target.data, at..at + name.len()));
            findings.add(
                at,
                format!("there is no dialplan \"{name}\""),
                remedy(name, ["XML", "inline", "LUA"], "write XML, inline or LUA"),
            );
        }
    }
}
