//! `record`: records the caller until he is silent, presses a key, or the limit.

use super::{Application, Run};
use crate::call::task::{Call, Wish};
use crate::words::expand::split;

/// The application.
pub(super) static RECORD: Application = Application {
    name: "record",
    doc: "Records the caller into a file",
    syntax: "<path> [[+]<limit seconds> [<silence threshold> [<silence seconds>]]]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let words = split(data, ' ', 4);
    let word = |at: usize| words.get(at).map_or("", String::as_str).trim();
    if word(0).is_empty() {
        tracing::error!("record: no file is named");
        return;
    }
    call.a.variables.remove("playback_terminator_used");
    let silence = (!word(2).is_empty()).then(|| (word(2).parse().unwrap_or(0), word(3).parse().unwrap_or(0)));
    let wish = Wish {
        name: word(0).to_owned(),
        limit_s: word(1).trim_start_matches('+').parse().unwrap_or(0),
        silence,
        ..Wish::default()
    };
    let ends = super::playback::terminators(call);
    call.record_file(&wish, &ends).await;
}
