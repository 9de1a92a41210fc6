//! `lua`: runs a Lua script.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static LUA: Application = Application {
    name: "lua",
    doc: "Runs a Lua script",
    syntax: "<script> [<arguments>]",
    media: false,
    inline: false,
    zombie: true,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    call.lua(data).await;
}
