//! Text of the caller in a shell command.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::taint::calls;
use crate::program::check::taint::flows;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T104",
    name: "tainted-command",
    severity: Severity::Error,
    summary: "Text that the caller chooses flows into a shell command",
    why: "A semicolon or a backquote in it runs any command on this machine.",
    bad: Example::Files(&[(
        "dialplan/default.xml",
        r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="system" data="echo ${caller_id_name}"/>
  </condition>
</extension>
</context>
"#,
    )]),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="log" data="INFO ${caller_id_name}"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        let commands = flows(extension, &["system", "bgsystem", "bg_system"]);
        for flow in commands.into_iter().chain(calls(extension, &["system", "bg_system", "bgsystem"])) {
            let message = format!("\"{}\" comes from the network and flows into a shell command", flow.source);
            findings.add(view.part(flow.data, flow.at), message, "do it in a script, without a shell");
        }
    }
}
