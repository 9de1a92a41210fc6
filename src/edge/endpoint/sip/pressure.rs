//! Overload: a shard that cannot keep up with its sockets takes no new calls until it can again.
//!
//! The sign is that every read of a socket finds a whole batch waiting, for longer than any burst lasts. New calls are
//! then refused by 503 with Retry-After (RFC 3261 21.5.4), which costs a small part of what a call costs; all else is
//! served. Without this a switch at twice its rate answers nobody in time, for all are late (RFC 6357 4).

use std::time::{Duration, Instant};

/// Whole batches for this long are no burst any more.
const PATIENCE: Duration = Duration::from_millis(100);

/// How a shard keeps up with its sockets.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    /// The socket whose reads are full, and since when.
    full: Option<(usize, Instant)>,
}

impl Pressure {
    /// A socket was read; `full`: a whole batch was waiting.
    pub(super) fn read(&mut self, now: Instant, port: usize, full: bool) {
        if full {
            self.full.get_or_insert((port, now));
        } else {
            self.full.take_if(|(pressed, _)| *pressed == port);
        }
    }

    /// Whether new calls are to be refused.
    pub(super) fn is_high(&self, now: Instant) -> bool {
        self.full.is_some_and(|(_, since)| now.saturating_duration_since(since) >= PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_is_pressure() {
        let (start, mut pressure) = (tokio::time::Instant::now().into_std(), Pressure::default());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!pressure.is_high(start));
        pressure.read(at(0), 1, true);
        pressure.read(at(60), 1, true);
        assert!(!pressure.is_high(at(99)), "a burst");
        assert!(pressure.is_high(at(100)));
        pressure.read(at(110), 0, false);
        assert!(pressure.is_high(at(111)), "another socket is at leisure");
        pressure.read(at(120), 1, false);
        assert!(!pressure.is_high(at(300)));
        pressure.read(at(300), 1, true);
        assert!(!pressure.is_high(at(399)) && pressure.is_high(at(400)), "it begins anew");
    }
}
