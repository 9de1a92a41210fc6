//! `answer`: answers the call: 200 with SDP.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static ANSWER: Application = Application {
    name: "answer",
    doc: "Answers the call: 200 with SDP",
    syntax: "[<flags>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let _ = data;
    call.answer().await;
}
