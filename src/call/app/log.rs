//! `log`: writes a log line. The first of several words is the level; an unknown one is dropped and means debug.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static LOG: Application = Application {
    name: "log",
    doc: "Writes a log line",
    syntax: "[<level> ]<text>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(_: &mut Call, data: &str) {
    let (level, text) = match data.split_once(' ') {
        Some((level, text)) => (level, text),
        None => ("debug", data),
    };
    match level.to_ascii_lowercase().as_str() {
        "console" | "alert" | "crit" | "err" | "error" | "0" | "1" | "2" | "3" => tracing::error!("{text}"),
        "warning" | "4" => tracing::warn!("{text}"),
        "notice" | "info" | "5" | "6" => tracing::info!("{text}"),
        _ => tracing::debug!("{text}"),
    }
}
