//! `bgsystem`: the API command `bg_system`; refused unless the configuration allows it.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static BGSYSTEM: Application = Application {
    name: "bgsystem",
    doc: "Starts a shell command",
    syntax: "<command>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let answer = call.awaited_api("bg_system", data).await.unwrap_or_default();
    if answer.starts_with("-ERR") {
        tracing::error!(data, "bgsystem: {}", answer.trim_end());
    }
}
