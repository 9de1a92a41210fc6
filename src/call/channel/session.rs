//! The session timer of a channel (RFC 4028): who keeps the session alive, and when it is over because nobody did.
//!
//! A plain value; the task of the call asks it when to look, and sends what is to be sent.

use std::time::Duration;

use tokio::time::Instant;

use crate::call::leg::SessionInterval;

/// What is left of a session must be longer than this for another attempt to refresh it.
const WORTH_A_TRY: Duration = Duration::from_secs(10);

/// A session that ends unless it is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimer {
    interval: SessionInterval,
    ends: Instant,
    /// When we refresh next.
    refresh: Instant,
    /// Our refresh that waits for an answer.
    token: Option<u64>,
    /// The far end has asked for a longer session once already.
    lengthened: bool,
}

/// What a timer whose time has come wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionDue {
    /// A refresh of ours.
    Refresh,
    /// The session is over.
    Over,
}

impl SessionTimer {
    /// A session that begins, or was refreshed, now.
    pub fn begin(interval: SessionInterval) -> Self {
        let now = Instant::now();
        let whole = Duration::from_secs(u64::from(interval.seconds));
        // RFC 4028 10: who does not refresh gives the other side a little less than the whole time.
        let margin = if interval.ours { Duration::ZERO } else { (whole / 3).min(Duration::from_secs(32)) };
        Self {
            interval,
            ends: now + whole.saturating_sub(margin),
            refresh: now + whole / 2,
            token: None,
            lengthened: false,
        }
    }

    /// What was agreed.
    pub fn interval(&self) -> SessionInterval {
        self.interval
    }

    /// When it has to be looked at.
    pub fn deadline(&self) -> Instant {
        if self.interval.ours && self.token.is_none() { self.refresh } else { self.ends }
    }

    /// What it wants now; none: its time has not come.
    pub fn due(&self, now: Instant) -> Option<SessionDue> {
        if now < self.deadline() {
            return None;
        }
        Some(if now < self.ends { SessionDue::Refresh } else { SessionDue::Over })
    }

    /// Our refresh is on its way.
    pub fn sent(&mut self, token: u64) {
        self.token = Some(token);
    }

    /// Our refresh was refused because the session is too short: it is to be this long at least, seconds. False: that was
    /// no refresh, or it is not the first time.
    pub fn lengthen(&mut self, token: u64, shortest: u32) -> bool {
        if self.token != Some(token) || self.lengthened {
            return false;
        }
        self.token = None;
        self.lengthened = true;
        self.interval.seconds = self.interval.seconds.max(shortest);
        true
    }

    /// The answer to a request of ours: when it was the refresh, the session goes on, or the refresh is tried again in
    /// half of what is left.
    pub fn answered(&mut self, token: u64, status: u16) {
        if self.token != Some(token) {
            return;
        }
        if (200..300).contains(&status) {
            *self = Self::begin(self.interval);
            return;
        }
        let now = Instant::now();
        let left = self.ends.saturating_duration_since(now);
        self.token = None;
        self.refresh = if left > WORTH_A_TRY { now + left / 2 } else { self.ends };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(seconds: u32, ours: bool) -> SessionTimer {
        SessionTimer::begin(SessionInterval { seconds, ours })
    }

    #[tokio::test(start_paused = true)]
    async fn the_margin_is_ours_to_lose() {
        let now = Instant::now();
        assert_eq!(timer(90, false).deadline() - now, Duration::from_mins(1));
        assert_eq!(timer(1800, false).deadline() - now, Duration::from_secs(1768));
        assert_eq!(timer(90, true).deadline() - now, Duration::from_secs(45));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_lengthened_once() {
        let mut ours = timer(90, true);
        ours.sent(1);
        assert!(!ours.lengthen(2, 1800), "of another request");
        assert!(ours.lengthen(1, 1800));
        ours.sent(3);
        assert!(!ours.lengthen(3, 3600), "once is enough");
        ours.answered(3, 200);
        assert_eq!(ours.interval().seconds, 1800);
        ours.sent(4);
        assert!(ours.lengthen(4, 60));
        assert_eq!(ours.interval().seconds, 1800, "never a shorter one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_prolongs_the_session_and_silence_ends_it() {
        let mut ours = timer(90, true);
        tokio::time::advance(Duration::from_secs(44)).await;
        assert_eq!(ours.due(Instant::now()), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(ours.due(Instant::now()), Some(SessionDue::Refresh));
        ours.sent(7);
        assert_eq!(ours.due(Instant::now()), None, "one refresh at a time");
        ours.answered(6, 200);
        assert_eq!(ours.deadline() - Instant::now(), Duration::from_secs(45), "another request says nothing");
        ours.answered(7, 200);
        assert_eq!(ours.deadline() - Instant::now(), Duration::from_secs(45));
        tokio::time::advance(Duration::from_secs(45)).await;
        ours.sent(8);
        tokio::time::advance(Duration::from_secs(45)).await;
        assert_eq!(ours.due(Instant::now()), Some(SessionDue::Over));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_refresh_is_tried_again_while_there_is_time() {
        let mut ours = timer(90, true);
        tokio::time::advance(Duration::from_secs(45)).await;
        ours.sent(1);
        ours.answered(1, 500);
        tokio::time::advance(Duration::from_millis(22_500)).await;
        assert_eq!(ours.due(Instant::now()), Some(SessionDue::Refresh));
        ours.sent(2);
        tokio::time::advance(Duration::from_millis(13_500)).await;
        ours.answered(2, 488);
        assert_eq!(ours.due(Instant::now()), None);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(ours.due(Instant::now()), Some(SessionDue::Over));
    }
}
