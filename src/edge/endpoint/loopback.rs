//! `loopback/<exten>[/<context>[/<dialplan>]]` and `loopback/app=<app>[:<arg>]`: a pair of channels inside the switch.
//!
//! `-a` is a B leg of the call that dials; `-b` is the caller of a new call that walks the dialplan (default context
//! `default`, dialplan `XML`) or runs one application. Commands on one end become events on the other; SDP passes
//! through unchanged, so the media ports of the two calls send RTP to each other over 127.0.0.1.
//!
//! Variables: `loopback_export` (comma list) copies variables of `-a` to `-b`; both get `is_loopback`, `loopback_leg`
//! and `other_loopback_leg_uuid`. Not done here: the pair does not remove itself from an answered call
//! (`loopback_bowout` has no effect), and pre-answering A is the call's business.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{CallStarter, now_us};
use crate::call::leg::{
    CallEvent, DialRequest, EventSink, Failure, Headers, Incoming, Leg, LegCommand, LegEvent, LegFactory, MediaParams,
    Prepared, PreparedLeg, SessionRules, Started,
};
use crate::words::model::{CallerProfile, Cause, Variables, phrase};

/// The endpoint `loopback`.
pub struct LoopbackEndpoint {
    starter: Arc<dyn CallStarter>,
}

impl LoopbackEndpoint {
    /// New calls are started through `starter`.
    pub fn new(starter: Arc<dyn CallStarter>) -> Self {
        Self { starter }
    }
}

impl LegFactory for LoopbackEndpoint {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        let target = Target::parse(request.destination);
        let uuid = uuid::Uuid::new_v4().to_string();
        let mut profile = CallerProfile {
            dialplan: target.dialplan,
            context: target.context,
            destination_number: target.destination,
            rdnis: request.a_profile.map(|a| a.rdnis.clone()).unwrap_or_default(),
            caller_id_name: request.caller_id_name.to_owned(),
            caller_id_number: request.caller_id_number.to_owned(),
            orig_caller_id_name: request.caller_id_name.to_owned(),
            orig_caller_id_number: request.caller_id_number.to_owned(),
            ani: request.a_profile.map_or(request.caller_id_number, |a| a.ani.as_str()).to_owned(),
            network_addr: request.a_profile.map(|a| a.network_addr.clone()).unwrap_or_default(),
            uuid: uuid.clone(),
            source: "mod_loopback".to_owned(),
            ..CallerProfile::default()
        };
        let name = format!("loopback/{}", target.shown);
        profile.chan_name = format!("{name}-b");
        let mut variables = Variables::new();
        variables.set("is_loopback", "1");
        variables.set("loopback_leg", "B");
        variables.set("other_loopback_leg_uuid", request.uuid);
        let exported = request.variables.get("loopback_export").unwrap_or_default();
        for wanted in exported.split(',').map(str::trim) {
            if let Some(value) = request.variables.get(wanted) {
                variables.set(wanted, value);
            }
        }
        Ok(Prepared::Leg(Box::new(PreparedLoopback {
            starter: Arc::clone(&self.starter),
            name,
            profile,
            variables,
            max_forwards: request.max_forwards,
        })))
    }
}

/// What stands after `loopback/`.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// For the channel's name.
    shown: String,
    destination: String,
    context: String,
    dialplan: String,
}

impl Target {
    fn parse(text: &str) -> Self {
        if let Some(call) = text.strip_prefix("app=") {
            let app = call.split(':').next().unwrap_or_default();
            return Self {
                shown: format!("app={app}"),
                destination: inline(call),
                context: "default".to_owned(),
                dialplan: "inline".to_owned(),
            };
        }
        let mut parts = text.splitn(3, '/');
        let mut part = |default: &str| parts.next().filter(|part| !part.is_empty()).unwrap_or(default).to_owned();
        let destination = part("service");
        Self { shown: destination.clone(), destination, context: part("default"), dialplan: part("XML") }
    }
}

/// One `app:arg` as an inline dialplan, with a delimiter that does not occur in it.
fn inline(call: &str) -> String {
    let delimiter = ['|', ';', '~', '^', '#'].into_iter().find(|c| !call.contains(*c)).unwrap_or('\u{1}');
    let quoted = call.replace('\\', "\\\\").replace('\'', "\\'");
    format!("m:{delimiter}:{quoted}")
}

struct PreparedLoopback {
    starter: Arc<dyn CallStarter>,
    name: String,
    profile: CallerProfile,
    variables: Variables,
    max_forwards: u32,
}

impl PreparedLeg for PreparedLoopback {
    fn channel_name(&self) -> String {
        format!("{}-a", self.name)
    }

    fn media(&self) -> Option<MediaParams> {
        Some(media())
    }

    fn start(self: Box<Self>, offer: Option<Bytes>, sink: EventSink) -> Started {
        let this = *self;
        let (inner, events): (EventSink, mpsc::Receiver<CallEvent>) = EventSink::new();
        let pair =
            Arc::new(Pair { a: sink, b: inner.clone(), state: AtomicU8::new(SETUP), late_offer: offer.is_none() });
        let variables = vec![
            ("is_loopback".to_owned(), "1".to_owned()),
            ("loopback_leg".to_owned(), "A".to_owned()),
            ("other_loopback_leg_uuid".to_owned(), this.profile.uuid.clone()),
        ];
        let received_us = now_us();
        this.starter.start(Incoming {
            leg: Box::new(InnerEnd(Arc::clone(&pair))),
            sink: inner,
            events,
            profile: CallerProfile { created_us: received_us, ..this.profile },
            variables: this.variables,
            offer,
            media: Some(media()),
            session: SessionRules::default(),
            max_forwards: this.max_forwards,
            direction: "inbound",
            received_us,
        });
        Started { leg: Box::new(OuterEnd(pair)), variables }
    }
}

/// Audio of legs that stay within the switch.
pub(super) fn media() -> MediaParams {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    MediaParams {
        bind: loopback,
        advertise: loopback,
        codecs: Arc::from("PCMU,PCMA"),
        negotiation: Arc::from("generous"),
        dtmf_payload: 101,
        rtp_timeout_s: 0,
        rtp_hold_timeout_s: 0,
        late_offers: false,
    }
}

const SETUP: u8 = 0;
const ANSWERED: u8 = 1;
const OVER: u8 = 2;

/// What the two ends share: where the other side listens, and how far the pair is.
struct Pair {
    a: EventSink,
    b: EventSink,
    state: AtomicU8,
    /// The offer comes with `-b`'s answer and the answer with `-a`'s ACK.
    late_offer: bool,
}

impl Pair {
    /// Moves from one state to the next; false when the pair is elsewhere already.
    fn step(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// What either side may do within an answered pair.
    fn relay(to: &EventSink, command: LegCommand) {
        match command {
            LegCommand::Reinvite { token, sdp, .. } => {
                to.signal(LegEvent::Reoffer { token, method: "INVITE", sdp, session: None });
            }
            LegCommand::Request { token, method, headers, content_type, body } => {
                to.signal(LegEvent::Request { token, method: method.to_owned(), headers, content_type, body });
            }
            LegCommand::Respond { token, status, sdp, .. } => {
                to.signal(LegEvent::Response { token, status, phrase: phrase(status).to_owned(), sdp, min_se: None });
            }
            other => tracing::debug!(?other, "a loopback leg has no use for this now"),
        }
    }
}

/// `-a`: the called leg of the outer call.
struct OuterEnd(Arc<Pair>);

impl OuterEnd {
    fn end(&self, headers: &Headers) {
        let reason = reason(headers);
        let headers = Headers::new();
        if self.0.step(SETUP, OVER) {
            self.0.b.signal(LegEvent::Cancelled { reason, headers });
        } else if self.0.step(ANSWERED, OVER) {
            self.0.b.signal(LegEvent::Bye { reason, headers });
        }
    }
}

impl Leg for OuterEnd {
    fn send(&mut self, command: LegCommand) {
        match command {
            LegCommand::Cancel { headers } | LegCommand::Bye { headers } => self.end(&headers),
            LegCommand::Ack { sdp } => self.0.b.signal(LegEvent::Acked { sdp }),
            other => Pair::relay(&self.0.b, other),
        }
    }
}

impl Drop for OuterEnd {
    fn drop(&mut self) {
        self.end(&Headers::new());
    }
}

/// `-b`: the caller of the inner call.
struct InnerEnd(Arc<Pair>);

impl InnerEnd {
    fn refuse(&self, status: u16, phrase: String, headers: &Headers) {
        if !self.0.step(SETUP, OVER) {
            return;
        }
        let reason = reason(headers);
        let cause = reason.as_deref().and_then(reason_cause).unwrap_or_else(|| Cause::from_sip_status(status));
        // No status: nothing that a SIP peer said, so nothing to pass on as one.
        self.0.a.signal(LegEvent::Failed(Failure {
            status: 0,
            phrase,
            reason,
            cause: Some(cause),
            ..Failure::default()
        }));
    }
}

impl Leg for InnerEnd {
    fn send(&mut self, command: LegCommand) {
        match command {
            LegCommand::Provisional { status: 0..=100, .. } => {}
            LegCommand::Provisional { status, phrase: text, sdp, .. } => {
                let phrase = text.unwrap_or_else(|| phrase(status).to_owned());
                self.0.a.signal(LegEvent::Progress { status, phrase, headers: Headers::new(), sdp });
            }
            LegCommand::Answer { sdp, .. } => {
                if self.0.step(SETUP, ANSWERED) {
                    let phrase = phrase(200).to_owned();
                    self.0.a.signal(LegEvent::Answered { phrase, headers: Headers::new(), sdp, session: None });
                    if !self.0.late_offer {
                        self.0.b.signal(LegEvent::Acked { sdp: None });
                    }
                }
            }
            LegCommand::Reject { status, phrase: text, headers, .. } => {
                self.refuse(status, text.unwrap_or_else(|| phrase(status).to_owned()), &headers);
            }
            LegCommand::Bye { headers } => {
                if self.0.step(ANSWERED, OVER) {
                    self.0.a.signal(LegEvent::Bye { reason: reason(&headers), headers: Headers::new() });
                }
            }
            other => Pair::relay(&self.0.a, other),
        }
    }
}

impl Drop for InnerEnd {
    fn drop(&mut self) {
        if self.0.step(ANSWERED, OVER) {
            self.0.a.signal(LegEvent::Bye { reason: None, headers: Headers::new() });
        } else {
            let cause = Cause::NORMAL_CLEARING;
            self.refuse(480, phrase(480).to_owned(), &vec![("Reason".to_owned(), cause.reason_header())]);
        }
    }
}

fn reason(headers: &Headers) -> Option<String> {
    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Reason")).map(|(_, value)| value.clone())
}

/// The cause behind a Reason header of ours: `text` names it exactly, else the number of a Q.850 reason.
fn reason_cause(reason: &str) -> Option<Cause> {
    let named = reason.split("text=\"").nth(1).and_then(|rest| rest.split('"').next()).and_then(Cause::from_name);
    named.or_else(|| {
        let number = reason.strip_prefix("Q.850")?.split("cause=").nth(1)?;
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| Cause::parse(&digits))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::test_request::leg;
    use super::*;
    use crate::call::leg::RequestToken;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Incoming>>);

    impl CallStarter for Kept {
        fn start(&self, incoming: Incoming) {
            self.0.lock().unwrap().push(incoming);
        }
    }

    struct Both {
        outer: Box<dyn Leg>,
        outer_events: mpsc::Receiver<CallEvent>,
        inner: Incoming,
    }

    fn pair(variables: &[(&str, &str)], destination: &str) -> Both {
        let kept = Arc::new(Kept::default());
        let endpoint = LoopbackEndpoint::new(Arc::clone(&kept) as Arc<dyn CallStarter>);
        let prepared = leg(&endpoint, "loopback", destination, variables);
        let (sink, outer_events) = EventSink::new();
        let started = prepared.start(Some(Bytes::from_static(b"offer")), sink.for_leg(crate::call::leg::LegId(1)));
        let inner = kept.0.lock().unwrap().pop().unwrap();
        Both { outer: started.leg, outer_events, inner }
    }

    fn next(events: &mut mpsc::Receiver<CallEvent>) -> LegEvent {
        match events.try_recv() {
            Ok(CallEvent::Leg { event, .. }) => event,
            other => panic!("no event: {other:?}"),
        }
    }

    #[test]
    fn the_destination_names_extension_context_and_dialplan() {
        for (text, destination, context, dialplan) in [
            ("9", "9", "default", "XML"),
            ("9/public", "9", "public", "XML"),
            ("9/public/LUA", "9", "public", "LUA"),
            ("9//LUA", "9", "default", "LUA"),
            ("app=echo", "m:|:echo", "default", "inline"),
            ("app=set:a=b|c,d", "m:;:set:a=b|c,d", "default", "inline"),
        ] {
            let target = Target::parse(text);
            assert_eq!(
                (target.destination.as_str(), target.context.as_str(), target.dialplan.as_str()),
                (destination, context, dialplan),
                "{text}"
            );
        }
    }

    #[test]
    fn the_inner_call_knows_its_caller_and_exported_variables() {
        let both = pair(&[("loopback_export", "foo, nope"), ("foo", "1"), ("bar", "2")], "9/public");
        let profile = &both.inner.profile;
        assert_eq!((profile.destination_number.as_str(), profile.context.as_str()), ("9", "public"));
        assert_eq!((profile.caller_id_number.as_str(), profile.chan_name.as_str()), ("1000", "loopback/9-b"));
        assert_eq!(both.inner.variables.get("foo"), Some("1"));
        assert_eq!(both.inner.variables.get("bar"), None);
        assert_eq!(both.inner.variables.get("loopback_leg"), Some("B"));
        assert_eq!(both.inner.offer.as_deref(), Some(&b"offer"[..]));
    }

    #[test]
    fn answer_and_bye_cross_the_pair() {
        let mut both = pair(&[], "9");
        let sdp = Some(Bytes::from_static(b"answer"));
        both.inner.leg.send(LegCommand::Provisional { status: 100, phrase: None, headers: vec![], sdp: None });
        both.inner.leg.send(LegCommand::Provisional { status: 183, phrase: None, headers: vec![], sdp: sdp.clone() });
        both.inner.leg.send(LegCommand::Answer { headers: vec![], sdp });
        assert!(matches!(next(&mut both.outer_events), LegEvent::Progress { status: 183, sdp: Some(_), .. }));
        assert!(matches!(next(&mut both.outer_events), LegEvent::Answered { sdp: Some(_), .. }));
        assert!(matches!(next(&mut both.inner.events), LegEvent::Acked { sdp: None }));
        both.outer.send(LegCommand::Reinvite { token: RequestToken(7), headers: vec![], sdp: None });
        assert!(matches!(next(&mut both.inner.events), LegEvent::Reoffer { token: RequestToken(7), .. }));
        both.inner.leg.send(LegCommand::Respond { token: RequestToken(7), status: 200, headers: vec![], sdp: None });
        assert!(matches!(next(&mut both.outer_events), LegEvent::Response { token: RequestToken(7), status: 200, .. }));
        both.outer.send(LegCommand::Bye { headers: vec![("Reason".into(), "Q.850;cause=16".into())] });
        match next(&mut both.inner.events) {
            LegEvent::Bye { reason, .. } => assert_eq!(reason.as_deref(), Some("Q.850;cause=16")),
            other => panic!("{other:?}"),
        }
        drop(both.inner.leg);
        assert!(both.outer_events.try_recv().is_err(), "the pair ends once");
    }

    #[test]
    fn causes_cross_the_pair() {
        for (status, header, cause) in [
            (486, Some("Q.850;cause=17;text=\"USER_BUSY\""), Cause::USER_BUSY),
            (480, Some("SIP;cause=806;text=\"USER_NOT_REGISTERED\""), Cause::USER_NOT_REGISTERED),
            (404, Some("Q.850;cause=3"), Cause::NO_ROUTE_DESTINATION),
            (486, None, Cause::USER_BUSY),
            (603, Some("garbage"), Cause::CALL_REJECTED),
        ] {
            let mut both = pair(&[], "9");
            let headers = header.iter().map(|text| ("Reason".to_owned(), (*text).to_owned())).collect();
            both.inner.leg.send(LegCommand::Reject { status, phrase: None, headers, challenge: None });
            match next(&mut both.outer_events) {
                LegEvent::Failed(failure) => {
                    assert_eq!((failure.status, failure.cause), (0, Some(cause)), "{header:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn dropping_an_end_tells_the_other() {
        let mut both = pair(&[], "9");
        drop(both.outer);
        assert!(matches!(next(&mut both.inner.events), LegEvent::Cancelled { .. }));
        let mut both = pair(&[], "9");
        drop(both.inner.leg);
        assert!(matches!(next(&mut both.outer_events), LegEvent::Failed(_)));
    }
}
