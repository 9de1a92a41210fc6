//! `unshift`: puts an item in front of an array variable.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static UNSHIFT: Application = Application {
    name: "unshift",
    doc: "Puts an item in front of an array variable",
    syntax: "<name>=<value>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    if let Some((name, value)) = super::set::assignment(call, data) {
        call.a.variables.unshift(name, &value);
    }
}
