//! `eavesdrop` and `three_way`: listens to a channel of another call, and speaks to it.
//!
//! Not here: `eavesdrop all`, `eavesdrop_indicate_…` and `eavesdrop_announce_id`.

use super::{Application, Run};
use crate::call::task::{Call, Speaks};

/// Listens.
pub(super) static EAVESDROP: Application = Application {
    name: "eavesdrop",
    doc: "Listens to a channel of another call; keys 1, 2 and 3 speak to it, to its partner, to both, 0 to nobody, * ends",
    syntax: "<uuid>",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(eavesdrop(call, data))),
};

/// Speaks to both sides.
pub(super) static THREE_WAY: Application = Application {
    name: "three_way",
    doc: "Joins a bridge of another call as the third one, until it hangs up; the bridge goes on",
    syntax: "<uuid>",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(three_way(call, data))),
};

async fn eavesdrop(call: &mut Call, data: &str) {
    if data.trim().eq_ignore_ascii_case("all") {
        tracing::error!("eavesdrop: all channels at once are not available in this version");
        return;
    }
    call.eavesdrop(data.trim()).await;
}

async fn three_way(call: &mut Call, data: &str) {
    call.visit(data.trim(), Speaks::ALL, false).await;
}
