//! `bridge`: calls somebody and connects the two.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static BRIDGE: Application = Application {
    name: "bridge",
    doc: "Calls somebody and connects the two",
    syntax: "<dial string>",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.bridge(data).await;
}
