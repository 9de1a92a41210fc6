//! A function or method called with a wrong number of arguments.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L104",
    name: "lua-arguments",
    severity: Severity::Error,
    summary: "A function or method is called with a wrong number of arguments",
    why: "The script fails at this line with an error.",
    bad: Example::Script(
        r#"session:setVariable("greeting")
freeswitch.consoleLog("started")
"#,
    ),
    good: Example::Script(
        r#"session:setVariable("greeting", "hello")
freeswitch.consoleLog("info", "started")
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in known_calls(script).into_iter().filter(|call| !call.uncertain) {
            let Some(signature) = call.signature() else { continue };
            let (least, most, given) = (signature.required, signature.parameters.len(), call.arguments.len());
            if (least..=most).contains(&given) {
                continue;
            }
            let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let plural = if least == most && most == 1 { "" } else { "s" };
            let message = format!("{} takes {wanted} argument{plural}, not {given}", call.full_name());
            findings.add(span(script, call.at), message, "correct the call");
        }
    }
}
