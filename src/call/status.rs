//! What the switch knows of itself: since when it runs, how many calls it has had, whether it takes new ones.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Counters and switches of a running switch. Every read and write is one of its own.
#[derive(Debug)]
pub struct Status {
    /// Start, microseconds since 1970.
    pub started_us: u64,
    /// Channels since the start.
    pub sessions: AtomicU64,
    /// Most channels at a time.
    pub peak: AtomicUsize,
    /// New inbound calls are refused (`fsctl pause`).
    pub paused_inbound: AtomicBool,
    /// New originates are refused (`fsctl pause`).
    pub paused_outbound: AtomicBool,
    /// `fsctl max_sessions`.
    pub max_sessions: AtomicU32,
    /// `fsctl sps`.
    pub sessions_per_second: AtomicU32,
    /// The two hold and are not only shown: `switch.conf` or `fsctl` has set one.
    pub limited: AtomicBool,
    /// Second since 1970, and inbound calls that asked to be taken in it.
    asked: (AtomicU64, AtomicU32),
    /// Second since 1970, and channels that began in it.
    second: (AtomicU64, AtomicU32, AtomicU32),
    /// The end was asked for (`fsctl shutdown`).
    pub stopping: AtomicBool,
}

impl Status {
    /// A switch that started at this instant, microseconds since 1970.
    pub fn new(started_us: u64) -> Self {
        Self {
            started_us,
            sessions: AtomicU64::new(0),
            peak: AtomicUsize::new(0),
            paused_inbound: AtomicBool::new(false),
            paused_outbound: AtomicBool::new(false),
            max_sessions: AtomicU32::new(1000),
            sessions_per_second: AtomicU32::new(100),
            limited: AtomicBool::new(false),
            asked: (AtomicU64::new(0), AtomicU32::new(0)),
            second: (AtomicU64::new(0), AtomicU32::new(0), AtomicU32::new(0)),
            stopping: AtomicBool::new(false),
        }
    }

    /// Sets the limits that are given, which then hold.
    pub fn limit(&self, max_sessions: Option<u32>, per_second: Option<u32>) {
        for (place, limit) in [(&self.max_sessions, max_sessions), (&self.sessions_per_second, per_second)] {
            if let Some(limit) = limit {
                place.store(limit, Ordering::Relaxed);
                self.limited.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether one more inbound call is taken while `alive` legs exist; it counts as taken in this second.
    pub fn admits(&self, alive: usize, now_us: u64) -> bool {
        if !self.limited.load(Ordering::Relaxed) {
            return true;
        }
        if alive >= self.max_sessions.load(Ordering::Relaxed) as usize {
            return false;
        }
        let now = now_us / 1_000_000;
        if self.asked.0.swap(now, Ordering::Relaxed) != now {
            self.asked.1.store(0, Ordering::Relaxed);
        }
        self.asked.1.fetch_add(1, Ordering::Relaxed) < self.sessions_per_second.load(Ordering::Relaxed)
    }

    /// Counts a new channel and gives its number; `alive` channels exist, `now_us` is microseconds since 1970.
    pub fn count(&self, alive: usize, now_us: u64) -> u64 {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.peak.fetch_max(alive, Ordering::Relaxed);
        let now = now_us / 1_000_000;
        if self.second.0.swap(now, Ordering::Relaxed) == now {
            self.second.1.fetch_add(1, Ordering::Relaxed);
        } else {
            self.second.1.store(1, Ordering::Relaxed);
        }
        self.second.2.fetch_max(self.second.1.load(Ordering::Relaxed), Ordering::Relaxed);
        number
    }

    /// Channels that began in the second of this instant, and most in any second.
    pub fn per_second(&self, now_us: u64) -> (u32, u32) {
        let present = self.second.0.load(Ordering::Relaxed) == now_us / 1_000_000;
        let count = if present { self.second.1.load(Ordering::Relaxed) } else { 0 };
        (count, self.second.2.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_once_they_are_set() {
        let status = Status::new(0);
        assert!((0..500).all(|_| status.admits(5_000, 1_000_000)));
        status.limit(Some(10), None);
        assert!(status.admits(9, 1_000_000) && !status.admits(10, 1_000_000));
        status.limit(None, Some(2));
        let taken = |now_us| (0..5).filter(|_| status.admits(0, now_us)).count();
        assert_eq!((taken(2_000_000), taken(2_999_999), taken(3_000_000)), (2, 0, 2));
    }

    #[test]
    fn channels_are_counted() {
        let status = Status::new(0);
        for at in [1_000_000, 1_100_000, 1_900_000, 2_000_000] {
            status.count(3, at);
        }
        assert_eq!((status.per_second(2_000_001), status.per_second(3_000_000)), ((1, 3), (0, 3)));
        assert_eq!((status.sessions.load(Ordering::Relaxed), status.peak.load(Ordering::Relaxed)), (4, 3));
    }
}
