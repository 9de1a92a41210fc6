//! `hash`: the API command of this name; what it answers is dropped, a refusal logged.

use super::{Application, Run};
use crate::call::api;
use crate::call::task::Call;

/// The application.
pub(super) static HASH: Application = Application {
    name: "hash",
    doc: "Changes a value in the memory shared by all calls",
    syntax: "insert|insert_ifempty|delete|delete_ifmatch/<realm>/<key>[/<value>]",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let answer = api::run("hash", &mut call.view(), data).unwrap_or_default();
    if answer.starts_with('-') || answer == "!err!" {
        tracing::error!(data, "hash: {}", answer.trim_end());
    }
}
