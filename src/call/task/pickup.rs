//! `pickup`: a channel takes the place of a leg that waits for it in another call.

use std::sync::Arc;

use tokio::time::Instant;

use super::Call;
use super::dialled::Dialled;
use super::lending::PATIENCE;
use crate::call::leg::{LegEvent, LegId};
use crate::call::pickup::key_of;

impl Call {
    /// Takes the call that waits longest under a key: this channel is answered and leaves for it. Nobody waits: nothing
    /// happens.
    pub async fn pick_up(&mut self, data: &str) {
        let key = key_of(data, self.services.globals.get("domain").as_deref());
        let Some(waiting) = self.services.pickups.take(&key) else {
            tracing::info!(key, "nobody waits to be picked up");
            return;
        };
        self.execute_on("execute_on_pickup").await;
        if !self.answer().await {
            return;
        }
        waiting.signal(LegEvent::PickedUp { by: Arc::clone(&self.a.uuid) });
        let until = Instant::now() + PATIENCE;
        // It is asked for, and leaves; or the other call is over.
        while self.executing() && !matches!(self.next(Some(until)).await, super::Wake::Timer) {}
    }

    /// A channel of another call takes the place of a leg of ours that waited for it.
    pub(super) async fn picked_up(&mut self, id: LegId, by: &str) -> Dialled {
        let Some(new) = self.borrow(by).await else { return Dialled::Waits };
        let Some(waited) = self.callees.iter().find(|callee| callee.id == id) else { return Dialled::Waits };
        let (uuid, variables) = (Arc::clone(&waited.channel.uuid), waited.channel.variables.clone());
        if let Some(callee) = self.callee(new) {
            for (name, value) in variables.iter() {
                callee.channel.variables.set(name, value);
            }
            callee.channel.variables.set("picked_up_uuid", &uuid);
        }
        Dialled::Replaced(new)
    }
}
