//! `pickup`: takes the call that waits longest under a key (`pickup/<key>` in its dial string).

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static PICKUP: Application = Application {
    name: "pickup",
    doc: "Takes the call that waits longest under a key",
    syntax: "<key>[@<domain>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.pick_up(data).await;
}
