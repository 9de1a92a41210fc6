//! `playback`: plays a file.

use super::{Application, Run};
use crate::call::task::Call;
use crate::call::task::{DigitRule, Played};
use crate::words::expand::split;

/// The application.
pub(super) static PLAYBACK: Application = Application {
    name: "playback",
    doc: "Plays a file",
    syntax: "<file string>[@@<sample>]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

/// Keys that end a playback or a recording.
pub(super) fn terminators(call: &Call) -> String {
    match call.a.get("playback_terminators") {
        Some(keys) if keys.eq_ignore_ascii_case("none") => String::new(),
        Some(keys) if keys.eq_ignore_ascii_case("any") => "1234567890*#".to_owned(),
        Some(keys) => keys.to_owned(),
        None => "*".to_owned(),
    }
}

async fn run(call: &mut Call, data: &str) {
    call.a.variables.remove("playback_terminator_used");
    let keys = terminators(call);
    let mut last = "FILE NOT FOUND";
    let delimiter = call.a.get("playback_delimiter").and_then(|text| text.chars().next());
    let files: Vec<String> = match delimiter {
        Some(delimiter) => split(data, delimiter, 128),
        None => vec![data.to_owned()],
    };
    for file in files {
        last = match call.play(&file, 0, DigitRule::Terminate(&keys)).await {
            Played::Finished | Played::Broken => "FILE PLAYED",
            Played::Terminated(digit) => {
                call.a.variables.set("playback_terminator_used", &digit.to_string());
                last = "FILE PLAYED";
                break;
            }
            Played::Interrupted | Played::Told(_) => {
                last = "PLAYBACK ERROR";
                break;
            }
            Played::NotFound(_) => "FILE NOT FOUND",
        };
    }
    call.a.variables.set("current_application_response", last);
}
