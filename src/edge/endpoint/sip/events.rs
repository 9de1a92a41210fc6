//! From what a stack tells to what a call is told: responses, failures, redirects. Pure.

use std::borrow::Cow;

use bytes::Bytes;

use super::headers::{all, phrase_of, reason_of, sdp_of, shown};
use super::variables::user_of;
use crate::call::leg::{Failure, LegEvent, RedirectContact, RequestToken, SessionInterval};
use crate::engine::sip::messages::{NameAddr, Uri, text};
use crate::engine::sip::{HeaderId, Message, Method, Outcome};
use crate::words::model::{Cause, clean, phrase};

/// Contacts of a redirect that are looked at.
const MOST_CONTACTS: usize = 32;

/// A provisional response; none for 100, which tells nothing.
pub(super) fn progress(response: &Message) -> Option<LegEvent> {
    let status = response.code().filter(|code| (101..=199).contains(code))?;
    Some(LegEvent::Progress { status, phrase: phrase_of(response), headers: shown(response), sdp: sdp_of(response) })
}

/// A 2xx.
pub(super) fn answered(response: &Message, session: Option<SessionInterval>) -> LegEvent {
    LegEvent::Answered { phrase: phrase_of(response), headers: shown(response), sdp: sdp_of(response), session }
}

/// Seconds of Session-Expires.
pub(super) fn session_seconds(message: &Message) -> Option<u32> {
    message.text(HeaderId::SessionExpires)?.split(';').next()?.trim().parse().ok()
}

/// The session timer of a 2xx to our INVITE (RFC 4028 7.2): unless it names the far end, we refresh.
pub(super) fn session_of(response: &Message) -> Option<SessionInterval> {
    let seconds = session_seconds(response).filter(|seconds| *seconds > 0)?;
    let text = response.text(HeaderId::SessionExpires)?;
    let theirs = text
        .split(';')
        .skip(1)
        .filter_map(|part| part.split_once('='))
        .any(|(name, who)| name.trim().eq_ignore_ascii_case("refresher") && who.trim().eq_ignore_ascii_case("uas"));
    Some(SessionInterval { seconds, ours: !theirs })
}

/// A final refusal.
pub(super) fn refused(response: &Message) -> Failure {
    Failure {
        status: response.code().unwrap_or_default(),
        phrase: phrase_of(response),
        reason: reason_of(response),
        headers: shown(response),
        no_credentials: false,
        cause: None,
    }
}

/// A failure that no response tells of.
pub(super) fn local_failure(status: u16) -> Failure {
    Failure { status, phrase: phrase(status).to_owned(), ..Failure::default() }
}

/// The status that an outcome stands for.
pub(super) fn status_of(outcome: &Outcome) -> u16 {
    match outcome {
        Outcome::Response(response) => response.code().unwrap_or(500),
        Outcome::Timeout => 408,
        Outcome::Transport => 503,
        Outcome::Cancelled => 487,
    }
}

/// The answer to a request of ours within a dialog.
pub(super) fn response(token: u64, outcome: &Outcome) -> LegEvent {
    let status = status_of(outcome);
    let (phrase, sdp) = match outcome {
        Outcome::Response(response) => (phrase_of(response), sdp_of(response)),
        _ => (phrase(status).to_owned(), None),
    };
    let min_se = match outcome {
        Outcome::Response(response) if status == 422 => response.number(HeaderId::MinSe),
        _ => None,
    };
    LegEvent::Response { token: RequestToken(token), status, phrase, sdp: sdp.filter(|_| status < 300), min_se }
}

/// The cause of a leg that a failed re-INVITE took with it (RFC 3261 12.2.1.2), or none.
pub(super) fn lost_by(method: &Method, outcome: &Outcome) -> Option<Cause> {
    let status = status_of(outcome);
    (*method == Method::Invite && matches!(status, 408 | 481)).then(|| Cause::from_sip_status(status))
}

/// What a request in a dialog wants.
pub(super) enum Wish {
    /// The call decides.
    Tell(LegEvent),
    /// Answered by the endpoint with this status.
    Answer(u16),
}

/// Sorts a request within a dialog.
pub(super) fn wish(token: u64, request: &Message) -> Wish {
    let token = RequestToken(token);
    let sdp = sdp_of(request);
    let session = request.text(HeaderId::SessionExpires).map(Cow::into_owned);
    match request.method() {
        Some(Method::Invite) => Wish::Tell(LegEvent::Reoffer { token, method: "INVITE", sdp, session }),
        // A PRACK that is told brings an offer; the stack answers all others.
        Some(Method::Prack) => Wish::Tell(LegEvent::Reoffer { token, method: "PRACK", sdp, session: None }),
        Some(Method::Update) if sdp.is_some() || session.is_some() => {
            Wish::Tell(LegEvent::Reoffer { token, method: "UPDATE", sdp, session })
        }
        // An UPDATE without offer may refresh the target, an OPTIONS asks for life.
        Some(Method::Update | Method::Options) => Wish::Answer(200),
        Some(method) => Wish::Tell(LegEvent::Request {
            token,
            method: method.as_str().to_owned(),
            headers: all(request),
            content_type: request.content_type(),
            body: request.body(),
        }),
        None => Wish::Answer(400),
    }
}

/// A redirect that the call may follow: 300, 301, 302, 305. `own` tells whether a host is ours.
pub(super) fn redirect(response: &Message, own: impl FnMut(&str) -> bool) -> Option<LegEvent> {
    let status = response.code().filter(|code| [300, 301, 302, 305].contains(code))?;
    Some(LegEvent::Redirected {
        status,
        phrase: phrase_of(response),
        contacts: contacts(response, own),
        diversion: response.text(HeaderId::Diversion).map(|value| clean(&value).into_owned()),
    })
}

fn contacts(response: &Message, mut own: impl FnMut(&str) -> bool) -> Vec<RedirectContact> {
    let mut found: Vec<(u32, RedirectContact)> = Vec::new();
    for address in response.list(HeaderId::Contact).filter_map(NameAddr::parse).take(MOST_CONTACTS) {
        let Ok(uri) = Uri::parse(address.uri) else { continue };
        let host = uri.host_text().into_owned();
        let params = format!("{}{}", text(uri.params.0), text(address.params.0));
        let contact = RedirectContact {
            uri: clean(&address.uri_text()).into_owned(),
            user: clean(&user_of(&address)).into_owned(),
            local: own(&host),
            host: clean(&host).into_owned(),
            params: clean(&params).into_owned(),
        };
        found.push((quality(&address), contact));
    }
    found.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    found.into_iter().map(|(_, contact)| contact).collect()
}

/// `q` in thousandths; 1 when it is missing or unreadable.
fn quality(address: &NameAddr<'_>) -> u32 {
    let value: Option<f32> = address.params.value("q").and_then(|value| text(value).parse().ok());
    value.filter(|q| (0.0..=1.0).contains(q)).map_or(1000, |q| (q * 1000.0).round() as u32)
}

/// The offer or answer of an ACK.
pub(super) fn acked(request: &Message) -> LegEvent {
    let sdp: Option<Bytes> = sdp_of(request);
    LegEvent::Acked { sdp }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invite, message, response as answer};
    use super::*;
    use std::sync::Arc;

    #[test]
    fn responses_become_events() {
        assert!(progress(&answer(100, "")).is_none());
        let Some(LegEvent::Progress { status: 180, phrase, headers, sdp: None }) =
            progress(&answer(180, "X-A: ${b}\r\nServer: z\r\n"))
        else {
            panic!()
        };
        assert_eq!((&*phrase, headers), ("Some Phrase", vec![("X-A".to_owned(), "%{b}".to_owned())]));
        let failure = refused(&answer(486, "Reason: Q.850;cause=18\r\nX-A: 1\r\n"));
        assert_eq!((failure.status, failure.reason.as_deref()), (486, Some("Q.850;cause=18")));
        assert!(!failure.no_credentials && failure.cause.is_none());
        assert_eq!(local_failure(503).phrase, "Service Unavailable");
    }

    #[test]
    fn session_timers_of_answers() {
        for (header, expected) in [
            ("", None),
            ("Session-Expires: x\r\n", None),
            ("Session-Expires: 0\r\n", None),
            ("Session-Expires: 600;refresher=uac\r\n", Some((600, true))),
            ("Session-Expires: 600 ; refresher = UAS\r\n", Some((600, false))),
            ("x: 600;refresher=uas\r\n", Some((600, false))),
            ("Session-Expires: 600\r\n", Some((600, true))),
        ] {
            let found = session_of(&answer(200, header)).map(|interval| (interval.seconds, interval.ours));
            assert_eq!(found, expected, "{header}");
        }
    }

    #[test]
    fn outcomes_have_a_status() {
        let response = |status| Outcome::Response(Arc::new(answer(status, "")));
        for (outcome, status, lost) in [
            (response(200), 200, None),
            (response(488), 488, None),
            (response(481), 481, Some(Cause::NORMAL_TEMPORARY_FAILURE)),
            (Outcome::Timeout, 408, Some(Cause::RECOVERY_ON_TIMER_EXPIRE)),
            (Outcome::Transport, 503, None),
        ] {
            assert_eq!((status_of(&outcome), lost_by(&Method::Invite, &outcome)), (status, lost));
            assert_eq!(lost_by(&Method::Info, &outcome), None);
        }
    }

    #[test]
    fn requests_in_a_dialog() {
        let Wish::Tell(LegEvent::Reoffer { token: RequestToken(3), method: "INVITE", sdp: Some(_), session: None }) =
            wish(3, &invite(""))
        else {
            panic!()
        };
        let request = |method: &str, body: &str| {
            message(&format!(
                "{method} sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:1@h>;tag=1\r\nTo: <sip:2@h>;tag=2\r\n\
                 Call-ID: c\r\nCSeq: 1 {method}\r\nContent-Type: Application/SDP;x=y\r\n\r\n{body}"
            ))
        };
        assert!(matches!(wish(1, &request("UPDATE", "")), Wish::Answer(200)));
        assert!(matches!(wish(1, &request("OPTIONS", "")), Wish::Answer(200)));
        let update = wish(1, &request("UPDATE", "v=0"));
        assert!(matches!(update, Wish::Tell(LegEvent::Reoffer { method: "UPDATE", .. })));
        let Wish::Tell(LegEvent::Request { method, content_type, body, .. }) = wish(1, &request("INFO", "x")) else {
            panic!()
        };
        assert_eq!((&*method, &*content_type, &body[..]), ("INFO", "application/sdp", &b"x"[..]));
    }

    #[test]
    fn redirects_are_sorted() {
        let response = answer(
            302,
            "Contact: <sip:1@h1>;q=0.2, \"B\" <sip:2@h2;x=y>;q=0.9;z\r\nContact: *\r\nContact: <sip:3@own>\r\nDiversion: <sip:d@e>\r\n",
        );
        let Some(LegEvent::Redirected { status: 302, contacts, diversion, .. }) =
            redirect(&response, |host| host == "own")
        else {
            panic!()
        };
        let shown: Vec<String> = contacts
            .iter()
            .map(|one| format!("{} {} {} {} {}", one.uri, one.user, one.host, one.params, one.local))
            .collect();
        assert_eq!(
            shown,
            ["sip:3@own 3 own  true", "sip:2@h2;x=y 2 h2 ;x=y;q=0.9;z false", "sip:1@h1 1 h1 ;q=0.2 false"]
        );
        assert_eq!(diversion.as_deref(), Some("<sip:d@e>"));
        assert!(redirect(&answer(380, ""), |_| false).is_none());
    }
}
