//! `unbind_meta_app`: takes back what `bind_meta_app` bound.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static UNBIND_META_APP: Application = Application {
    name: "unbind_meta_app",
    doc: "Takes back a key of bind_meta_app, or all",
    syntax: "[<key>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

/// No key, or `0`: all of them.
fn run(call: &mut Call, data: &str) {
    let key = data.trim().chars().next().filter(|key| *key != '0');
    call.unbind_meta_app(key);
}
