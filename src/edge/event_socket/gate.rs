//! Clients that guess passwords: a source that was wrong too often is shut out for a while.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::sip::{BanRules, Bans, Offence};

/// Sources that are watched at one time.
const MOST_SOURCES: usize = 4096;

/// Wrong passwords of a source within a minute that shut it out, and for how long: long enough that guessing is
/// hopeless, short enough that a program with an old password does not lock its neighbours out for good.
const RULES: BanRules =
    BanRules { failures: 20, window: Duration::from_mins(1), requests: 0, duration: Duration::from_secs(10) };

/// Who was wrong.
#[derive(Debug)]
pub(super) struct Gate(Mutex<Bans>);

impl Default for Gate {
    fn default() -> Self {
        Self(Mutex::new(Bans::new(MOST_SOURCES)))
    }
}

impl Gate {
    /// Whether a source may try.
    pub(super) fn admits(&self, ip: IpAddr) -> bool {
        let now = Instant::now().into_std();
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_banned(now, ip.to_canonical())
    }

    /// A source gave a wrong password.
    pub(super) fn note_wrong(&self, ip: IpAddr) {
        let (now, ip) = (Instant::now().into_std(), ip.to_canonical());
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).note(now, ip, Offence::Failure, &RULES) {
            tracing::warn!(%ip, "too many wrong passwords on the event socket: shut out for a while");
        }
    }
}
