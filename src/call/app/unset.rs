//! `unset`: removes a channel variable.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static UNSET: Application = Application {
    name: "unset",
    doc: "Removes a channel variable",
    syntax: "<name>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    call.a.variables.remove(data);
}
