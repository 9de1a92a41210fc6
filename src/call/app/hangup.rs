//! `hangup`: hangs up. The cause is a name or a number; an unknown name is NORMAL_CLEARING.

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::model::Cause;

/// The application.
pub(super) static HANGUP: Application = Application {
    name: "hangup",
    doc: "Hangs up",
    syntax: "[<cause>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let cause = if data.trim().is_empty() { Cause::NORMAL_CLEARING } else { Cause::parse(data.trim()) };
    call.hangup(cause);
}
