//! `bind_meta_app`: while bridged, `*` and a key run an application.

use super::{Application, Run};
use crate::call::task::{Call, MetaApp};

/// The application.
pub(super) static BIND_META_APP: Application = Application {
    name: "bind_meta_app",
    doc: "While bridged, * and a key run an application",
    syntax: "<key> <a|b|ab> <flags> <app>[::<args>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    if let Some(binding) = MetaApp::parse(data) {
        call.bind_meta_app(binding);
    } else {
        tracing::error!(data, "Usage: bind_meta_app {}", BIND_META_APP.syntax);
    }
}
