//! `multiset`: sets several channel variables.

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::expand::split;

/// The application.
pub(super) static MULTISET: Application = Application {
    name: "multiset",
    doc: "Sets several channel variables",
    syntax: "[^^<delimiter>]<name>=<value> ...",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    for item in split(data, ' ', 256) {
        super::set::assign(call, &item);
    }
}
