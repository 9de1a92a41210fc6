//! `execute_extension`: runs another extension and comes back.

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::expand::split;

/// The application.
pub(super) static EXECUTE_EXTENSION: Application = Application {
    name: "execute_extension",
    doc: "Runs another extension and comes back",
    syntax: "<extension> [<dialplan> [<context>]]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let words = split(data, ' ', 3);
    let word = |at: usize| words.get(at).map(String::as_str);
    call.execute_extension(word(0).unwrap_or_default(), word(1), word(2)).await;
}
