//! Requests within a dialog: new offers, digits by INFO, NOTIFY; and what we answer to those we do not serve.

use bytes::Bytes;

use super::session_timer::refreshed;
use super::{Call, LegAudio};
use crate::call::leg::{Headers, LegCommand, LegEvent, LegId, RequestToken};
use crate::words::model::Variables;

/// Length of a digit that came by INFO, timestamp units of 8 kHz: what FreeSWITCH assumes.
const INFO_DURATION: u32 = 2000;

/// A new offer, or the wish for one, or just a sign of life.
pub(super) struct Reoffer {
    pub(super) token: RequestToken,
    /// `INVITE`, `UPDATE` or `PRACK`.
    pub(super) method: &'static str,
    pub(super) sdp: Option<Bytes>,
    /// Value of Session-Expires.
    pub(super) session: Option<String>,
}

/// What a request is answered with.
struct Reply {
    status: u16,
    digit: Option<char>,
}

/// The answer to an in-dialog request other than a new offer.
fn reply_to(method: &str, content_type: &str, body: &[u8]) -> Reply {
    let plain = |status| Reply { status, digit: None };
    match method {
        "INFO" => match digit_of(content_type, body) {
            Some(digit) => Reply { status: 200, digit: Some(digit) },
            None if ["application/dtmf-relay", "application/dtmf"].contains(&content_type) => plain(400),
            None => plain(200),
        },
        "OPTIONS" | "NOTIFY" | "MESSAGE" | "UPDATE" => plain(200),
        _ => plain(501),
    }
}

/// The digit in an INFO body: `Signal=5` lines, or the bare digit.
fn digit_of(content_type: &str, body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let value = match content_type {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then_some(value)
        })?,
        "application/dtmf" => text,
        _ => return None,
    };
    let digit = value.trim().chars().next()?.to_ascii_uppercase();
    "0123456789*#ABCD".contains(digit).then_some(digit)
}

impl Call {
    /// A new offer of the channel in front, which refreshes the session as well.
    pub(super) fn reoffer_caller(&mut self, offer: Reoffer) {
        let Reoffer { token, method, sdp, session } = offer;
        let answer = match refreshed(&mut self.a, session.as_deref()) {
            Err((status, headers)) => respond(token, status, headers),
            // An UPDATE without an offer asks for none.
            Ok(headers) if method == "UPDATE" && sdp.is_none() => respond(token, 200, headers),
            Ok(headers) if self.relay_offer(self.front, token, sdp.as_ref(), &headers) => return,
            Ok(headers) => reoffered(&self.a.variables, &mut self.audio, token, sdp.as_deref(), headers),
        };
        self.tell(answer);
    }

    fn reoffer_callee(&mut self, id: LegId, offer: Reoffer) {
        let Reoffer { token, method, sdp, session } = offer;
        let Some(callee) = self.callee(id) else { return };
        let answer = match refreshed(&mut callee.channel, session.as_deref()) {
            Err((status, headers)) => respond(token, status, headers),
            Ok(headers) if method == "UPDATE" && sdp.is_none() => respond(token, 200, headers),
            Ok(headers) if self.relay_offer(id, token, sdp.as_ref(), &headers) => return,
            Ok(headers) => {
                let Some(callee) = self.callee(id) else { return };
                reoffered(&callee.channel.variables, &mut callee.audio, token, sdp.as_deref(), headers)
            }
        };
        if let Some(callee) = self.callee(id) {
            callee.send(answer);
        }
    }

    pub(super) fn request_of_caller(
        &mut self,
        token: RequestToken,
        method: &str,
        content_type: &str,
        body: &[u8],
        headers: &Headers,
    ) {
        if method == "REFER" {
            return self.refer_of_caller(token, headers);
        }
        let mut reported = false;
        let reply = reply_to(method, content_type, body);
        if let Some(digit) = reply.digit.filter(|_| self.audio.takes_info_digits(&self.a.variables)) {
            self.a.push_digit(digit, INFO_DURATION);
        }
        if method == "NOTIFY" {
            let status = referred_status(headers, body);
            self.referred = status.or(self.referred);
            reported = status.is_some();
        }
        self.tell(LegCommand::Respond { token, status: reply.status, headers: Headers::new(), sdp: None });
        if reported {
            self.referral_reported(self.front, body);
        }
    }

    /// A called leg's event that has the same answer in every state.
    pub(super) fn callee_request(&mut self, id: LegId, event: LegEvent) {
        if let LegEvent::Request { token, method, headers, .. } = &event
            && method == "REFER"
        {
            return self.refer_of_callee(id, *token, headers);
        }
        let event = match event {
            LegEvent::Reoffer { token, method, sdp, session } => {
                return self.reoffer_callee(id, Reoffer { token, method, sdp, session });
            }
            other => other,
        };
        let passed_on = match &event {
            LegEvent::Response { token, status, phrase, sdp, min_se } => {
                self.relay_answer(token.0, *status, sdp.as_ref())
                    || self.moving_answered(token.0, *status, sdp.as_ref())
                    || self.session_too_short(id, token.0, *status, *min_se)
                    || self.far_end_answered(token.0, *status, phrase, sdp.as_deref())
            }
            LegEvent::Acked { sdp } => self.relay_ack(id, sdp.as_ref()),
            _ => false,
        };
        if passed_on {
            return;
        }
        let Some(callee) = self.callee(id) else { return };
        match event {
            LegEvent::Acked { sdp } => {
                if let Err(cause) = callee.audio.acknowledged(sdp.as_deref(), &callee.channel.variables) {
                    self.end_callee(id, cause);
                }
            }
            LegEvent::Response { token, status, .. } => {
                if let Some(timer) = &mut callee.channel.session {
                    timer.answered(token.0, status);
                }
            }
            LegEvent::Request { token, method, content_type, body, headers } => {
                let reply = reply_to(&method, &content_type, &body);
                let takes = callee.audio.takes_info_digits(&callee.channel.variables);
                if let Some(digit) = reply.digit.filter(|_| takes) {
                    callee.channel.push_digit(digit, INFO_DURATION);
                }
                callee.send(respond(token, reply.status, Headers::new()));
                if method == "NOTIFY" && referred_status(&headers, &body).is_some() {
                    self.referral_reported(id, &body);
                }
            }
            other => tracing::debug!(?other, "an event that this leg has no use for"),
        }
    }
}

/// The answer to a new offer.
fn reoffered(
    variables: &Variables,
    audio: &mut LegAudio,
    token: RequestToken,
    sdp: Option<&[u8]>,
    headers: Headers,
) -> LegCommand {
    match audio.reoffered(sdp, variables) {
        Ok(sdp) => LegCommand::Respond { token, status: 200, headers, sdp },
        Err(_) => respond(token, 488, Headers::new()),
    }
}

fn respond(token: RequestToken, status: u16, headers: Headers) -> LegCommand {
    LegCommand::Respond { token, status, headers, sdp: None }
}

/// The status in a NOTIFY about a REFER (`SIP/2.0 200 OK` as `message/sipfrag`), once it is final.
fn referred_status(headers: &Headers, body: &[u8]) -> Option<u16> {
    let about_refer = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("event") && value.trim().get(..5).is_some_and(|v| v.eq_ignore_ascii_case("refer"))
    });
    if !about_refer {
        return None;
    }
    let status = std::str::from_utf8(body).ok()?.split_whitespace().nth(1)?.parse().ok()?;
    (status >= 200).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_by_info() {
        let relay = |text: &str| digit_of("application/dtmf-relay", text.as_bytes());
        assert_eq!(relay("Signal=5\r\nDuration=160"), Some('5'));
        assert_eq!(relay("Duration=1\r\nsignal = #"), Some('#'));
        assert_eq!(relay("Signal=x"), None);
        assert_eq!(relay(""), None);
        assert_eq!(digit_of("application/dtmf", b"d"), Some('D'));
        assert_eq!(digit_of("text/plain", b"5"), None);
        assert_eq!(digit_of("application/dtmf", b"\xff"), None);
    }

    #[test]
    fn requests_are_answered() {
        assert_eq!(reply_to("INFO", "application/dtmf", b"x").status, 400);
        assert_eq!(reply_to("INFO", "text/plain", b"x").status, 200);
        assert_eq!(reply_to("NOTIFY", "", b"").status, 200);
        assert_eq!(reply_to("REFER", "", b"").status, 501);
    }

    #[test]
    fn a_refer_is_final_from_200_on() {
        let headers = vec![("Event".to_owned(), "refer;id=2".to_owned())];
        assert_eq!(referred_status(&headers, b"SIP/2.0 603 Declined\r\n"), Some(603));
        assert_eq!(referred_status(&headers, b"SIP/2.0 100 Trying"), None);
        assert_eq!(referred_status(&headers, b""), None);
        assert_eq!(referred_status(&Headers::new(), b"SIP/2.0 200 OK"), None);
    }
}
