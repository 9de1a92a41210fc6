//! A script that executes an application of FreeSWITCH that this switch does not have.

use super::lua_application::executed;
use crate::call::app;
use crate::program::check::known::applications;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L108",
    name: "lua-unimplemented-application",
    severity: Severity::Error,
    summary: "A script executes an application that this switch does not have",
    why: "FreeSWITCH has it, this switch does not. The call is hung up with DESTINATION_OUT_OF_ORDER at this line.",
    bad: Example::Script(
        r#"session:execute("spandsp_start_fax_detect")
"#,
    ),
    good: Example::Script(
        r#"session:execute("answer")
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in known_calls(script) {
            let Some((name, at)) = executed(&call) else { continue };
            if app::find(name).is_none() && applications().any(|known| known.eq_ignore_ascii_case(name)) {
                let message = format!(
                    "application \"{name}\" is not implemented; the call would be hung up with DESTINATION_OUT_OF_ORDER"
                );
                findings.add(span(script, at), message, "do without it");
            }
        }
    }
}
