//! What a program makes us ask a leg's far end: to be held, to show another name, to call somebody else, or just to take
//! an INFO or a NOTIFY.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::audio::Passing;
use super::{Call, LegAudio};
use crate::call::channel::Channel;
use crate::call::event::EventName;
use crate::call::leg::{Headers, LegCommand, LegId, RequestToken};
use crate::words::model::Cause;

/// Requests of these kinds that may wait for an answer in one call; the oldest is forgotten.
const MOST_ASKED: usize = 32;

/// A request of ours whose answer matters.
#[derive(Debug)]
pub(super) struct Asked {
    token: u64,
    leg: LegId,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A new offer: the far end is held from now on, or not any more.
    Hold(bool),
    /// A REFER; whoever waits for its outcome is told the line of status.
    Refer(oneshot::Sender<String>),
}

/// A text that may stand within quotes or a URI: no control characters, quotes or brackets.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() && !matches!(letter, '"' | '\\' | '<' | '>')).take(256).collect()
}

impl Call {
    fn parts(&mut self, id: LegId) -> (&mut Channel, &mut LegAudio) {
        match self.callees.iter_mut().find(|callee| callee.id == id) {
            Some(callee) => (&mut callee.channel, &mut callee.audio),
            None => (&mut self.a, &mut self.audio),
        }
    }

    pub(super) fn channel_of(&mut self, id: LegId) -> &mut Channel {
        self.parts(id).0
    }

    pub(super) fn audio_of(&mut self, id: LegId) -> &mut LegAudio {
        self.parts(id).1
    }

    fn asked(&mut self, leg: LegId, what: What) -> RequestToken {
        let token = self.next_token();
        if self.asked.len() >= MOST_ASKED {
            self.asked.remove(0);
        }
        self.asked.push(Asked { token, leg, what });
        RequestToken(token)
    }

    /// Holds the far end of a leg, or lets it go on; none: whichever it is not. False: it cannot be.
    ///
    /// A leg that is no SIP dialog is told nothing, and is never held: as in FreeSWITCH only the end of its hold fails.
    pub(super) fn hold_leg(&mut self, id: LegId, wanted: Option<bool>) -> bool {
        let (channel, audio) = self.parts(id);
        let on = wanted.unwrap_or(!audio.holds());
        if channel.get("sip_call_id").is_none() {
            return on;
        }
        if on == audio.holds() {
            return true;
        }
        if !channel.answered || !channel.up() || audio.passing() != Passing::No {
            tracing::warn!("hold: needs an answered leg whose media is ours");
            return false;
        }
        let Some(sdp) = audio.hold(on) else { return false };
        let token = self.asked(id, What::Hold(on));
        self.tell_side(id, LegCommand::Reinvite { token, headers: Headers::new(), sdp: Some(sdp) });
        self.note_hold(id, on);
        true
    }

    /// `hold` and `unhold`.
    pub fn hold_front(&mut self, on: bool) {
        let front = self.front;
        if on == self.audio.holds() || !self.hold_leg(front, Some(on)) {
            tracing::warn!(on, "hold: nothing changes");
        }
    }

    /// `uuid_display`: the far end is told whom it talks to, by UPDATE (RFC 3311).
    pub(super) fn display(&mut self, id: LegId, text: &str) -> bool {
        let (name, number) = text.split_once('|').unwrap_or((text, text));
        let (name, number) = (plain(name), plain(number).replace([' ', '@', ';', '?'], ""));
        let (channel, _) = self.parts(id);
        if !channel.up() {
            return false;
        }
        // A caller that names its methods without UPDATE would only refuse it.
        let refuses = channel.get("sip_allow").is_some_and(|allow| !allow.to_ascii_uppercase().contains("UPDATE"));
        let host = channel.get("sip_local_network_addr").map(str::to_owned);
        if let Some(host) = host.filter(|_| channel.answered && !refuses) {
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let identity = format!("\"{name}\" <sip:{number}@{host}>");
            let token = RequestToken(self.next_token());
            self.tell_side(id, request(token, "UPDATE", &[("P-Asserted-Identity", &identity)], "", Bytes::new()));
        }
        let more = [("Direction", "SEND"), ("Sent-Callee-ID-Name", &*name), ("Sent-Callee-ID-Number", &*number)];
        self.fire_on(id, EventName::CALL_UPDATE, &more);
        true
    }

    /// `uuid_send_info`: an INFO with this body. False: the leg is not answered.
    pub(super) fn send_info(&mut self, id: LegId, content_type: &str, body: &str) -> bool {
        self.send_text(id, "INFO", content_type, body)
    }

    /// `uuid_chat`: a MESSAGE (RFC 3428) within the call. False: the leg is no answered SIP dialog.
    pub(super) fn chat(&mut self, id: LegId, text: &str) -> bool {
        self.parts(id).0.get("sip_call_id").is_some() && self.send_text(id, "MESSAGE", "text/plain", text)
    }

    fn send_text(&mut self, id: LegId, method: &'static str, content_type: &str, body: &str) -> bool {
        let (channel, _) = self.parts(id);
        if !channel.answered || !channel.up() {
            return false;
        }
        let token = RequestToken(self.next_token());
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.tell_side(id, request(token, method, &[], &plain(content_type), body));
        true
    }

    /// `uuid_phone_event`: a NOTIFY that makes a telephone answer (`talk`) or hold (`hold`).
    pub(super) fn phone_event(&mut self, id: LegId, event: &str) -> bool {
        let (channel, _) = self.parts(id);
        if !channel.up() {
            return false;
        }
        let token = RequestToken(self.next_token());
        let event = plain(event);
        let headers = [("Event", &*event), ("Subscription-State", "active")];
        self.tell_side(id, request(token, "NOTIFY", &headers, "", Bytes::new()));
        true
    }

    /// `uuid_deflect`: asks the far end to call somebody else. Whoever waits is told the status that it reports; the leg
    /// is over then. False: the leg is not answered, or the URI is none.
    pub(super) fn deflect_leg(&mut self, uuid: &str, target: &str, reply: oneshot::Sender<String>) {
        let Some(id) = self.any_leg_named(uuid) else { return };
        let (channel, _) = self.parts(id);
        let target = plain(target);
        if !channel.answered || !channel.up() || target.is_empty() {
            return;
        }
        let to = if target.contains(':') { target } else { format!("sip:{target}") };
        let token = self.asked(id, What::Refer(reply));
        self.tell_side(id, request(token, "REFER", &[("Refer-To", &format!("<{to}>"))], "", Bytes::new()));
    }

    /// The final answer to a request of ours. True: it was one of these.
    pub(super) fn far_end_answered(&mut self, token: u64, status: u16, phrase: &str, sdp: Option<&[u8]>) -> bool {
        let Some(at) = self.asked.iter().position(|asked| asked.token == token) else { return false };
        let good = status / 100 == 2;
        if good && matches!(self.asked.get(at), Some(Asked { what: What::Refer(_), .. })) {
            // What became of it comes by NOTIFY.
            return true;
        }
        let Asked { leg, what, .. } = self.asked.remove(at);
        match what {
            What::Hold(on) => {
                let (channel, audio) = self.parts(leg);
                let agreed = sdp.filter(|_| good).map(|sdp| audio.answered(sdp, &channel.variables));
                if !matches!(agreed, Some(Ok(()))) {
                    tracing::warn!(status, "the far end refuses to be held, or to go on");
                    audio.forget_hold(!on);
                    self.note_hold(leg, !on);
                }
            }
            What::Refer(reply) => self.deflected(leg, reply, &format!("SIP/2.0 {status} {phrase}")),
        }
        true
    }

    /// A far end that was asked to call somebody else says what became of it.
    pub(super) fn referral_reported(&mut self, leg: LegId, body: &[u8]) {
        let waits = |asked: &Asked| asked.leg == leg && matches!(asked.what, What::Refer(_));
        let Some(at) = self.asked.iter().position(waits) else { return };
        if let Asked { what: What::Refer(reply), .. } = self.asked.remove(at) {
            let text = String::from_utf8_lossy(body);
            self.deflected(leg, reply, text.lines().next().unwrap_or_default());
        }
    }

    fn deflected(&mut self, leg: LegId, reply: oneshot::Sender<String>, status: &str) {
        let _ = reply.send(plain(status));
        if leg == self.front {
            self.hangup(Cause::BLIND_TRANSFER);
        } else {
            self.end_callee(leg, Cause::BLIND_TRANSFER);
        }
    }

    /// The leg of this call that has this uuid.
    pub(super) fn any_leg_named(&self, uuid: &str) -> Option<LegId> {
        let callee = self.callees.iter().find(|callee| *callee.channel.uuid == *uuid).map(|callee| callee.id);
        callee.or_else(|| (*self.a.uuid == *uuid).then_some(self.front))
    }

    pub(super) fn fire_on(&mut self, id: LegId, name: EventName, more: &[(&str, &str)]) {
        if id == self.front { self.fire(name, more) } else { self.fire_of(id, name, more) }
    }
}

fn request(
    token: RequestToken,
    method: &'static str,
    headers: &[(&str, &str)],
    content_type: &str,
    body: Bytes,
) -> LegCommand {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    LegCommand::Request { token, method, headers, content_type: content_type.to_owned(), body }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn texts_cannot_leave_their_header() {
        assert_eq!(plain("Ann \"B\"\r\nX: <y>"), "Ann BX: y");
        assert_eq!(plain(&"x".repeat(1000)).len(), 256);
    }
}
