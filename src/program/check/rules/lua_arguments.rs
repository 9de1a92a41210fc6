//! A method called with a wrong number of arguments.

use crate::call::lua::session_arity;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::session_calls;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L104",
    name: "lua-arguments",
    severity: Severity::Error,
    summary: "A session method is called with a wrong number of arguments",
    why: "The script fails at this line with an error.",
    bad: Example::Files(&[
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
            r#"session:setVariable("greeting")
"#,
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
            r#"session:setVariable("greeting", "hello")
"#,
        ),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in session_calls(script) {
            let (Some(arity), Some(given)) = (session_arity(call.name), call.arguments) else { continue };
            if arity.contains(&given) {
                continue;
            }
            let (least, most) = (arity.start(), arity.end());
            let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let message = format!("session:{} takes {wanted} arguments, not {given}", call.name);
            findings.add(call.span, message, "correct the call");
        }
    }
}
