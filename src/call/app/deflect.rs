//! `deflect`: asks the far end of an answered call to call somebody else (REFER).

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static DEFLECT: Application = Application {
    name: "deflect",
    doc: "Asks the far end of an answered call to call somebody else (REFER)",
    syntax: "<uri or number>",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.deflect(data.trim()).await;
}
