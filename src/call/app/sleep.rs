//! `sleep`: waits.

use std::time::Duration;

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SLEEP: Application = Application {
    name: "sleep",
    doc: "Waits",
    syntax: "<ms>",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    if let Ok(ms) = data.trim().parse() {
        call.sleep(Duration::from_millis(ms)).await;
    } else {
        tracing::error!(data, "sleep: not a number of milliseconds");
    }
}
