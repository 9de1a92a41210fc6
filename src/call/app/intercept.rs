//! `intercept`: takes over a channel of another call.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static INTERCEPT: Application = Application {
    name: "intercept",
    doc: "Takes over a channel of another call, whose partner is hung up",
    syntax: "[-bleg] <uuid>",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.intercept(data).await;
}
