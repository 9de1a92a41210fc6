//! Where the switch's own events come from: the bus with what every event begins with.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::{Block, Bus, Event, EventName, Origin, common};

/// Makes and fires events. Ask [`Events::wants`] before anything is built.
pub struct Events {
    bus: Arc<Bus>,
    origin: Origin,
    now_us: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The last second, and what its events have in common.
    common: Mutex<Option<(i64, Arc<Block>)>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Events {
    /// Fires on this bus. Instant and sequence of `origin` do not matter; `now_us` tells microseconds since 1970.
    pub fn new(bus: Arc<Bus>, origin: Origin, now_us: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self { bus, origin, now_us, common: Mutex::default() }
    }

    /// The bus.
    pub fn bus(&self) -> &Arc<Bus> {
        &self.bus
    }

    /// Identifier of the running switch.
    pub fn core_uuid(&self) -> &str {
        &self.origin.core_uuid
    }

    /// Whether nobody listens to anything.
    pub fn is_quiet(&self) -> bool {
        self.bus.is_quiet()
    }

    /// Whether anybody listens.
    pub fn wants(&self, name: EventName, subclass: Option<&str>) -> bool {
        self.bus.wants(name, subclass)
    }

    /// An event with the common headers.
    pub fn make(&self, name: EventName, subclass: Option<&str>) -> Event {
        let us = i64::try_from((self.now_us)()).unwrap_or(i64::MAX);
        let now = Timestamp::from_microsecond(us).unwrap_or_default();
        Event::of_second(name, subclass, &self.common(now), now, self.bus.next_sequence())
    }

    /// What the events of this second have in common.
    fn common(&self, now: Timestamp) -> Arc<Block> {
        let second = now.as_second();
        let mut known = self.common.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((at, block)) if *at == second => Arc::clone(block),
            _ => {
                let block = Arc::new(common(&Origin { now, ..self.origin.clone() }));
                *known = Some((second, Arc::clone(&block)));
                block
            }
        }
    }

    /// Gives an event to all who want it.
    pub fn publish(&self, event: Event) {
        self.bus.publish(event);
    }

    /// Fires an event with these headers, if anybody listens.
    pub fn fire(&self, name: EventName, subclass: Option<&str>, headers: &[(&str, &str)]) {
        if self.wants(name, subclass) {
            let mut event = self.make(name, subclass);
            for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
                event.add(name, value);
            }
            self.publish(event);
        }
    }
}
