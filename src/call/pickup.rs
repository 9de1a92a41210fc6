//! Calls that wait to be picked up: the legs of `pickup/<key>`, by key, oldest first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::leg::EventSink;

/// The queues. Locked only while one entry is added or taken.
#[derive(Debug, Default)]
pub struct Pickups(Mutex<Queues>);

#[derive(Debug, Default)]
struct Queues {
    last: u64,
    by_key: HashMap<String, VecDeque<(u64, EventSink)>>,
}

/// The name of a queue: `key@domain`, the domain being that of the switch when none is given.
pub fn key_of(text: &str, domain: Option<&str>) -> String {
    let text = text.trim();
    match domain.filter(|_| !text.contains('@')) {
        Some(domain) => format!("{text}@{domain}"),
        None => text.to_owned(),
    }
}

impl Pickups {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        // Each change is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A leg waits from now on; the number is for [`Pickups::leave`].
    pub fn wait(&self, key: &str, leg: EventSink) -> u64 {
        let mut queues = self.queues();
        queues.last += 1;
        let number = queues.last;
        queues.by_key.entry(key.to_owned()).or_default().push_back((number, leg));
        number
    }

    /// A leg waits no more. It may have been taken already.
    pub fn leave(&self, key: &str, number: u64) {
        let mut queues = self.queues();
        if let Some(queue) = queues.by_key.get_mut(key) {
            queue.retain(|(known, _)| *known != number);
            if queue.is_empty() {
                queues.by_key.remove(key);
            }
        }
    }

    /// Takes the leg that has waited longest.
    pub fn take(&self, key: &str) -> Option<EventSink> {
        let mut queues = self.queues();
        let queue = queues.by_key.get_mut(key)?;
        let taken = queue.pop_front();
        if queue.is_empty() {
            queues.by_key.remove(key);
        }
        taken.map(|(_, leg)| leg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::leg::LegId;

    #[test]
    fn the_oldest_is_taken_first_and_nobody_twice() {
        let (sink, _events) = EventSink::new();
        let pickups = Pickups::default();
        let numbers = [1, 2, 3].map(|leg| pickups.wait("k", sink.for_leg(LegId(leg))));
        pickups.leave("k", numbers[1]);
        pickups.leave("other", numbers[0]);
        let taken = |pickups: &Pickups| pickups.take("k").map(|leg| leg.leg().0);
        assert_eq!([taken(&pickups), taken(&pickups), taken(&pickups)], [Some(1), Some(3), None]);
        pickups.leave("k", numbers[0]);
        assert!(pickups.queues().by_key.is_empty(), "nothing is left over");
    }

    #[test]
    fn keys_have_a_domain() {
        assert_eq!(key_of(" 100 ", Some("d")), "100@d");
        assert_eq!(key_of("100@e", Some("d")), "100@e");
        assert_eq!(key_of("100", None), "100");
    }
}
