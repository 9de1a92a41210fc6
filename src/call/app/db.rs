//! `db`: the API command of this name; what it answers is dropped, a refusal logged.

use super::{Application, Run};
use crate::call::api;
use crate::call::task::Call;

/// The application.
pub(super) static DB: Application = Application {
    name: "db",
    doc: "Changes a value that outlives a restart",
    syntax: "insert|delete/<realm>/<key>[/<value>]",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let answer = api::run("db", &mut call.view(), data).unwrap_or_default();
    if answer.starts_with('-') || answer == "!err!" {
        tracing::error!(data, "db: {}", answer.trim_end());
    }
}
