//! A method that does not exist.

use crate::call::lua::{session_arity, session_methods};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::session_calls;
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L105",
    name: "lua-method",
    severity: Severity::Error,
    summary: "A session has no such method",
    why: "The script fails at this line: it calls a nil value.",
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
            "session:anwser()
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
            "session:answer()
",
        ),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in session_calls(script).into_iter().filter(|call| session_arity(call.name).is_none()) {
            let message = format!("a session has no method \"{}\"", call.name);
            findings.add(
                call.span,
                message,
                remedy(call.name, session_methods(), "correct the name; letters count as written"),
            );
        }
    }
}
