//! A script that runs an API command that does not exist.

use crate::call::{api, command};
use crate::program::check::known::{functions, has_command};
use crate::program::check::lua_calls::{Call, Given};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L109",
    name: "lua-command",
    severity: Severity::Error,
    summary: "A script runs an API command that does not exist",
    why: "The answer is `INVALID COMMAND!`.",
    bad: Example::Script(
        r#"local api = freeswitch.API()
local name = api:execute("hostnme")
"#,
    ),
    good: Example::Script(
        r#"local api = freeswitch.API()
local name = api:execute("hostname")
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in known_calls(script) {
            let Some((name, at)) = commanded(&call) else { continue };
            if has_command(name) || functions().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            let message = format!("there is no API command \"{name}\"; the answer is INVALID COMMAND!");
            let own = api::all().iter().map(|function| function.name());
            let known = own.chain(command::all().iter().map(|command| command.name)).chain(functions());
            findings.add(span(script, at), message, remedy(name, known, "correct the name"));
        }
    }
}

/// The command that `api:execute("name", …)` and `api:executeString("name …")` name, with its place.
pub(super) fn commanded<'c>(call: &'c Call<'_>) -> Option<(&'c str, std::ops::Range<usize>)> {
    let argument = call.arguments.first().filter(|_| call.class == "API")?;
    let name = match (call.name, argument.value) {
        ("execute", Given::Text(text)) => text,
        ("executeString", Given::Text(text)) => text.split(' ').next()?,
        // Something is appended: the name is known when a blank follows it.
        ("executeString", Given::Start(text)) => text.split_once(' ')?.0,
        _ => return None,
    };
    let start = argument.at.start;
    (!name.is_empty() && !name.contains('\\')).then(|| (name, start..start + name.len()))
}
