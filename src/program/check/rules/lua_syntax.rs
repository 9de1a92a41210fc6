//! A script that is no Lua.

use crate::call::lua::syntax_error;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::line_span;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L102",
    name: "lua-syntax",
    severity: Severity::Error,
    summary: "A Lua script has a syntax error",
    why: "The script fails when it is started.",
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
            "if session:ready() then
  session:answer(
end
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
            "if session:ready() then
  session:answer()
end
",
        ),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        // The runtime skips a byte order mark, too.
        if let Some(error) = syntax_error(script.text.strip_prefix('\u{feff}').unwrap_or(&script.text)) {
            findings.add(line_span(script, error.line), error.message, "correct the script");
        }
    }
}
