//! `set_zombie_exec`: lets later actions run after the hang-up.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SET_ZOMBIE_EXEC: Application = Application {
    name: "set_zombie_exec",
    doc: "Lets later actions run after the hang-up",
    syntax: "",
    media: false,
    inline: true,
    zombie: false,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let _ = data;
    call.zombie = true;
}
