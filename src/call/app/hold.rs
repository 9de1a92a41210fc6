//! `hold` and `unhold`: the far end is held by a new offer.

use super::{Application, Run};

/// Holds it.
pub(super) static HOLD: Application = Application {
    name: "hold",
    doc: "Holds the far end; whoever it is bridged with hears music",
    syntax: "[<text>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(|call, _| call.hold_front(true)),
};

/// Lets it go on.
pub(super) static UNHOLD: Application = Application {
    name: "unhold",
    doc: "Lets a far end go on that is held",
    syntax: "",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(|call, _| call.hold_front(false)),
};
