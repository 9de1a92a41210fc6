//! `play_and_get_digits`: plays a prompt until digits come that match a pattern.

use super::{Application, Run};
use crate::call::control::{PlayAndGetSpec, ReadSpec};
use crate::call::task::Call;
use crate::words::expand::split;

/// The application.
pub(super) static PLAY_AND_GET_DIGITS: Application = Application {
    name: "play_and_get_digits",
    doc: "Plays a prompt until digits come that match a pattern",
    syntax: "<min> <max> <tries> <timeout ms> <terminators> <file> <invalid file> [<variable> [<pattern> [<digit timeout ms> [<transfer>]]]]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let words = split(data, ' ', 11);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    if words.len() < 7 {
        tracing::error!(data, "play_and_get_digits: seven arguments are needed");
        return;
    }
    let number = |at: usize| word(at).parse().unwrap_or(0);
    let spec = PlayAndGetSpec {
        read: ReadSpec {
            min: number(0),
            max: number(1),
            prompt: word(5).to_owned(),
            timeout_ms: number(3),
            terminators: word(4).to_owned(),
            digit_timeout_ms: number(9),
        },
        tries: number(2),
        invalid_prompt: word(6).to_owned(),
        variable: word(7).to_owned(),
        regex: word(8).to_owned(),
        transfer_on_failure: word(10).to_owned(),
    };
    call.play_and_get_digits(&spec).await;
}
