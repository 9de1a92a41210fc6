//! `echo`: sends the caller back what he says.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static ECHO: Application = Application {
    name: "echo",
    doc: "Sends the caller back what he says",
    syntax: "",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let _ = data;
    call.echo().await;
}
