//! Signs of life of the threads that signal and of those that carry media: a thread that runs but does not come round any more is as dead as one that has ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Such a thread comes round once a second; this late it is stuck.
const LATEST: Duration = Duration::from_secs(10);

/// When each thread came round last.
pub(crate) struct Beats {
    start: Instant,
    /// Milliseconds since the start.
    last: Vec<AtomicU64>,
}

impl Beats {
    pub(crate) fn new(start: Instant, threads: usize) -> Self {
        Self { start, last: (0..threads).map(|_| AtomicU64::new(0)).collect() }
    }

    /// A thread has come round.
    pub(crate) fn beat(&self, thread: usize, now: Instant) {
        if let Some(last) = self.last.get(thread) {
            let since = now.saturating_duration_since(self.start).as_millis();
            last.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Whether none is late.
    pub(crate) fn all_live(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.start);
        self.last.iter().all(|last| since <= Duration::from_millis(last.load(Ordering::Relaxed)).saturating_add(LATEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_late_thread_is_noticed() {
        let start = tokio::time::Instant::now().into_std();
        let at = |seconds| start + Duration::from_secs(seconds);
        let beats = Beats::new(start, 2);
        assert!(beats.all_live(at(10)) && !beats.all_live(at(11)));
        beats.beat(0, at(20));
        assert!(!beats.all_live(at(20)));
        beats.beat(1, at(15));
        beats.beat(7, at(15));
        assert!(beats.all_live(at(25)) && !beats.all_live(at(26)));
    }
}
