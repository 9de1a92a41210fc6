//! `pickup/<key>[@<domain>]`: a leg that rings nowhere and waits until somebody takes it by the application `pickup`.

use std::sync::Arc;

use bytes::Bytes;

use super::user::Globals;
use crate::call::leg::{
    DialRequest, EventSink, Failure, Leg, LegCommand, LegEvent, LegFactory, MediaParams, Prepared, PreparedLeg, Started,
};
use crate::call::pickup::{Pickups, key_of};
use crate::words::model::Cause;

/// The endpoint `pickup`.
pub struct PickupEndpoint {
    pickups: Arc<Pickups>,
    globals: Globals,
}

impl PickupEndpoint {
    /// With the queues that the application takes from. A key without a domain is of the global variable `domain`.
    pub fn new(pickups: Arc<Pickups>, globals: Globals) -> Self {
        Self { pickups, globals }
    }
}

impl LegFactory for PickupEndpoint {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        if request.destination.trim().is_empty() {
            return Err(Cause::DESTINATION_OUT_OF_ORDER);
        }
        let key = key_of(request.destination, (self.globals)("domain").as_deref());
        Ok(Prepared::Leg(Box::new(PreparedPickup { pickups: Arc::clone(&self.pickups), key })))
    }
}

struct PreparedPickup {
    pickups: Arc<Pickups>,
    key: String,
}

impl PreparedLeg for PreparedPickup {
    fn channel_name(&self) -> String {
        format!("pickup/{}", self.key)
    }

    fn media(&self) -> Option<MediaParams> {
        None
    }

    fn is_placeholder(&self) -> bool {
        true
    }

    fn start(self: Box<Self>, _offer: Option<Bytes>, sink: EventSink) -> Started {
        let Self { pickups, key } = *self;
        let number = pickups.wait(&key, sink.clone());
        Started { leg: Box::new(PickupLeg { pickups, key, number, sink }), variables: Vec::new() }
    }
}

/// A leg that waits; it leaves the queue when it is given up.
struct PickupLeg {
    pickups: Arc<Pickups>,
    key: String,
    number: u64,
    sink: EventSink,
}

impl Leg for PickupLeg {
    fn send(&mut self, command: LegCommand) {
        if matches!(command, LegCommand::Cancel { .. } | LegCommand::Bye { .. }) {
            self.pickups.leave(&self.key, self.number);
            self.sink.signal(LegEvent::Failed(Failure { cause: Some(Cause::ORIGINATOR_CANCEL), ..Failure::default() }));
        }
    }
}

impl Drop for PickupLeg {
    fn drop(&mut self) {
        self.pickups.leave(&self.key, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_request::{dial, leg_of};
    use super::*;

    #[test]
    fn a_leg_waits_as_long_as_it_lives() {
        let pickups = Arc::new(Pickups::default());
        let globals: Globals = Arc::new(|name| (name == "domain").then(|| "d".to_owned()));
        let endpoint = PickupEndpoint::new(Arc::clone(&pickups), globals);
        assert_eq!(dial(&endpoint, "pickup", " ", &[]).err(), Some(Cause::DESTINATION_OUT_OF_ORDER));
        let prepared = leg_of(dial(&endpoint, "pickup", "100", &[]));
        assert_eq!((&*prepared.channel_name(), prepared.is_placeholder()), ("pickup/100@d", true));
        let (sink, _events) = EventSink::new();
        let started = prepared.start(None, sink.clone());
        assert!(pickups.take("100@d").is_some() && pickups.take("100@d").is_none());
        drop(started);
        let started = leg_of(dial(&endpoint, "pickup", "100@d", &[])).start(None, sink);
        drop(started);
        assert!(pickups.take("100@d").is_none(), "it left with its call");
    }
}
