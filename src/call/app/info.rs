//! `info`: writes all that is known of the channel to the log.

use std::fmt::Write as _;

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::model::TEXT_FIELDS;

/// The application.
pub(super) static INFO: Application = Application {
    name: "info",
    doc: "Writes all that is known of the channel to the log",
    syntax: "[<level>]",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let _ = data;
    let mut text = String::from("CHANNEL_DATA:\n");
    for field in TEXT_FIELDS {
        if let Some(value) = call.a.profile.field(field).filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "Caller-{field}: [{value}]");
        }
    }
    for (name, value) in call.a.variables.iter() {
        let _ = writeln!(text, "variable_{name}: [{value}]");
    }
    tracing::info!("{text}");
}
