//! Legs and their dialogs (RFC 3261 12).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::command::{Body, Headers, Invite, LegId, LegState, TxId};
use super::super::flow::{Flow, Target, Transport};
use super::super::messages::{Builder, HeaderId, Message, Method, NameAddr, Uri, text};
use super::super::registrar::is_behind_nat;
use super::Stack;
use super::client::{branch_text, via_value};
use super::reliable::Reliable;

/// One early or confirmed dialog of a leg.
#[derive(Debug, Clone)]
pub(super) struct Dialog {
    /// Tag of the far end.
    pub(super) remote_tag: Vec<u8>,
    /// Its Contact.
    pub(super) remote_target: Vec<u8>,
    /// Route values, first hop first.
    pub(super) route: Vec<Vec<u8>>,
    /// CSeq of its last request.
    pub(super) remote_cseq: Option<u32>,
    /// RSeq of its last reliable 1xx.
    pub(super) rseq: Option<u32>,
    /// The address it spoke from.
    pub(super) hop: Target,
}

/// A 2xx of ours that waits for its ACK.
#[derive(Debug)]
pub(super) struct Answer {
    /// CSeq of the INVITE.
    pub(super) cseq: u32,
    pub(super) bytes: Bytes,
    pub(super) flow: Flow,
    pub(super) destination: SocketAddr,
    pub(super) resend: (Instant, Duration),
    pub(super) until: Instant,
}

/// What a leg's own timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LegTimer {
    /// No ACK of our 2xx.
    Ack,
    /// Nobody retried after a refusal.
    Refused,
    /// Our re-INVITE met theirs: once more.
    Glare,
}

/// A new INVITE of ours in the dialog.
#[derive(Debug)]
pub(super) struct Reinvite {
    pub(super) token: u64,
    pub(super) headers: Headers,
    pub(super) body: Option<Body>,
    /// It was repeated after a 491.
    pub(super) repeated: bool,
}

/// One leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) state: LegState,
    pub(super) call_id: Bytes,
    /// Our side of From or To, without tag.
    pub(super) local: Bytes,
    pub(super) local_tag: String,
    /// The far side, without tag.
    pub(super) remote: Bytes,
    /// Value of our Contact.
    pub(super) contact: String,
    /// CSeq of our last request.
    pub(super) cseq: u32,
    /// Early and confirmed dialogs.
    pub(super) dialogs: Vec<Dialog>,
    /// The one that counts, once the leg is answered.
    pub(super) confirmed: Option<usize>,
    /// Set by a command: where requests go.
    pub(super) next_hop: Option<Target>,
    /// Outbound: the INVITE, for retries, and its transaction.
    pub(super) invite: Option<Box<Invite>>,
    pub(super) client: Option<u64>,
    /// Inbound: the INVITE's transaction, until its final response.
    pub(super) server: Option<TxId>,
    pub(super) answer: Option<Answer>,
    /// Inbound: its reliable provisional responses.
    pub(super) reliable: Reliable,
    /// BYE headers that wait for the ACK of our 2xx.
    pub(super) bye: Option<Headers>,
    /// CANCEL headers that wait for the first 1xx, and serve the BYE of a crossing 2xx.
    pub(super) cancel: Option<Headers>,
    pub(super) cancel_sent: bool,
    /// A re-INVITE of theirs that is not answered yet.
    pub(super) their_offer: Option<TxId>,
    pub(super) our_offer: Option<Reinvite>,
    /// CSeq and transaction of an INVITE of ours whose 2xx waits for the loop's ACK.
    pub(super) owed_ack: Option<(u32, u64)>,
    pub(super) timer: Option<(Instant, LegTimer)>,
}

/// A header value up to its tag: what stands in From or To without parameters of ours.
pub(super) fn without_tag(value: &[u8]) -> Bytes {
    let end = match value.iter().position(|byte| *byte == b'>') {
        Some(at) => at + 1,
        None => value.iter().position(|byte| *byte == b';').unwrap_or(value.len()),
    };
    Bytes::copy_from_slice(value.get(..end).unwrap_or(value))
}

/// URI of the first Contact; empty without one.
pub(super) fn contact_uri(message: &Message) -> Vec<u8> {
    message.address(HeaderId::Contact).map(|address| address.uri.to_vec()).unwrap_or_default()
}

/// Record-Route values as a route set, in the order given or turned round.
pub(super) fn route_set(message: &Message, reversed: bool) -> Vec<Vec<u8>> {
    let mut route: Vec<Vec<u8>> = message.list(HeaderId::RecordRoute).take(32).map(<[u8]>::to_vec).collect();
    if reversed {
        route.reverse();
    }
    route
}

impl Dialog {
    /// Where its requests go: an address in the first Route or the Contact as it stands; for a name, and for a Contact that
    /// only its own network can reach, the address the far end spoke from.
    fn target(&self) -> Target {
        let first = self.route.first().map(Vec::as_slice);
        let uri = match first {
            Some(route) => NameAddr::parse(route).map(|address| address.uri.to_vec()).unwrap_or_default(),
            None => self.remote_target.clone(),
        };
        let Ok(uri) = Uri::parse(&uri) else { return self.hop };
        let transport = match uri.params.value("transport") {
            Some(name) if name.eq_ignore_ascii_case(b"tcp") => Transport::Tcp,
            Some(name) if name.eq_ignore_ascii_case(b"udp") => Transport::Udp,
            _ => self.hop.transport,
        };
        let Some(ip) = uri.ip() else { return self.hop };
        if first.is_none() && is_behind_nat(&uri, None, self.hop.destination, false) {
            return self.hop;
        }
        let destination = SocketAddr::new(ip, uri.port.unwrap_or(5060));
        if ip.is_unspecified() || destination.port() == 0 {
            return self.hop;
        }
        // Their connection is used as long as it lives, whatever port their Contact names.
        let flow = self.hop.flow.filter(|_| transport == Transport::Tcp && ip == self.hop.destination.ip());
        Target { transport, destination, local: self.hop.local, flow }
    }
}

impl Leg {
    /// A leg that has sent and received nothing but its INVITE. `local` and `remote` are values of From and To.
    pub(super) fn new(
        state: LegState,
        call_id: Bytes,
        local: &[u8],
        local_tag: String,
        remote: &[u8],
        contact: String,
    ) -> Self {
        Self {
            state,
            call_id,
            local: without_tag(local),
            local_tag,
            remote: without_tag(remote),
            contact,
            cseq: 0,
            dialogs: Vec::new(),
            confirmed: None,
            next_hop: None,
            invite: None,
            client: None,
            server: None,
            answer: None,
            reliable: Reliable::default(),
            bye: None,
            cancel: None,
            cancel_sent: false,
            their_offer: None,
            our_offer: None,
            owed_ack: None,
            timer: None,
        }
    }

    /// The dialog that requests use: the confirmed one, else the first.
    pub(super) fn dialog(&self) -> Option<&Dialog> {
        self.dialogs.get(self.confirmed.unwrap_or(0))
    }

    /// The dialog with a far end's tag.
    pub(super) fn dialog_of(&mut self, tag: &[u8]) -> Option<&mut Dialog> {
        self.dialogs.iter_mut().find(|dialog| dialog.remote_tag == tag)
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self.state, LegState::Answered | LegState::Ending)
    }
}

/// A request to be written in a dialog.
pub(super) struct InDialog<'r> {
    pub(super) method: &'r Method,
    pub(super) cseq: u32,
    pub(super) headers: &'r Headers,
    pub(super) body: Option<&'r Body>,
}

impl Stack {
    /// Writes a request in a leg's dialog; gives the bytes and where they go.
    pub(super) fn write_in_dialog(
        &self,
        leg: &Leg,
        dialog: &Dialog,
        branch: u64,
        request: &InDialog<'_>,
    ) -> (Bytes, Target) {
        let InDialog { method, cseq, headers, body } = *request;
        let target = leg.next_hop.unwrap_or_else(|| dialog.target());
        let uri: &[u8] = if dialog.remote_target.is_empty() { b"sip:unknown" } else { &dialog.remote_target };
        // A strict router stands in the Request-URI, and the target behind the routes (12.2.1.1).
        let strict = dialog.route.first().filter(|route| {
            NameAddr::parse(route)
                .and_then(|address| address.parsed_uri().ok().map(|uri| !uri.params.has("lr")))
                .unwrap_or(false)
        });
        let mut builder = match strict.and_then(|route| NameAddr::parse(route)) {
            Some(router) => Builder::request(method.as_str(), router.uri),
            None => Builder::request(method.as_str(), uri),
        };
        builder.header("Via", via_value(&target, &branch_text(branch)));
        for route in dialog.route.iter().skip(usize::from(strict.is_some())) {
            builder.header("Route", route);
        }
        if strict.is_some() {
            builder.pieces("Route", &[b"<", uri, b">"]);
        }
        let given = |id| headers.iter().any(|(name, _)| HeaderId::of(name.as_bytes()) == id);
        if !given(HeaderId::MaxForwards) {
            builder.header("Max-Forwards", "70");
        }
        builder.pieces("From", &[&leg.local, b";tag=", leg.local_tag.as_bytes()]);
        if dialog.remote_tag.is_empty() {
            builder.header("To", &leg.remote);
        } else {
            builder.pieces("To", &[&leg.remote, b";tag=", &dialog.remote_tag]);
        }
        builder.header("Call-ID", &leg.call_id);
        builder.header("CSeq", format!("{cseq} {}", method.as_str()));
        let targets = [Method::Invite, Method::Update, Method::Refer, Method::Subscribe, Method::Notify];
        if (targets.contains(method) || *method == Method::Ack) && !given(HeaderId::Contact) {
            builder.header("Contact", &leg.contact);
        }
        if !self.config.user_agent.is_empty() && !given(HeaderId::UserAgent) {
            builder.header("User-Agent", &self.config.user_agent);
        }
        if *method == Method::Invite {
            if !given(HeaderId::Allow) {
                builder.header("Allow", &self.allow);
            }
            if !self.supported.is_empty() && !given(HeaderId::Supported) {
                builder.header("Supported", &self.supported);
            }
        }
        builder.headers(headers, body);
        (builder.finish(body), target)
    }

    /// Our Contact towards an address.
    pub(super) fn contact_for(user: &str, transport: Transport, local: SocketAddr) -> String {
        let at = if user.is_empty() { "" } else { "@" };
        let parameter = if transport == Transport::Tcp { ";transport=tcp" } else { "" };
        format!("<sip:{user}{at}{local}{parameter}>")
    }

    /// Forgets a leg. Its transactions finish by themselves.
    pub(super) fn drop_leg(&mut self, id: LegId) -> Option<Leg> {
        let leg = self.legs.remove(&id)?;
        self.tags.remove(leg.local_tag.as_str());
        Some(leg)
    }

    /// The leg that an in-dialog request belongs to.
    pub(super) fn leg_of_request(&self, request: &Message) -> Option<LegId> {
        let tag = request.to_tag()?;
        let id = *self.tags.get(&*text(tag))?;
        let leg = self.legs.get(&id)?;
        let from = request.from_tag().unwrap_or_default();
        let ours = leg.call_id == request.call_id() && leg.dialogs.iter().any(|dialog| dialog.remote_tag == from);
        ours.then_some(id)
    }

    pub(super) fn leg_timer(&mut self, id: LegId, at: Instant, what: LegTimer) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.timer = Some((at, what));
            self.timers.set(at, super::timers::Timer::Leg(id));
        }
    }
}
