//! `set_global`: sets a global variable.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SET_GLOBAL: Application = Application {
    name: "set_global",
    doc: "Sets a global variable",
    syntax: "<name>=<value>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let (name, value) = data.split_once('=').unwrap_or((data, ""));
    call.services.globals.set(name, &value.replace("${", "%{"));
}
