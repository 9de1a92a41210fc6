//! `read`: plays a prompt and gathers digits into a variable.

use super::{Application, Run};
use crate::call::control::ReadSpec;
use crate::call::task::Call;
use crate::words::expand::split;

/// The application.
pub(super) static READ: Application = Application {
    name: "read",
    doc: "Plays a prompt and gathers digits into a variable",
    syntax: "<min> <max> <file> <variable> <timeout ms> [<terminators> [<digit timeout ms>]]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let words = split(data, ' ', 7);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    if words.len() < 5 {
        tracing::error!(data, "read: <min> <max> <file> <variable> <timeout ms> are needed");
        return;
    }
    let number = |at: usize| word(at).parse().unwrap_or(0);
    let terminators = if word(5).is_empty() { "#" } else { word(5) };
    let spec = ReadSpec {
        min: number(0).max(1),
        max: number(1),
        prompt: word(2).to_owned(),
        timeout_ms: number(4).max(1000),
        terminators: terminators.to_owned(),
        digit_timeout_ms: number(6),
    };
    call.a.variables.remove(word(3));
    let digits = call.read(&spec).await;
    call.a.variables.set(word(3), &digits);
}
