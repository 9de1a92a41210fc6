//! `send_dtmf`: sends digits to the far end; with `~` before them they count as received.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SEND_DTMF: Application = Application {
    name: "send_dtmf",
    doc: "Sends digits to the far end",
    syntax: "[~]<digits>[@<ms>][+<digits>[@<ms>]...]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    match data.strip_prefix('~') {
        Some(digits) => call.receive_digits(digits),
        None => call.send_digits(data).await,
    }
}
