//! `group`: the API command of this name; what it answers is dropped, a refusal logged.

use super::{Application, Run};
use crate::call::api;
use crate::call::task::Call;

/// The application.
pub(super) static GROUP: Application = Application {
    name: "group",
    doc: "Changes a list of dial strings",
    syntax: "insert|delete:<group>:<url>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let answer = api::run("group", &mut call.view(), data).unwrap_or_default();
    if answer.starts_with('-') || answer == "!err!" {
        tracing::error!(data, "group: {}", answer.trim_end());
    }
}
