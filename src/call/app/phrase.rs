//! `phrase`: plays a phrase macro.

use super::{Application, Run};
use crate::call::task::{Call, DigitRule, Played};

/// The application.
pub(super) static PHRASE: Application = Application {
    name: "phrase",
    doc: "Plays a phrase macro",
    syntax: "<macro>[,<data>]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let (name, data) = data.split_once(',').unwrap_or((data, ""));
    let response = if name.trim().is_empty() {
        "NOTHING"
    } else {
        let keys = super::playback::terminators(call);
        match call.phrase(name.trim(), data, DigitRule::Terminate(&keys)).await {
            Played::NotFound(_) | Played::Interrupted => "UNKNOWN ERROR",
            Played::Terminated(key) => {
                call.a.variables.set("playback_terminator_used", &key.to_string());
                "PHRASE PLAYED"
            }
            _ => "PHRASE PLAYED",
        }
    };
    call.a.variables.set("current_application_response", response);
}
