//! `SESSION_HEARTBEAT`: an event of a channel, again and again, by the timer of its call.

use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use crate::call::channel::{Beat, Channel};
use crate::call::event::EventName;
use crate::call::leg::LegId;

/// Longest time between two, seconds: a day.
const LONGEST_S: u64 = 86_400;

/// Begins the heartbeat of a channel: now or, when `late`, after the first period. 0 seconds ends it.
pub(super) fn beat(channel: &mut Channel, seconds: u64, late: bool) {
    let now = Instant::now();
    channel.beat = (seconds > 0).then(|| {
        let period = Duration::from_secs(seconds.min(LONGEST_S));
        Beat { period, next: if late { now + period } else { now } }
    });
}

impl Call {
    /// The applications `enable_heartbeat` and `sched_heartbeat`; no number means a minute, 0 ends it.
    pub fn heartbeat(&mut self, data: &str, late: bool) {
        let seconds = data.trim().parse().unwrap_or(if data.trim().eq_ignore_ascii_case("false") { 0 } else { 60 });
        beat(&mut self.a, seconds, late);
    }

    /// When the next heartbeat of a channel of this call is due.
    pub(super) fn beat_deadline(&self) -> Option<Instant> {
        let channels = std::iter::once(&self.a).chain(self.callees.iter().map(|callee| &callee.channel));
        channels.filter(|channel| channel.up()).filter_map(|channel| Some(channel.beat?.next)).min()
    }

    /// Tells of what is due.
    pub(super) fn beats_due(&mut self) {
        let now = Instant::now();
        if due(&mut self.a, now) {
            self.fire(EventName::SESSION_HEARTBEAT, &[]);
        }
        let legs: Vec<LegId> =
            self.callees.iter_mut().filter_map(|callee| due(&mut callee.channel, now).then_some(callee.id)).collect();
        for id in legs {
            self.fire_of(id, EventName::SESSION_HEARTBEAT, &[]);
        }
    }
}

/// Whether a heartbeat is due; the next is a period later. What was missed is not made up for.
fn due(channel: &mut Channel, now: Instant) -> bool {
    let up = channel.up();
    let Some(beat) = channel.beat.as_mut().filter(|beat| up && beat.next <= now) else { return false };
    beat.next = now + beat.period;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_per_period_and_never_after_its_end() {
        let mut channel = Channel::default();
        channel.phase = crate::call::channel::Phase::Execute;
        beat(&mut channel, 60, false);
        let now = Instant::now();
        assert!(due(&mut channel, now));
        assert!(!due(&mut channel, now + Duration::from_secs(59)));
        assert!(due(&mut channel, now + Duration::from_secs(200)), "late");
        assert!(!due(&mut channel, now + Duration::from_secs(201)), "and not made up for");
        beat(&mut channel, 60, true);
        assert!(!due(&mut channel, Instant::now()));
        beat(&mut channel, 0, false);
        assert!(channel.beat.is_none());
    }
}
