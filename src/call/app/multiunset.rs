//! `multiunset`: removes several channel variables.

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::expand::split;

/// The application.
pub(super) static MULTIUNSET: Application = Application {
    name: "multiunset",
    doc: "Removes several channel variables",
    syntax: "[^^<delimiter>]<name> ...",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    for name in split(data, ' ', 256) {
        call.a.variables.remove(&name);
    }
}
