//! Session timers of the caller's dialog (RFC 4028): who keeps the session alive, and its end when nobody does.
//!
//! Where both could refresh, the caller does. Not here: timers that we ask for when we call.

use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use crate::call::leg::{Headers, LegCommand, LegId, RequestToken};
use crate::words::model::Cause;

/// A session that ends unless it is refreshed.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionTimer {
    seconds: u32,
    /// It is up to us to refresh.
    ours: bool,
    ends: Instant,
    /// When we refresh next.
    refresh: Instant,
    /// Our refresh that waits for an answer.
    token: Option<u64>,
}

/// What the caller's `Session-Expires` asks for: seconds, and whether we are to refresh.
fn asked(header: &str, supports: bool) -> Option<(u32, bool)> {
    let mut parts = header.split(';').map(str::trim);
    let seconds = parts.next()?.parse().ok().filter(|seconds| *seconds > 0)?;
    let refresher =
        parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("refresher")));
    let ours = refresher.map_or(!supports, |(_, who)| who.eq_ignore_ascii_case("uas"));
    Some((seconds, ours))
}

impl SessionTimer {
    fn begin(seconds: u32, ours: bool) -> Self {
        let now = Instant::now();
        let whole = Duration::from_secs(u64::from(seconds));
        // RFC 4028 10: who does not refresh gives the other side a little less than the whole time.
        let margin = if ours { Duration::ZERO } else { (whole / 3).min(Duration::from_secs(32)) };
        Self { seconds, ours, ends: now + whole.saturating_sub(margin), refresh: now + whole / 2, token: None }
    }

    fn header(self) -> Headers {
        let who = if self.ours { "uas" } else { "uac" };
        let mut headers = vec![("Session-Expires".to_owned(), format!("{};refresher={who}", self.seconds))];
        if !self.ours {
            headers.push(("Require".to_owned(), "timer".to_owned()));
        }
        headers
    }
}

impl Call {
    /// The headers of the answer, if the caller wants a timer; it runs from now on.
    pub(super) fn begin_session_timer(&mut self) -> Headers {
        let supports = self.a.is_true("sip_supports_timer");
        let Some((seconds, ours)) = self.a.get("sip_session_expires").and_then(|header| asked(header, supports)) else {
            return Headers::new();
        };
        let timer = SessionTimer::begin(seconds, ours);
        self.session_timer = Some(timer);
        timer.header()
    }

    /// The caller has refreshed: the headers of the answer.
    pub(super) fn session_refreshed(&mut self) -> Headers {
        let Some(timer) = self.session_timer else { return Headers::new() };
        let timer = SessionTimer::begin(timer.seconds, timer.ours);
        self.session_timer = Some(timer);
        timer.header()
    }

    /// Our own refresh was answered.
    pub(super) fn refresh_answered(&mut self, token: u64, status: u16) {
        if self.session_timer.is_some_and(|timer| timer.token == Some(token)) && (200..300).contains(&status) {
            self.session_refreshed();
        }
    }

    /// When the timer has to be looked at.
    pub(super) fn session_deadline(&self) -> Option<Instant> {
        // It is the caller's: who came in front since has none.
        let timer = self.session_timer.filter(|_| self.a.up() && self.front == LegId::A)?;
        Some(if timer.ours && timer.token.is_none() { timer.refresh } else { timer.ends })
    }

    /// Its time has come: we refresh, or the session is over.
    pub(super) fn session_due(&mut self) {
        let Some(timer) = self.session_timer else { return };
        if !timer.ours || timer.token.is_some() {
            tracing::info!(seconds = timer.seconds, "the session was not refreshed");
            self.session_timer = None;
            self.hangup(Cause::RECOVERY_ON_TIMER_EXPIRE);
            return;
        }
        self.last_token = self.last_token.wrapping_add(1);
        let token = self.last_token;
        self.session_timer = Some(SessionTimer { token: Some(token), ..timer });
        let headers = vec![("Session-Expires".to_owned(), format!("{};refresher=uac", timer.seconds))];
        let sdp = self.audio.description();
        self.tell(LegCommand::Reinvite { token: RequestToken(token), headers, sdp });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refreshes() {
        for (header, supports, expected) in [
            ("1800", true, Some((1800, false))),
            ("1800", false, Some((1800, true))),
            ("90;refresher=uas", true, Some((90, true))),
            ("90 ; refresher=uac", false, Some((90, false))),
            ("0", true, None),
            ("x", true, None),
        ] {
            assert_eq!(asked(header, supports), expected, "{header}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_margin_is_ours_to_lose() {
        let now = Instant::now();
        let theirs = SessionTimer::begin(90, false);
        assert_eq!(theirs.ends - now, Duration::from_mins(1));
        assert_eq!(SessionTimer::begin(1800, false).ends - now, Duration::from_secs(1768));
        let ours = SessionTimer::begin(90, true);
        assert_eq!((ours.refresh - now, ours.ends - now), (Duration::from_secs(45), Duration::from_secs(90)));
        assert_eq!(theirs.header().len(), 2);
    }
}
