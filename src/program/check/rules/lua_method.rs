//! A function or method that does not exist.

use crate::call::lua::signatures;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, own_functions, span};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;
use std::collections::BTreeSet;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L105",
    name: "lua-method",
    severity: Severity::Error,
    summary: "An object has no such method, or the switch no such function",
    why: "The script fails at this line: it calls a nil value. Of an object the class is known when the text itself makes it, \
          and of `session`, `stream` and `env`.",
    bad: Example::Script(
        r#"session:anwser()
freeswitch.consolelog("info", "answered")
"#,
    ),
    good: Example::Script(
        r#"session:answer()
freeswitch.consoleLog("info", "answered")
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    // A script may add functions, and another one use them.
    let added: BTreeSet<&str> = view.scripts.iter().flat_map(own_functions).collect();
    for script in view.scripts {
        for call in known_calls(script) {
            let of_class = || signatures().filter(|found| found.class == call.class && !found.is_constructor());
            let own = call.class.is_empty() && added.contains(call.name);
            if own || call.signature().is_some() || of_class().next().is_none() {
                continue;
            }
            let message = match call.class {
                "" => format!("freeswitch has no function \"{}\"", call.name),
                "Session" => format!("a session has no method \"{}\"", call.name),
                class => format!("an object of freeswitch.{class} has no method \"{}\"", call.name),
            };
            let name = call.name.to_owned();
            let remedy =
                remedy(&name, of_class().map(|found| found.name), "correct the name; letters count as written");
            findings.add(span(script, call.at), message, remedy);
        }
    }
}
