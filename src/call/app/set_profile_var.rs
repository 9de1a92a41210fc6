//! `set_profile_var`: sets a field of the caller profile.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static SET_PROFILE_VAR: Application = Application {
    name: "set_profile_var",
    doc: "Sets a field of the caller profile",
    syntax: "<name>=<value>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let (name, value) = data.split_once('=').unwrap_or((data, ""));
    call.a.profile.set_field(name, value);
}
