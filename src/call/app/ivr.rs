//! `ivr`: runs a menu of `ivr.conf`.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static IVR: Application = Application {
    name: "ivr",
    doc: "Runs a menu",
    syntax: "<menu>",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let snapshot = call.snapshot.clone();
    call.ivr(data.trim(), &|name| snapshot.voice.menu(name)).await;
}
