//! `ring_ready`: tells the caller that it rings: 180, or 182 with `queued`.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static RING_READY: Application = Application {
    name: "ring_ready",
    doc: "Tells the caller that it rings: 180, or 182 with `queued`",
    syntax: "[queued]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.ring_ready(data.trim().eq_ignore_ascii_case("queued")).await;
}
