//! The engine's clock: one reading per turn of a thread.

use std::time::{Duration, Instant, SystemTime};

/// Microseconds since the engine started.
pub(super) type Micros = u64;

/// A millisecond.
pub(super) const MS: Micros = 1000;
/// A second.
pub(super) const SECOND: Micros = 1_000_000;

/// Counts from its making.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the edge is where the clock is read")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> Micros {
        self.0.elapsed().as_micros() as Micros
    }

    /// The instant of a reading.
    pub(super) fn instant(&self, at: Micros) -> Instant {
        self.0.checked_add(Duration::from_micros(at)).unwrap_or(self.0)
    }
}

/// Time since 1970, for the NTP time of sender reports.
#[expect(clippy::disallowed_methods, reason = "the edge is where the clock is read")]
pub(super) fn unix() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
