//! `att_xfer`: asks a third party before the other side of the bridge is given to it.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static ATT_XFER: Application = Application {
    name: "att_xfer",
    doc: "Calls somebody while the other side of the bridge waits with music; who hangs up brings the two together",
    syntax: "<dial string>",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.att_xfer(data).await;
}
