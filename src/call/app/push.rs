//! `push`: appends an item to an array variable.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static PUSH: Application = Application {
    name: "push",
    doc: "Appends an item to an array variable",
    syntax: "<name>=<value>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    if let Some((name, value)) = super::set::assignment(call, data) {
        call.a.variables.push(name, &value);
    }
}
