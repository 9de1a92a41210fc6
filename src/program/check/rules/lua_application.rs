//! A script that executes an application that does not exist.

use crate::call::app;
use crate::program::check::known::applications;
use crate::program::check::lua_calls::Call;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L107",
    name: "lua-application",
    severity: Severity::Error,
    summary: "A script executes an application that does not exist",
    why: "The call is hung up with DESTINATION_OUT_OF_ORDER at this line.",
    bad: Example::Script(
        r#"session:execute("plyback", "tone_stream://%(100,0,440)")
"#,
    ),
    good: Example::Script(
        r#"session:execute("playback", "tone_stream://%(100,0,440)")
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in known_calls(script) {
            let Some((name, at)) = executed(&call) else { continue };
            if app::find(name).is_some() || applications().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            let message =
                format!("there is no application \"{name}\"; the call would be hung up with DESTINATION_OUT_OF_ORDER");
            let known = app::all().iter().map(|application| application.name).chain(applications());
            findings.add(span(script, at), message, remedy(name, known, "correct the name"));
        }
    }
}

/// The application that `session:execute("name")` names, with its place.
pub(super) fn executed<'c>(call: &'c Call<'_>) -> Option<(&'c str, std::ops::Range<usize>)> {
    let (name, at) = call.text(0).filter(|_| (call.class, call.name) == ("Session", "execute"))?;
    // `name::data` is another form, and nothing is an error of its own.
    let plain = !name.is_empty() && !name.contains("::") && !name.contains('\\');
    plain.then_some((name, at))
}
