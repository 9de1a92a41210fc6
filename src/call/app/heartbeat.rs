//! `enable_heartbeat` and `sched_heartbeat`: events about the channel, again and again.

use super::{Application, Run};

/// The first at once.
pub(super) static ENABLE_HEARTBEAT: Application = Application {
    name: "enable_heartbeat",
    doc: "Tells listeners of the channel now and every so many seconds (SESSION_HEARTBEAT)",
    syntax: "[0|<seconds>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(|call, data| call.heartbeat(data, false)),
};

/// The first after the first period.
pub(super) static SCHED_HEARTBEAT: Application = Application {
    name: "sched_heartbeat",
    doc: "Tells listeners of the channel every so many seconds (SESSION_HEARTBEAT)",
    syntax: "[0|<seconds>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(|call, data| call.heartbeat(data, true)),
};
