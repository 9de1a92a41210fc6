//! `socket`: lends the call to a program.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SOCKET: Application = Application {
    name: "socket",
    doc: "Lends the call to a program that listens on TCP",
    syntax: "<host>[:<port>][/path] [async] [full]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.lend_to_program(data).await;
}
