//! `sched_hangup`: hangs the channel up later.

use std::time::Duration;

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::model::Cause;

/// The application.
pub(super) static SCHED_HANGUP: Application = Application {
    name: "sched_hangup",
    doc: "Hangs the channel up at a later time",
    syntax: "[+]<seconds> [<cause>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

/// With `+` the seconds count from now, else since 1970. A misspelt cause is NORMAL_CLEARING.
fn run(call: &mut Call, data: &str) {
    let mut words = data.split_whitespace();
    let time = words.next().unwrap_or_default();
    let cause = words.next().map_or(Cause::ALLOTTED_TIMEOUT, Cause::parse);
    if words.next().is_some() {
        tracing::error!(data, "sched_hangup: hanging up the called leg alone (bleg) is not implemented");
        return;
    }
    let relative = time.strip_prefix('+');
    let Ok(seconds) = relative.unwrap_or(time).parse::<u64>() else {
        tracing::error!(data, "sched_hangup: no time");
        return;
    };
    let left = if relative.is_some() { seconds } else { seconds.saturating_sub(call.now_us() / 1_000_000) };
    if left == 0 {
        call.hangup(cause);
    } else {
        call.hangup_later(Duration::from_secs(left), cause);
    }
}
