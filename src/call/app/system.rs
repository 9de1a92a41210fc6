//! `system`: the API command `system`; refused unless the configuration allows it.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SYSTEM: Application = Application {
    name: "system",
    doc: "Runs a shell command and waits for it",
    syntax: "<command>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let answer = call.awaited_api("system", data).await.unwrap_or_default();
    if answer.starts_with("-ERR") {
        tracing::error!(data, "system: {}", answer.trim_end());
    }
}
