//! A script that runs an API command of FreeSWITCH that this switch does not have.

use super::lua_command::commanded;
use crate::program::check::known::{functions, has_command};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L110",
    name: "lua-unimplemented-command",
    severity: Severity::Warning,
    summary: "A script runs an API command that this switch does not have",
    why: "FreeSWITCH has it, this switch does not. The answer is `INVALID COMMAND!`.",
    bad: Example::Script(
        r#"local api = freeswitch.API()
api:executeString("callcenter_config queue list")
"#,
    ),
    good: Example::Script(
        r#"local api = freeswitch.API()
api:executeString("show channels")
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in known_calls(script) {
            let Some((name, at)) = commanded(&call) else { continue };
            if !has_command(name) && functions().any(|known| known.eq_ignore_ascii_case(name)) {
                let message = format!("API command \"{name}\" is not implemented; the answer is INVALID COMMAND!");
                findings.add(span(script, at), message, "do without it");
            }
        }
    }
}
