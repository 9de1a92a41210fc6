//! `pre_answer`: opens early media: 183 with SDP.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static PRE_ANSWER: Application = Application {
    name: "pre_answer",
    doc: "Opens early media: 183 with SDP",
    syntax: "",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let _ = data;
    call.pre_answer().await;
}
