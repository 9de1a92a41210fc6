//! Text of the caller in a script's arguments.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::taint::flows;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T103",
    name: "tainted-script",
    severity: Severity::Warning,
    summary: "Text that the caller chooses flows into a script's arguments",
    why: "Blanks and quotes in it change the arguments; a script that trusts them is led astray. A script reads the \
          value itself with `session:getVariable`.",
    bad: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="lua" data="hello.lua ${caller_id_name}"/>
  </condition>
</extension>
</context>
"#,
        ),
        (
            "scripts/hello.lua",
            "session:answer()
",
        ),
    ]),
    good: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="lua" data="hello.lua"/>
  </condition>
</extension>
</context>
"#,
        ),
        (
            "scripts/hello.lua",
            r#"session:answer()
local name = session:getVariable("caller_id_name")
"#,
        ),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        for flow in flows(extension, &["lua", "javascript", "python", "perl", "socket", "httapi", "curl"]) {
            let message = format!("\"{}\" comes from the network and flows into a script's arguments", flow.source);
            findings.add(view.part(flow.data, flow.at), message, "read it in the script with session:getVariable");
        }
    }
}
