//! `eval`: does nothing; the point is the expansion of its data.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static EVAL: Application = Application {
    name: "eval",
    doc: "Does nothing: its data has been expanded",
    syntax: "<text>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let _ = (call, data);
}
