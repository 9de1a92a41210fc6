//! `park`: holds the channel until it is transferred or hung up.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static PARK: Application = Application {
    name: "park",
    doc: "Holds the channel until it is transferred or hung up",
    syntax: "",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let _ = data;
    call.park().await;
}
