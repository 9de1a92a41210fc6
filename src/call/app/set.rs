//! `set`: sets a channel variable.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SET: Application = Application {
    name: "set",
    doc: "Sets a channel variable",
    syntax: "<name>=<value>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    assign(call, data);
}

/// `name=value`, or `name,value`; the value is expanded once more, an empty one removes the variable.
pub(super) fn assign(call: &mut Call, text: &str) {
    if let Some((name, value)) = assignment(call, text) {
        call.a.variables.set(name, &value);
    }
}

/// Name and value of an assignment, the value expanded once more.
pub(super) fn assignment<'t>(call: &mut Call, text: &'t str) -> Option<(&'t str, String)> {
    let (name, value) = text.split_once('=').or_else(|| text.split_once(',')).unwrap_or((text, ""));
    if name.is_empty() {
        tracing::error!("no variable is named");
        return None;
    }
    Some((name, call.expand_now(value)))
}
