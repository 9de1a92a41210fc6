//! Timers of all transactions and legs in one heap.
//!
//! Nothing is taken out when it becomes pointless: each owner knows when its timer is due, and an entry that says
//! otherwise is passed over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::super::command::{LegId, TxId};

/// Which timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Server transaction: send the final response again (G).
    ServerResend(TxId),
    /// Server transaction: over (H, I, J, L).
    ServerEnd(TxId),
    /// Client transaction: send the request again (A, E).
    ClientResend(u64),
    /// Client transaction: no answer, or over (B, D, F, K, M).
    ClientEnd(u64),
    /// Leg: send the 2xx again.
    AnswerResend(LegId),
    /// Leg: send the reliable provisional response again.
    ReliableResend(LegId),
    /// Leg: no ACK, no final response after CANCEL, no retry after a refusal, or glare is over.
    Leg(LegId),
}

/// Ends of transactions that only wait for stray messages are rounded up to this, so that one wake-up serves many.
const GRAIN_US: u64 = 100_000;

/// The heap.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
    /// Where the grain is counted from: the first instant ever seen.
    zero: Option<Instant>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// The end of the grain that an instant lies in.
    pub(super) fn rounded(&mut self, at: Instant) -> Instant {
        let zero = *self.zero.get_or_insert(at);
        let since = at.saturating_duration_since(zero).as_micros() as u64;
        zero + Duration::from_micros(since.div_ceil(GRAIN_US).saturating_mul(GRAIN_US))
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next entry that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// The first entry, due or not.
    pub(super) fn first(&self) -> Option<(Instant, Timer)> {
        self.heap.peek().map(|Reverse(entry)| *entry)
    }

    pub(super) fn drop_first(&mut self) {
        self.heap.pop();
    }
}
