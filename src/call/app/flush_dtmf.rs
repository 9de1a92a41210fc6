//! `flush_dtmf`: forgets digits that were pressed.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static FLUSH_DTMF: Application = Application {
    name: "flush_dtmf",
    doc: "Forgets digits that were pressed",
    syntax: "",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let _ = data;
    call.a.digits.clear();
}
