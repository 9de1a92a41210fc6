//! What a run has used of its limits. The hook of the Lua state reads it every few thousand instructions.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::config::Limits;

/// Instructions between two looks at the limits.
pub(super) const STEP: u32 = 10_000;

/// How long a script computes before others get the thread.
const SLICE: Duration = Duration::from_millis(10);

const NONE: u64 = u64::MAX;

/// Which limit ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Instructions,
    Time,
    Cpu,
    Memory,
    Grace,
    Stuck,
}

impl Limit {
    const ALL: [Self; 6] = [Self::Instructions, Self::Time, Self::Cpu, Self::Memory, Self::Grace, Self::Stuck];

    /// For the log and `lua_last_error`.
    pub(super) fn describe(self, limits: &Limits) -> String {
        match self {
            Self::Instructions => format!("more than {} instructions without a wait", limits.instructions),
            Self::Time => format!("ran longer than {} s", limits.seconds),
            Self::Cpu => format!("used more than {} s of processor time", limits.cpu_seconds),
            Self::Memory => format!("not enough memory: the limit is {} MB", limits.memory_mb),
            Self::Grace => format!("session ended, and the script ran on for {} ms", limits.grace_ms),
            Self::Stuck => "stuck inside one library call".to_owned(),
        }
    }
}

/// What the hook does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Goes on.
    Continue,
    /// Lets others run.
    Pause,
    /// Ends the run. It was tried before: the script is where it cannot be left, so an error must do.
    Refuse,
}

/// Times are nanoseconds since `start`.
pub(super) struct Budget {
    start: Instant,
    most_instructions: u64,
    most_cpu: u64,
    instructions: AtomicU64,
    cpu: AtomicU64,
    slice_cpu: AtomicU64,
    slice_start: AtomicU64,
    deadline: AtomicU64,
    /// The deadline is that of the grace.
    grace: AtomicBool,
    /// 0, or 1 + the place in [`Limit::ALL`].
    expired: AtomicU8,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        let seconds = |seconds: u64| if seconds == 0 { NONE } else { seconds.saturating_mul(1_000_000_000) };
        Self {
            start: Instant::now(),
            most_instructions: if limits.instructions == 0 { NONE } else { limits.instructions },
            most_cpu: seconds(limits.cpu_seconds),
            instructions: AtomicU64::new(0),
            cpu: AtomicU64::new(0),
            slice_cpu: AtomicU64::new(0),
            slice_start: AtomicU64::new(NONE),
            deadline: AtomicU64::new(seconds(limits.seconds)),
            grace: AtomicBool::new(false),
            expired: AtomicU8::new(0),
        }
    }

    /// When the run must end; none: never.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.deadline.load(Ordering::Relaxed) {
            NONE => None,
            deadline => self.start.checked_add(Duration::from_nanos(deadline)),
        }
    }

    /// What the deadline is that of.
    pub(super) fn deadline_limit(&self) -> Limit {
        if self.grace.load(Ordering::Relaxed) { Limit::Grace } else { Limit::Time }
    }

    /// The channel is hung up: brings the deadline forward to `grace` from now.
    pub(super) fn begin_grace(&self, grace: Duration) {
        let deadline = self.now().saturating_add(nanoseconds(grace));
        if self.deadline.fetch_min(deadline, Ordering::Relaxed) > deadline {
            self.grace.store(true, Ordering::Relaxed);
        }
    }

    /// The limit that is used up.
    pub(super) fn expired(&self) -> Option<Limit> {
        let place = self.expired.load(Ordering::Relaxed).checked_sub(1)?;
        Limit::ALL.get(usize::from(place)).copied()
    }

    /// Marks a limit as used up; the first one counts.
    pub(super) fn expire(&self, limit: Limit) {
        let place = Limit::ALL.iter().position(|one| *one == limit).unwrap_or(0);
        let mark = u8::try_from(place + 1).unwrap_or(1);
        let _ = self.expired.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The script gets the thread.
    pub(super) fn begin_slice(&self) {
        self.slice_start.store(self.now(), Ordering::Relaxed);
        self.slice_cpu.store(thread_cpu(), Ordering::Relaxed);
    }

    /// The script gave the thread away. Returns the processor time used so far.
    pub(super) fn end_slice(&self) {
        self.slice_start.store(NONE, Ordering::Relaxed);
        let used = thread_cpu().saturating_sub(self.slice_cpu.load(Ordering::Relaxed));
        self.cpu.fetch_add(used, Ordering::Relaxed);
    }

    /// The script waits: the count of instructions begins anew.
    pub(super) fn waited(&self) {
        self.instructions.store(0, Ordering::Relaxed);
    }

    /// Processor time used in finished slices.
    pub(super) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu.load(Ordering::Relaxed))
    }

    /// For how long the script has had the thread.
    pub(super) fn slice_age(&self) -> Option<Duration> {
        match self.slice_start.load(Ordering::Relaxed) {
            NONE => None,
            start => Some(Duration::from_nanos(self.now().saturating_sub(start))),
        }
    }

    /// Called after each [`STEP`] instructions.
    pub(super) fn step(&self) -> Verdict {
        if self.expired().is_some() {
            return Verdict::Refuse;
        }
        let instructions =
            self.instructions.fetch_add(u64::from(STEP), Ordering::Relaxed).saturating_add(u64::from(STEP));
        let now = self.now();
        if instructions > self.most_instructions {
            self.expire(Limit::Instructions);
        } else if now > self.deadline.load(Ordering::Relaxed) {
            self.expire(self.deadline_limit());
        } else if self.most_cpu != NONE {
            let slice = thread_cpu().saturating_sub(self.slice_cpu.load(Ordering::Relaxed));
            if self.cpu.load(Ordering::Relaxed).saturating_add(slice) > self.most_cpu {
                self.expire(Limit::Cpu);
            }
        }
        let long = now.saturating_sub(self.slice_start.load(Ordering::Relaxed)) > nanoseconds(SLICE);
        if long || self.expired().is_some() { Verdict::Pause } else { Verdict::Continue }
    }

    fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NONE - 1)
}

/// Processor time of this thread.
fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_expire_and_are_forgotten_at_a_wait() {
        let budget = Budget::new(&Limits { instructions: 20_000, ..Limits::default() });
        budget.begin_slice();
        budget.step();
        budget.step();
        budget.waited();
        budget.step();
        assert_eq!(budget.expired(), None);
        budget.step();
        assert_eq!(budget.step(), Verdict::Pause, "over the limit");
        assert_eq!(budget.expired(), Some(Limit::Instructions));
        assert_eq!(budget.step(), Verdict::Refuse);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_only_comes_forward() {
        let budget = Budget::new(&Limits { seconds: 5, ..Limits::default() });
        budget.begin_grace(Duration::from_secs(9));
        assert_eq!(budget.deadline_limit(), Limit::Time);
        budget.begin_grace(Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(2)).await;
        budget.step();
        assert_eq!(budget.expired(), Some(Limit::Grace));
    }
}
