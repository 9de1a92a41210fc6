//! A script that plays a prompt that is not there.

use crate::program::check::lua_calls::Call;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::sounds::find;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L111",
    name: "lua-prompt",
    severity: Severity::Error,
    summary: "A script plays a prompt that is not there at any sample rate",
    why: "It is looked for as written below the sounds folder, and in the folders `8000`, `16000`, `32000` and `48000` beside \
          it. The caller hears nothing, and the method answers 0.",
    bad: Example::Files(&[
        ("dialplan/default.xml", ""),
        (
            "scripts/hello.lua",
            r#"session:streamFile("ivr/helo.wav")
"#,
        ),
        ("sounds/ivr/8000/hello.wav", ""),
    ]),
    good: Example::Files(&[
        ("dialplan/default.xml", ""),
        (
            "scripts/hello.lua",
            r#"session:streamFile("ivr/hello.wav")
"#,
        ),
        ("sounds/ivr/8000/hello.wav", ""),
    ]),
    check: Some(check),
};

/// Methods and the numbers of their arguments that name prompts.
const PLAY: &[(&str, &[usize])] = &[("streamFile", &[0]), ("read", &[2]), ("playAndGetDigits", &[5, 6])];

/// Applications whose data are the name of a prompt.
const APPLICATIONS: &[&str] = &["playback", "endless_playback"];

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let sounds = &view.subject.sounds;
    // `switch lua check` without a folder of prompts: they are on the machine where the switch runs.
    if sounds.as_os_str().is_empty() {
        return;
    }
    for script in view.scripts {
        for call in known_calls(script) {
            for number in places(&call) {
                let Some((file, at)) = call.text(number) else { continue };
                if file.contains('\\') || find(file, sounds) {
                    continue;
                }
                let message = format!("there is no prompt {file} (sounds folder: {})", sounds.display());
                findings.add(span(script, at), message, "record it, or correct the name");
            }
        }
    }
}

/// Numbers of the arguments that name prompts.
fn places(call: &Call<'_>) -> Vec<usize> {
    if call.class != "Session" {
        return Vec::new();
    }
    if call.name == "execute" {
        let plays = call.text(0).is_some_and(|(name, _)| APPLICATIONS.iter().any(|app| app.eq_ignore_ascii_case(name)));
        return if plays { vec![1] } else { Vec::new() };
    }
    let row = PLAY.iter().find(|(name, _)| *name == call.name);
    row.map(|(_, places)| places.to_vec()).unwrap_or_default()
}
