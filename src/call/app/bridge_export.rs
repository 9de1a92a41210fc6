//! `bridge_export`: sets a variable that is copied when a bridge starts.

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::model::variables::holds_expansion;

/// The application.
pub(super) static BRIDGE_EXPORT: Application = Application {
    name: "bridge_export",
    doc: "Sets a variable that is copied when a bridge starts",
    syntax: "<name>=<value>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    if holds_expansion(data) {
        tracing::error!("bridge_export: the value contains a variable reference");
        return;
    }
    super::export::mark(call, data, "bridge_export_vars");
}
