//! Session timers (RFC 4028) of all channels of a call: what is granted to whom, refreshes, and the end without one.
//!
//! Where both could refresh, the far end does on the legs that called us, and we do on those that we called. What an
//! INVITE of ours asks for, and what its answer says, is the endpoint's.

use tokio::time::Instant;

use super::Call;
use crate::call::channel::{Channel, SessionDue, SessionTimer};
use crate::call::leg::{Headers, LegCommand, LegId, RequestToken, SessionInterval};
use crate::words::model::Cause;

/// A value of Session-Expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    seconds: u32,
    /// Whether we are to refresh; none: it does not say.
    ours: Option<bool>,
}

/// Reads Session-Expires of a request: its `uas` is us.
fn asked(header: &str) -> Option<Asked> {
    let mut parts = header.split(';').map(str::trim);
    let seconds = parts.next()?.parse().ok().filter(|seconds| *seconds > 0)?;
    let refresher =
        parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("refresher")));
    Some(Asked { seconds, ours: refresher.map(|(_, who)| who.trim().eq_ignore_ascii_case("uas")) })
}

/// What a caller gets: the shorter of what both sides want, never less than the shortest. Who does not know timers does
/// not refresh.
fn granted(asked: Option<Asked>, supports: bool, wanted: u32, shortest: u32) -> Option<SessionInterval> {
    let seconds = match (asked, wanted) {
        (None, 0) => return None,
        (None, wanted) => wanted,
        (Some(asked), 0) => asked.seconds,
        (Some(asked), wanted) => asked.seconds.min(wanted),
    };
    let ours = asked.and_then(|asked| asked.ours).unwrap_or(!supports);
    Some(SessionInterval { seconds: seconds.max(shortest), ours })
}

/// What a refresh of the far end makes of a session; the error: the shortest interval that is taken.
fn renewed(present: SessionInterval, header: Option<&str>, shortest: u32) -> Result<SessionInterval, u32> {
    let Some(asked) = header.and_then(asked) else { return Ok(present) };
    if asked.seconds < shortest {
        return Err(shortest);
    }
    Ok(SessionInterval { seconds: asked.seconds.min(present.seconds), ours: asked.ours.unwrap_or(present.ours) })
}

/// Headers of a response to the far end's request.
fn headers(interval: SessionInterval) -> Headers {
    let who = if interval.ours { "uas" } else { "uac" };
    let mut headers = vec![("Session-Expires".to_owned(), format!("{};refresher={who}", interval.seconds))];
    if !interval.ours {
        headers.push(("Require".to_owned(), "timer".to_owned()));
    }
    headers
}

/// A request of the far end refreshes the session: the headers of the 2xx, or status and headers of the refusal.
pub(super) fn refreshed(channel: &mut Channel, header: Option<&str>) -> Result<Headers, (u16, Headers)> {
    let Some(timer) = channel.session else { return Ok(Headers::new()) };
    match renewed(timer.interval(), header, channel.session_rules.shortest_s) {
        Ok(interval) => {
            channel.session = Some(SessionTimer::begin(interval));
            Ok(headers(interval))
        }
        Err(shortest) => Err((422, vec![("Min-SE".to_owned(), shortest.to_string())])),
    }
}

impl Call {
    /// The headers of the answer, if there is to be a timer; it runs from now on.
    pub(super) fn begin_session_timer(&mut self) -> Headers {
        let rules = self.a.session_rules;
        if !rules.enabled {
            return Headers::new();
        }
        let own = self.a.get("sofia_session_timeout").and_then(|text| text.trim().parse().ok());
        let asked = self.a.get("sip_session_expires").and_then(asked);
        let supports = self.a.is_true("sip_supports_timer");
        let Some(interval) = granted(asked, supports, own.unwrap_or(rules.interval_s), rules.shortest_s) else {
            return Headers::new();
        };
        self.a.session = Some(SessionTimer::begin(interval));
        headers(interval)
    }

    /// A called leg was answered: its timer runs from now on, if there is one.
    pub(super) fn begin_session_of(&mut self, id: LegId, session: Option<SessionInterval>) {
        if let Some(callee) = self.callee(id) {
            callee.channel.session = session.map(SessionTimer::begin);
        }
    }

    /// When a timer has to be looked at next.
    pub(super) fn session_deadline(&self) -> Option<Instant> {
        let channels = std::iter::once(&self.a).chain(self.callees.iter().map(|callee| &callee.channel));
        channels.filter(|channel| channel.up()).filter_map(|channel| Some(channel.session?.deadline())).min()
    }

    /// The time of a timer has come: we refresh, or the session is over.
    pub(super) fn session_due(&mut self) {
        let now = Instant::now();
        match self.a.session.filter(|_| self.a.up()).and_then(|timer| timer.due(now)) {
            None => {}
            Some(SessionDue::Over) => {
                tracing::info!("the session was not refreshed");
                self.hangup(Cause::RECOVERY_ON_TIMER_EXPIRE);
            }
            Some(SessionDue::Refresh) => {
                let token = self.next_token();
                let command = refresh(&mut self.a, token, self.audio.description());
                self.tell(command);
            }
        }
        let due = |callee: &super::Callee| Some((callee.id, callee.channel.session?.due(now)?));
        let due: Vec<(LegId, SessionDue)> =
            self.callees.iter().filter(|callee| callee.alive()).filter_map(due).collect();
        for (id, what) in due {
            if what == SessionDue::Over {
                tracing::info!("the session of a called leg was not refreshed");
                self.end_callee(id, Cause::RECOVERY_ON_TIMER_EXPIRE);
                continue;
            }
            let token = self.next_token();
            if let Some(callee) = self.callee(id) {
                let command = refresh(&mut callee.channel, token, callee.audio.description());
                callee.send(command);
            }
        }
    }

    /// The answer 422 to our refresh: the far end wants longer sessions (RFC 4028 7.4). It is refreshed anew, once. False:
    /// it is no such answer.
    pub(super) fn session_too_short(&mut self, id: LegId, token: u64, status: u16, shortest: Option<u32>) -> bool {
        let shortest = shortest.filter(|_| status == 422);
        let timer = self.channel_of(id).session.as_mut();
        let Some((timer, shortest)) = timer.zip(shortest) else { return false };
        if !timer.lengthen(token, shortest) {
            return false;
        }
        let token = self.next_token();
        let sdp = self.audio_of(id).description();
        let mut command = refresh(self.channel_of(id), token, sdp);
        if let LegCommand::Reinvite { headers, .. } = &mut command {
            headers.push(("Min-SE".to_owned(), shortest.to_string()));
        }
        self.tell_side(id, command);
        true
    }

    /// A number for a request of ours.
    pub(super) fn next_token(&mut self) -> u64 {
        self.last_token = self.last_token.wrapping_add(1);
        self.last_token
    }
}

/// Our refresh: the present description once more.
fn refresh(channel: &mut Channel, token: u64, sdp: Option<bytes::Bytes>) -> LegCommand {
    let mut headers = Headers::new();
    if let Some(timer) = &mut channel.session {
        timer.sent(token);
        headers.push(("Session-Expires".to_owned(), format!("{};refresher=uac", timer.interval().seconds)));
    }
    LegCommand::Reinvite { token: RequestToken(token), headers, sdp }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_gets() {
        let interval = |seconds, ours| Some(SessionInterval { seconds, ours });
        for (header, supports, wanted, shortest, expected) in [
            ("1800", true, 0, 120, interval(1800, false)),
            ("1800", false, 0, 120, interval(1800, true)),
            ("1800;refresher=uas", true, 0, 120, interval(1800, true)),
            ("1800 ; refresher=uac", false, 0, 120, interval(1800, false)),
            ("1800", true, 600, 120, interval(600, false)),
            ("300", true, 600, 120, interval(300, false)),
            ("1800", true, 90, 400, interval(400, false)),
            ("", true, 0, 120, None),
            ("", true, 600, 120, interval(600, false)),
            ("", false, 600, 120, interval(600, true)),
            ("x", true, 0, 120, None),
            ("0", true, 0, 120, None),
        ] {
            assert_eq!(granted(asked(header), supports, wanted, shortest), expected, "{header} {supports} {wanted}");
        }
    }

    #[test]
    fn what_a_refresh_changes() {
        let present = SessionInterval { seconds: 600, ours: true };
        assert_eq!(renewed(present, None, 120), Ok(present));
        assert_eq!(renewed(present, Some("x"), 120), Ok(present));
        assert_eq!(renewed(present, Some("90"), 120), Err(120));
        let theirs = SessionInterval { seconds: 300, ours: false };
        assert_eq!(renewed(present, Some("300;refresher=uac"), 120), Ok(theirs));
        assert_eq!(renewed(present, Some("1800"), 120), Ok(present), "never longer than agreed");
    }

    #[test]
    fn who_refreshes_is_told() {
        assert_eq!(headers(SessionInterval { seconds: 90, ours: false }).len(), 2);
        let ours = headers(SessionInterval { seconds: 90, ours: true });
        assert_eq!(ours, [("Session-Expires".to_owned(), "90;refresher=uas".to_owned())]);
    }
}
