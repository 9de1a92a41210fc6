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
    let (name, value) = text.split_once('=').or_else(|| text.split_once(',')).unwrap_or((text, ""));
    if name.is_empty() {
        tracing::error!("set: no variable is named");
        return;
    }
    let value = call.expand_now(value);
    call.a.variables.set(name, &value);
}
