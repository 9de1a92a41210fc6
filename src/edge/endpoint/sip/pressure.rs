//! Overload: a shard that cannot keep up with its sockets takes no new calls until it can again.
//!
//! The sign is that read after read of a socket finds a whole batch waiting: more than the kernel keeps, so that it is no
//! burst, and for a while, so that it is no pause of ours. New calls are then refused by 503 with Retry-After (RFC 3261
//! 21.5.4), which costs a small part of what a call costs; all else is served. Without this a switch at twice its rate
//! answers nobody in time, for all are late (RFC 6357 4).

use std::time::{Duration, Instant};

/// Whole batches for less than this are no pressure.
const PATIENCE: Duration = Duration::from_millis(100);
/// Whole batches, one after the other, that are no burst: some thousand datagrams.
const SUSTAINED: u32 = 16;
/// As many are enough soon after the last time.
const AGAIN: u32 = 2;
const SOON: Duration = Duration::from_secs(5);

/// How a shard keeps up with its sockets.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    /// The socket whose reads are full, since when, and how many.
    full: Option<(usize, Instant, u32)>,
    /// When it was high last.
    high: Option<Instant>,
}

impl Pressure {
    /// A socket was read; `full`: a whole batch was waiting.
    pub(super) fn read(&mut self, now: Instant, port: usize, full: bool) {
        if full {
            let (_, _, count) = self.full.get_or_insert((port, now, 0));
            *count = count.saturating_add(1);
        } else {
            self.full.take_if(|(pressed, ..)| *pressed == port);
        }
    }

    /// Whether new calls are to be refused.
    pub(super) fn is_high(&mut self, now: Instant) -> bool {
        let recent = self.high.is_some_and(|high| now.saturating_duration_since(high) < SOON);
        let enough = if recent { AGAIN } else { SUSTAINED };
        let high = self
            .full
            .is_some_and(|(_, since, count)| count >= enough && now.saturating_duration_since(since) >= PATIENCE);
        if high {
            self.high = Some(now);
        }
        high
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
        for _ in 1..SUSTAINED {
            pressure.read(at(0), 1, true);
        }
        assert!(!pressure.is_high(at(300)), "a burst, and we have slept");
        pressure.read(at(60), 1, true);
        assert!(!pressure.is_high(at(99)), "it does not last yet");
        assert!(pressure.is_high(at(100)));
        pressure.read(at(110), 0, false);
        assert!(pressure.is_high(at(111)), "another socket is at leisure");
        pressure.read(at(120), 1, false);
        assert!(!pressure.is_high(at(300)));
        pressure.read(at(300), 1, true);
        pressure.read(at(310), 1, true);
        assert!(!pressure.is_high(at(399)) && pressure.is_high(at(400)), "it begins anew, sooner");
        pressure.read(at(500), 1, false);
        pressure.read(at(9000), 1, true);
        pressure.read(at(9100), 1, true);
        assert!(!pressure.is_high(at(9200)), "that was long ago");
    }
}
