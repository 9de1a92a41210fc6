//! Server transactions (RFC 3261 17.2, RFC 6026) and the responses they send.
//!
//! | state | INVITE | others |
//! |---|---|---|
//! | Proceeding | 1xx resent on a retransmission | as INVITE; nothing was sent yet: silence |
//! | Completed | final refusal resent by G until the ACK, H ends | response resent on a retransmission, J ends |
//! | Confirmed | ACK is here, I ends | |
//! | Accepted | 2xx is out and the leg's to resend, L ends | |

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::command::{Body, Headers, LegId, TxId};
use super::super::flow::{Flow, Transmit, Transport};
use super::super::messages::{Builder, HeaderId, Message, Method};
use super::Stack;
use super::timers::Timer;

/// Where a server transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerState {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
}

/// One server transaction.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) key: Box<[u8]>,
    /// Key of the request without its branch, for merged requests.
    merge: Option<Box<[u8]>>,
    pub(super) invite: bool,
    pub(super) state: ServerState,
    pub(super) flow: Flow,
    /// The request, until its final response.
    pub(super) request: Option<Arc<Message>>,
    response: Option<Bytes>,
    /// Where responses go.
    route: Option<SocketAddr>,
    /// Tag of To in our responses.
    pub(super) tag: String,
    /// The leg it belongs to.
    pub(super) leg: Option<LegId>,
    resend: Option<(Instant, Duration)>,
    end: Option<Instant>,
}

/// The key of the transaction that a request belongs to (RFC 3261 17.2.3); an ACK has that of its INVITE.
pub(super) fn key_of(message: &Message, method: &Method) -> Box<[u8]> {
    let method = if *method == Method::Ack { &Method::Invite } else { method };
    let mut key = Vec::with_capacity(96);
    let mut part = |bytes: &[u8]| {
        key.extend_from_slice(bytes);
        key.push(0);
    };
    part(method.as_str().as_bytes());
    let branch =
        message.branch().filter(|branch| branch.get(..7).is_some_and(|magic| magic.eq_ignore_ascii_case(b"z9hG4bK")));
    if let Some(branch) = branch {
        part(branch);
        part(message.sent_by());
    } else {
        // RFC 2543: no unique branch.
        part(message.call_id());
        part(message.from_tag().unwrap_or_default());
        part(message.cseq().to_string().as_bytes());
        part(message.via_bytes());
    }
    key.into_boxed_slice()
}

fn merge_key(message: &Message) -> Box<[u8]> {
    let mut key = Vec::with_capacity(96);
    for part in [message.call_id(), message.from_tag().unwrap_or_default(), message.cseq().to_string().as_bytes()] {
        key.extend_from_slice(part);
        key.push(0);
    }
    key.extend_from_slice(message.cseq_method().map_or(&[][..], |method| method.as_str().as_bytes()));
    key.into_boxed_slice()
}

/// Where a response goes (RFC 3261 18.2.2, RFC 3581).
fn response_route(message: &Message, flow: &Flow) -> SocketAddr {
    if flow.transport == Transport::Tcp {
        return flow.remote;
    }
    match message.via() {
        Some(via) if !via.params.has("rport") => SocketAddr::new(flow.remote.ip(), via.port.unwrap_or(5060)),
        _ => flow.remote,
    }
}

/// The topmost Via with `received` and `rport` as the sender's address demands.
fn write_via(builder: &mut Builder, message: &Message, flow: &Flow) {
    for (at, value) in message.list(HeaderId::Via).enumerate() {
        let Some(via) = message.via().filter(|_| at == 0) else {
            builder.header("Via", value);
            continue;
        };
        let mut text = Vec::with_capacity(value.len() + 48);
        let head = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        text.extend_from_slice(value.get(..head).unwrap_or(value));
        let asked = via.params.has("rport");
        for (name, given) in via.params.iter() {
            if name.eq_ignore_ascii_case(b"rport") || name.eq_ignore_ascii_case(b"received") {
                continue;
            }
            text.push(b';');
            text.extend_from_slice(name);
            if let Some(given) = given {
                text.push(b'=');
                text.extend_from_slice(given);
            }
        }
        let host = std::str::from_utf8(via.host).unwrap_or_default();
        let same = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip == flow.remote.ip());
        if asked || !same {
            text.extend_from_slice(format!(";received={}", flow.remote.ip()).as_bytes());
        }
        if asked {
            text.extend_from_slice(format!(";rport={}", flow.remote.port()).as_bytes());
        }
        builder.header("Via", text);
    }
}

/// What a response says beyond its request.
pub(super) struct Reply<'r> {
    pub(super) code: u16,
    pub(super) reason: Option<&'r str>,
    pub(super) headers: &'r Headers,
    pub(super) body: Option<&'r Body>,
    /// Value of Contact; none: none is written.
    pub(super) contact: Option<&'r str>,
}

impl Reply<'_> {
    pub(super) fn plain(code: u16) -> Reply<'static> {
        const NONE: &Headers = &Headers::new();
        Reply { code, reason: None, headers: NONE, body: None, contact: None }
    }
}

impl Stack {
    /// Writes a response to a request.
    pub(super) fn write_response(&self, request: &Message, flow: &Flow, tag: &str, reply: &Reply<'_>) -> Bytes {
        let Reply { code, reason, headers, body, contact } = *reply;
        let mut builder = Builder::response(code, reason.unwrap_or_else(|| phrase(code)));
        write_via(&mut builder, request, flow);
        builder.header("From", request.value(HeaderId::From).unwrap_or_default());
        let to = request.value(HeaderId::To).unwrap_or_default();
        if request.to_tag().is_some() || code == 100 || tag.is_empty() {
            builder.header("To", to);
        } else {
            builder.pieces("To", &[to, b";tag=", tag.as_bytes()]);
        }
        builder.header("Call-ID", request.call_id());
        builder.header("CSeq", request.value(HeaderId::CSeq).unwrap_or_default());
        let given = |id| headers.iter().any(|(name, _)| HeaderId::of(name.as_bytes()) == id);
        let opens = request.is(&Method::Invite) && code > 100 && code < 300;
        if opens {
            for route in request.values(HeaderId::RecordRoute) {
                builder.header("Record-Route", route);
            }
        }
        if let Some(contact) = contact.filter(|_| !given(HeaderId::Contact)) {
            builder.header("Contact", contact);
        }
        if !self.config.user_agent.is_empty() && !given(HeaderId::UserAgent) {
            builder.header("User-Agent", &self.config.user_agent);
        }
        let capable = code / 100 == 2 || code == 405 || opens;
        if capable && !given(HeaderId::Allow) {
            builder.header("Allow", &self.allow);
        }
        if capable && code != 405 && !self.supported.is_empty() && !given(HeaderId::Supported) {
            builder.header("Supported", &self.supported);
        }
        builder.headers(headers, body);
        builder.finish(body)
    }

    /// Answers a request without keeping anything.
    pub(super) fn answer_stateless(&mut self, request: &Message, flow: &Flow, reply: &Reply<'_>) {
        if request.is(&Method::Ack) {
            return;
        }
        let tag = self.names.tag();
        let bytes = self.write_response(request, flow, &tag, reply);
        self.transmit(flow, response_route(request, flow), bytes);
    }

    fn transmit(&mut self, flow: &Flow, destination: SocketAddr, bytes: Bytes) {
        self.send(Transmit {
            transport: flow.transport,
            destination,
            flow: (flow.transport == Transport::Tcp).then_some(flow.id),
            local: flow.local,
            bytes,
        });
    }

    /// Opens a server transaction.
    pub(super) fn open_server(&mut self, request: Arc<Message>, flow: Flow, key: Box<[u8]>) -> TxId {
        self.last_tx += 1;
        let tx = TxId(self.last_tx);
        let invite = request.is(&Method::Invite);
        let merge = request.to_tag().is_none().then(|| merge_key(&request));
        if let Some(merge) = &merge {
            self.merged.insert(merge.clone(), tx);
        }
        let tag = self.names.tag();
        self.server_keys.insert(key.clone(), tx);
        self.servers.insert(
            tx,
            Server {
                key,
                merge,
                invite,
                state: ServerState::Proceeding,
                flow,
                request: Some(request),
                response: None,
                route: None,
                tag,
                leg: None,
                resend: None,
                end: None,
            },
        );
        tx
    }

    /// Whether the same request came by another way already (RFC 3261 8.2.2.2).
    pub(super) fn is_merged(&self, request: &Message) -> bool {
        request.to_tag().is_none() && self.merged.contains_key(&merge_key(request))
    }

    /// A retransmitted request: what was said last is said again.
    pub(super) fn repeat(&mut self, tx: TxId) {
        let Some(server) = self.servers.get(&tx) else { return };
        if server.state == ServerState::Accepted || server.state == ServerState::Confirmed {
            return;
        }
        if let Some((bytes, destination)) = server.response.clone().zip(server.route) {
            let flow = server.flow;
            self.totals.resent += 1;
            self.transmit(&flow, destination, bytes);
        }
    }

    /// Sends a response within a transaction. Gives the bytes and where they went, for responses that the leg resends.
    pub(super) fn respond(&mut self, now: Instant, tx: TxId, reply: &Reply<'_>) -> Option<(Bytes, SocketAddr)> {
        let server = self.servers.get(&tx)?;
        let request = server.request.clone()?;
        let (flow, tag) = (server.flow, server.tag.clone());
        let bytes = self.write_response(&request, &flow, &tag, reply);
        let destination = response_route(&request, &flow);
        let (t1, reliable) = (self.config.t1, flow.transport.is_reliable());
        // A challenge might be sent without any state (22.1): a repeat that finds none is challenged anew. The space is
        // for those that were proven.
        let soon = self.timers.rounded(now + self.config.t4);
        let over = self.timers.rounded(now + t1 * 64);
        let server = self.servers.get_mut(&tx)?;
        server.response = Some(bytes.clone());
        server.route = Some(destination);
        let mut set = Vec::new();
        match (server.invite, reply.code) {
            (_, 100..=199) => {}
            (true, 200..=299) => {
                server.state = ServerState::Accepted;
                server.end = Some(over);
                set.push((over, Timer::ServerEnd(tx)));
            }
            (true, _) => {
                server.state = ServerState::Completed;
                if !reliable {
                    server.resend = Some((now + t1, t1));
                    set.push((now + t1, Timer::ServerResend(tx)));
                }
                server.end = Some(over);
                set.push((over, Timer::ServerEnd(tx)));
            }
            (false, _) => {
                server.state = ServerState::Completed;
                let until = match reply.code {
                    _ if reliable => now,
                    401 | 407 => soon,
                    _ => over,
                };
                server.end = Some(until);
                set.push((until, Timer::ServerEnd(tx)));
            }
        }
        if reply.code >= 200 {
            server.request = None;
        }
        for (at, timer) in set {
            self.timers.set(at, timer);
        }
        self.transmit(&flow, destination, bytes.clone());
        Some((bytes, destination))
    }

    /// The ACK of a refusal is here (17.2.1).
    pub(super) fn acknowledged(&mut self, now: Instant, tx: TxId) {
        let over = self.timers.rounded(now + self.config.t4);
        let Some(server) = self.servers.get_mut(&tx) else { return };
        if server.state == ServerState::Completed && server.invite {
            server.state = ServerState::Confirmed;
            server.resend = None;
            let until = if server.flow.transport.is_reliable() { now } else { over };
            server.end = Some(until);
            self.timers.set(until, Timer::ServerEnd(tx));
        }
    }

    pub(super) fn server_resend(&mut self, at: Instant, tx: TxId) {
        let t2 = self.config.t2;
        let Some(server) = self.servers.get_mut(&tx) else { return };
        let Some((_, interval)) = server.resend.filter(|(due, _)| *due == at) else { return };
        let interval = (interval * 2).min(t2);
        server.resend = Some((at + interval, interval));
        self.timers.set(at + interval, Timer::ServerResend(tx));
        self.repeat(tx);
    }

    pub(super) fn server_end(&mut self, at: Instant, tx: TxId) {
        if self.servers.get(&tx).is_some_and(|server| server.end == Some(at)) {
            self.drop_server(tx);
        }
    }

    pub(super) fn drop_server(&mut self, tx: TxId) {
        let Some(server) = self.servers.remove(&tx) else { return };
        self.server_keys.remove(&server.key);
        if let Some(merge) = server.merge
            && self.merged.get(&merge) == Some(&tx)
        {
            self.merged.remove(&merge);
        }
    }

    /// Whether a server timer still means something.
    pub(super) fn server_timer_lives(&self, at: Instant, timer: Timer) -> bool {
        match timer {
            Timer::ServerResend(tx) => {
                self.servers.get(&tx).is_some_and(|server| server.resend.is_some_and(|(due, _)| due == at))
            }
            Timer::ServerEnd(tx) => self.servers.get(&tx).is_some_and(|server| server.end == Some(at)),
            _ => true,
        }
    }
}

/// The standard phrase.
pub(super) fn phrase(code: u16) -> &'static str {
    crate::words::model::phrase(code)
}
