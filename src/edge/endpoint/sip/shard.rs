//! One shard: a thread with a stack, its sockets, and the calls whose Call-ID falls to it.
//!
//! The loop waits for traffic, commands of calls, or the stack's next deadline; takes in what is there; then hands on what
//! the stack wants to send and tell. Call tasks run on the same thread.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::auth::Verdict;
use super::credentials::{self, Answer, Credential, REPEATED, REPEATED_PHRASE};
use super::destination::{Hop, Host, hop_of};
use super::events::{self, Wish};
use super::headers::{reason_of, shown};
use super::incoming::{self, Arrival};
use super::invite::Plan;
use super::leg::SipLeg;
use super::listeners::media;
use super::peek;
use super::shared::{Dial, Outbox, Packet, RouteCache, Shared, ToShard, Traffic};
use crate::call::leg::{EventSink, Failure, Headers, Incoming, LegCommand, LegEvent, RequestToken};
use crate::edge::endpoint::now_us;
use crate::edge::net::{MAX_DATAGRAM, Routes, UdpPort};
use crate::engine::sip::messages::{Uri, text};
use crate::engine::sip::{
    Body, Command, Event, Flow, FlowId, HeaderId, LegId, LegState, Message, Method, Outcome, Stack, Target, Transmit,
    Transport, TxId, shard_of,
};
use crate::words::model::Cause;

/// Datagrams taken in before the stack's outputs are handed on.
const BATCH: usize = 32;
/// Commands taken in likewise.
const COMMANDS: usize = 256;
/// How long ended legs may take at a stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the shard knows of a leg.
struct Entry {
    /// None: the call let go of it.
    sink: Option<EventSink>,
    /// Outbound legs.
    out: Option<Outbound>,
    /// Realm of a challenge that names none: the host of To.
    realm: String,
}

/// An outbound leg until its answer.
struct Outbound {
    profile: usize,
    plan: Plan,
    credential: Option<Credential>,
    /// A challenge was answered.
    tried: bool,
    /// Request-URI of the last INVITE.
    uri: String,
    waiting: Option<Waiting>,
}

/// What goes on when a host name is resolved.
enum Waiting {
    Dial(Option<Bytes>, Hop),
    Retarget(Hop),
}

/// A shard before its loop runs.
pub(super) struct Shard {
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) stack: Stack,
    pub(super) sockets: Vec<UdpPort>,
    pub(super) outbox: Outbox,
    legs: HashMap<LegId, Entry>,
    routes: RouteCache,
    /// Datagrams for other shards.
    foreign: Vec<Vec<Packet>>,
    stopping: Option<Instant>,
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Shard {
    pub(super) fn new(index: usize, shared: Arc<Shared>, stack: Stack, sockets: Vec<UdpPort>, outbox: Outbox) -> Self {
        let shards = shared.inboxes.len();
        Self {
            index,
            shared,
            stack,
            sockets,
            outbox,
            legs: HashMap::new(),
            routes: RouteCache(Routes::new()),
            foreign: (0..shards).map(|_| Vec::new()).collect(),
            stopping: None,
        }
    }

    /// Runs until it is stopped.
    pub(super) async fn run(mut self) {
        self.shared.enter(self.index);
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            self.flush();
            if let Some(until) = self.stopping
                && (self.legs.is_empty() || now() >= until)
            {
                return;
            }
            let deadline = self.stack.next_deadline().into_iter().chain(self.stopping).min();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let sockets = &self.sockets;
            let readable = std::future::poll_fn(|context| {
                let ready = sockets.iter().any(|socket| socket.poll_readable(context).is_ready());
                if ready { Poll::Ready(()) } else { Poll::Pending }
            });
            tokio::select! {
                () = readable => self.receive(&mut buffer),
                Some(command) = self.outbox.commands.recv() => {
                    self.take(command);
                    for _ in 0..COMMANDS {
                        let Ok(command) = self.outbox.commands.try_recv() else { break };
                        self.take(command);
                    }
                }
                Some(traffic) = self.outbox.traffic.recv() => self.handed(traffic),
                () = timer => {}
            }
            if self.stack.next_deadline().is_some_and(|at| at <= now()) {
                self.stack.on_timer(now());
            }
        }
    }

    // --- in ---

    fn receive(&mut self, buffer: &mut [u8]) {
        let now = now();
        let shards = self.foreign.len();
        let Self { sockets, stack, shared, routes, foreign, index, .. } = self;
        for (listener, socket) in sockets.iter().enumerate() {
            socket.drain(buffer, BATCH, |remote, bytes| {
                if peek::is_keep_alive(bytes) {
                    return;
                }
                let Some(local) = shared.listeners.seen_by(listener, remote.ip(), routes) else { return };
                let flow = Flow { id: FlowId(listener as u64), transport: Transport::Udp, local, remote };
                let bytes = Bytes::copy_from_slice(bytes);
                let shard = shard_of(peek::call_id(&bytes).unwrap_or_default(), shards);
                if shard == *index {
                    stack.on_datagram(now, flow, bytes);
                } else if let Some(batch) = foreign.get_mut(shard) {
                    batch.push(Packet { flow, bytes });
                }
            });
        }
        for (batch, inbox) in foreign.iter_mut().zip(&*shared.inboxes) {
            if !batch.is_empty() {
                // A full queue drops the batch, as the network may.
                let _ = inbox.traffic.try_send(Traffic::Messages(std::mem::take(batch)));
            }
        }
    }

    fn handed(&mut self, traffic: Traffic) {
        match traffic {
            Traffic::Messages(packets) => {
                for Packet { flow, bytes } in packets {
                    self.stack.on_datagram(now(), flow, bytes);
                }
            }
            Traffic::Unreadable(flow, error) => self.stack.on_frame_error(now(), flow, &error),
        }
    }

    fn take(&mut self, message: ToShard) {
        match message {
            ToShard::Leg(leg, command) => self.command_of_call(leg, command),
            ToShard::Dropped(leg) => self.dropped(leg),
            ToShard::Dial(dial) => self.dial(*dial),
            ToShard::Resolved(leg, ip) => self.resolved(leg, ip),
            ToShard::FlowClosed(flow) => self.stack.on_flow_closed(now(), flow),
            ToShard::Unreachable(remote) => self.stack.on_send_failed(now(), remote),
            ToShard::Stop => {
                self.stopping = Some(now() + FAREWELL);
                for leg in self.legs.keys().copied().collect::<Vec<_>>() {
                    self.dropped(leg);
                }
            }
        }
    }

    // --- out ---

    fn flush(&mut self) {
        loop {
            let mut idle = true;
            while let Some(event) = self.stack.poll_event() {
                idle = false;
                self.on_event(event);
            }
            while let Some(sent) = self.stack.poll_send() {
                idle = false;
                self.send(&sent);
            }
            if idle {
                break;
            }
        }
        if let Some(counts) = self.shared.counts.get(self.index)
            && let Ok(mut counts) = counts.lock()
        {
            *counts = self.stack.counts();
        }
    }

    fn send(&mut self, sent: &Transmit) {
        let failed = match sent.transport {
            Transport::Udp => {
                let socket = self.shared.listeners.speaking_as(sent.local).and_then(|at| self.sockets.get(at));
                match socket {
                    Some(socket) => socket.send(sent.destination, &sent.bytes).err().map(|error| error.to_string()),
                    None => Some(format!("no socket speaks as {}", sent.local)),
                }
            }
            Transport::Tcp => {
                let flow = sent.flow.map(|flow| flow.0);
                let sent = self.shared.connections.send(flow, sent.local, sent.destination, sent.bytes.clone());
                sent.err().map(|error| error.to_string())
            }
        };
        if let Some(error) = failed {
            tracing::debug!(error, destination = %sent.destination, "cannot send");
            self.stack.on_send_failed(now(), sent.destination);
        }
    }

    fn stack_command(&mut self, command: Command) {
        if let Err(error) = self.stack.command(now(), command) {
            tracing::debug!(%error, "not carried out");
        }
    }

    // --- events of the stack ---

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Invite { leg, request, flow } => self.invited(leg, &request, &flow),
            Event::Cancelled { leg, request } => {
                self.tell(leg, LegEvent::Cancelled { reason: reason_of(&request), headers: shown(&request) });
            }
            Event::AckReceived { leg, request } => self.tell(leg, events::acked(&request)),
            Event::AckTimeout { leg } => self.tell(leg, LegEvent::Lost(Cause::RECOVERY_ON_TIMER_EXPIRE)),
            Event::Provisional { leg, response, .. } => {
                if let Some(event) = events::progress(&response) {
                    self.tell(leg, event);
                }
            }
            Event::Success { leg, response, .. } => self.tell(leg, events::answered(&response)),
            Event::Failure { leg, outcome } => self.failed(leg, &outcome),
            Event::Bye { leg, request } => {
                self.tell(leg, LegEvent::Bye { reason: reason_of(&request), headers: shown(&request) });
            }
            Event::InDialog { leg, tx, request } => match events::wish(tx.0, &request) {
                Wish::Tell(event) if self.is_heard(leg) => self.tell(leg, event),
                Wish::Tell(_) => self.respond(tx, 481),
                Wish::Answer(status) => self.respond(tx, status),
            },
            Event::OutOfDialog { tx, request, .. } => self.out_of_dialog(tx, &request),
            Event::Response { leg, token, method, outcome } => {
                let Some(leg) = leg else { return };
                self.tell(leg, events::response(token, &outcome));
                if let Some(cause) = events::lost_by(&method, &outcome) {
                    self.tell(leg, LegEvent::Lost(cause));
                }
            }
            Event::Terminated { leg } => self.forget(leg),
        }
    }

    fn is_heard(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(|entry| entry.sink.is_some())
    }

    fn tell(&self, leg: LegId, event: LegEvent) {
        if let Some(sink) = self.legs.get(&leg).and_then(|entry| entry.sink.as_ref()) {
            sink.signal(event);
        }
    }

    fn forget(&mut self, leg: LegId) {
        if self.legs.remove(&leg).is_some() {
            self.shared.legs.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn keep(&mut self, leg: LegId, entry: Entry) {
        if self.legs.insert(leg, entry).is_none() {
            self.shared.legs.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn respond(&mut self, tx: TxId, code: u16) {
        self.stack_command(Command::Respond { tx, code, reason: None, headers: Headers::new(), body: None });
    }

    fn out_of_dialog(&mut self, tx: TxId, request: &Message) {
        let Some(method) = request.method() else { return };
        if *method == Method::Options {
            let draining = self.shared.draining.load(Ordering::Relaxed);
            let headers = vec![("Accept".to_owned(), "application/sdp".to_owned())];
            let code = if draining { 503 } else { 200 };
            self.stack_command(Command::Respond { tx, code, reason: None, headers, body: None });
            return;
        }
        // Outside a call there is nothing a NOTIFY could report on, and the rest is not implemented.
        self.respond(tx, if *method == Method::Notify { 481 } else { 501 });
    }

    // --- calls to us ---

    fn reject(&mut self, leg: LegId, code: u16, headers: Headers) {
        self.stack_command(Command::Reject { leg, code, reason: None, headers });
    }

    fn invited(&mut self, leg: LegId, request: &Arc<Message>, flow: &Flow) {
        let listener = self.shared.listeners.speaking_as(flow.local);
        let profile = listener.and_then(|at| self.shared.listeners.all().get(at)).map(|listener| listener.profile);
        let found = profile.and_then(|at| Some((at, Arc::clone(self.shared.listeners.profile(at)?))));
        let Some((profile, settings)) = found else { return self.reject(leg, 404, Headers::new()) };
        if self.shared.draining.load(Ordering::Relaxed) || !self.shared.has_room() {
            let after = self.shared.settings.stack.retry_after.to_string();
            return self.reject(leg, 503, vec![("Retry-After".to_owned(), after)]);
        }
        let own = self.shared.listeners.is_listener(flow.remote, &mut self.routes);
        let verdict = {
            let directory = self.shared.directory.load();
            self.shared.guard.judge(now(), request, flow.remote, own, &settings, &directory)
        };
        match &verdict {
            Verdict::Challenge(value) => {
                return self.reject(leg, 407, vec![("Proxy-Authenticate".to_owned(), value.clone())]);
            }
            Verdict::Refused(why) => {
                tracing::warn!(why, remote = %flow.remote, "call refused");
                return self.reject(leg, 403, Headers::new());
            }
            Verdict::Anonymous { .. } | Verdict::User { .. } => {}
        }
        let received_us = now_us();
        let uuid = uuid::Uuid::new_v4().to_string();
        let facts = incoming::facts(Arrival {
            invite: request,
            flow,
            settings: &settings,
            verdict: &verdict,
            own,
            uuid,
            received_us,
        });
        let Some(route) = self.shared.listeners.route(profile, flow.remote.ip(), &mut self.routes) else {
            return self.reject(leg, 500, Headers::new());
        };
        let (sink, events) = EventSink::new();
        let Some(inbox) = self.shared.inboxes.get(self.index).cloned() else { return };
        self.keep(leg, Entry { sink: Some(sink.clone()), out: None, realm: to_host(request) });
        self.shared.starter.start(Incoming {
            leg: Box::new(SipLeg::new(leg, inbox)),
            sink,
            events,
            profile: facts.profile,
            variables: facts.variables,
            offer: super::headers::sdp_of(request),
            media: Some(media(&settings, true, route, flow.remote.ip())),
            max_forwards: facts.max_forwards,
            direction: "inbound",
            received_us,
        });
    }

    // --- calls of ours ---

    fn dial(&mut self, dial: Dial) {
        let Dial { leg, profile, plan, offer, credential, sink } = dial;
        let hop = plan.destination.hop.clone();
        let uri = plan.destination.uri.clone();
        let out = Outbound { profile, plan, credential, tried: false, uri, waiting: None };
        self.keep(leg, Entry { sink: Some(sink), out: Some(out), realm: String::new() });
        self.go_on(leg, Waiting::Dial(offer, hop));
    }

    /// Goes on with an address, or looks the name up first.
    fn go_on(&mut self, leg: LegId, waiting: Waiting) {
        let hop = match &waiting {
            Waiting::Dial(_, hop) | Waiting::Retarget(hop) => hop,
        };
        match hop.host.clone() {
            Host::Address(ip) => self.reach(leg, waiting, ip),
            Host::Name(name) => {
                let (port, patience) = (hop.port, self.shared.settings.resolve);
                let profile = self.legs.get(&leg).and_then(|entry| entry.out.as_ref()).map_or(0, |out| out.profile);
                let ipv4 = self.shared.listeners.has_family(profile, true);
                let ipv6 = self.shared.listeners.has_family(profile, false);
                let Some(inbox) = self.shared.inboxes.get(self.index).cloned() else { return };
                if let Some(out) = self.legs.get_mut(&leg).and_then(|entry| entry.out.as_mut()) {
                    out.waiting = Some(waiting);
                }
                tokio::spawn(async move {
                    let found = tokio::time::timeout(patience, tokio::net::lookup_host((name, port))).await;
                    let usable = |address: &SocketAddr| if address.is_ipv4() { ipv4 } else { ipv6 };
                    let ip = found.ok().and_then(Result::ok).and_then(|mut all| all.find(usable)).map(|one| one.ip());
                    inbox.tell(ToShard::Resolved(leg, ip));
                });
            }
        }
    }

    fn resolved(&mut self, leg: LegId, ip: Option<IpAddr>) {
        let out = self.legs.get_mut(&leg).and_then(|entry| entry.out.as_mut());
        let Some(waiting) = out.and_then(|out| out.waiting.take()) else { return };
        match ip {
            Some(ip) => self.reach(leg, waiting, ip),
            None => self.fail(leg, events::local_failure(503)),
        }
    }

    fn reach(&mut self, leg: LegId, waiting: Waiting, ip: IpAddr) {
        let Some(out) = self.legs.get(&leg).and_then(|entry| entry.out.as_ref()) else { return };
        let (Waiting::Dial(_, hop) | Waiting::Retarget(hop)) = &waiting;
        let Some(local) = self.shared.listeners.towards(out.profile, ip, &mut self.routes) else {
            return self.fail(leg, events::local_failure(503));
        };
        let target = Target { transport: hop.transport, destination: SocketAddr::new(ip, hop.port), local, flow: None };
        let command = match waiting {
            Waiting::Dial(offer, _) => Command::Invite(Box::new(out.plan.invite(leg, target, offer))),
            Waiting::Retarget(_) => Command::Retarget { leg, uri: out.uri.clone(), target },
        };
        if let Err(error) = self.stack.command(now(), command) {
            tracing::warn!(%error, "the INVITE cannot be sent");
            self.fail(leg, events::local_failure(503));
        }
    }

    /// A leg that failed: the call is told, and nothing of it stays.
    fn fail(&mut self, leg: LegId, failure: Failure) {
        self.tell(leg, LegEvent::Failed(failure));
        self.forget(leg);
        if self.stack.leg_state(leg) == Some(LegState::Refused) {
            self.stack_command(Command::Cancel { leg, headers: Headers::new() });
        }
    }

    fn failed(&mut self, leg: LegId, outcome: &Outcome) {
        let Outcome::Response(response) = outcome else {
            return self.fail(leg, events::local_failure(events::status_of(outcome)));
        };
        let status = response.code().unwrap_or_default();
        let open = self.stack.leg_state(leg) == Some(LegState::Refused) && self.is_heard(leg);
        if open && [401, 407].contains(&status) {
            return self.challenged(leg, response);
        }
        if open && let Some(event) = self.redirect(response) {
            // The call goes on with the leg, or lets go of it.
            return self.tell(leg, event);
        }
        self.fail(leg, events::refused(response));
    }

    fn redirect(&mut self, response: &Message) -> Option<LegEvent> {
        let Self { shared, routes, .. } = self;
        let directory = shared.directory.load();
        events::redirect(response, |host| {
            let domain = directory.domains().any(|domain| domain.eq_ignore_ascii_case(host));
            let plain = host.trim_matches(['[', ']']);
            domain || plain.parse().is_ok_and(|ip| shared.listeners.is_own(ip, routes))
        })
    }

    fn challenged(&mut self, leg: LegId, response: &Message) {
        let Some(out) = self.legs.get_mut(&leg).and_then(|entry| entry.out.as_mut()) else { return };
        let cnonce = uuid::Uuid::new_v4().simple().to_string();
        match credentials::answer(response, out.credential.as_ref(), out.tried, &out.uri, &cnonce) {
            Answer::Retry(headers) => {
                out.tried = true;
                self.stack_command(Command::Retry { leg, headers });
            }
            Answer::Unchallenged => self.fail(leg, events::refused(response)),
            Answer::NoCredentials => {
                self.fail(leg, Failure { no_credentials: true, ..events::refused(response) });
            }
            Answer::Repeated => {
                let failure = Failure {
                    status: REPEATED,
                    phrase: REPEATED_PHRASE.to_owned(),
                    reason: None,
                    ..events::refused(response)
                };
                self.fail(leg, failure);
            }
        }
    }

    // --- commands of calls ---

    fn command_of_call(&mut self, leg: LegId, command: LegCommand) {
        let body = |sdp: Option<Bytes>| sdp.map(Body::sdp);
        let command = match command {
            LegCommand::Provisional { status, phrase, headers, sdp } => {
                Command::Provisional { leg, code: status, reason: phrase, headers, body: body(sdp) }
            }
            LegCommand::Answer { headers, sdp } => Command::Answer { leg, headers, body: body(sdp) },
            LegCommand::Reject { status, phrase, mut headers, challenge } => {
                if let Some(mut realm) = challenge {
                    if realm.is_empty() {
                        realm = self.legs.get(&leg).map(|entry| entry.realm.clone()).unwrap_or_default();
                    }
                    let value = self.shared.guard.challenge(now(), &realm, false);
                    headers.push(("Proxy-Authenticate".to_owned(), value));
                }
                Command::Reject { leg, code: status, reason: phrase, headers }
            }
            LegCommand::Bye { headers } => Command::Bye { leg, headers },
            LegCommand::Cancel { headers } => {
                if self.stack.leg_state(leg).is_none() {
                    // Its name is still being looked up.
                    return self.forget(leg);
                }
                Command::Cancel { leg, headers }
            }
            LegCommand::Retarget { uri } => return self.retarget(leg, uri),
            LegCommand::Ack { sdp } => Command::Ack { leg, body: body(sdp) },
            LegCommand::Reinvite { token, headers, sdp } => {
                Command::Reinvite { leg, token: token.0, headers, body: body(sdp) }
            }
            LegCommand::Request { token: RequestToken(token), method, headers, content_type, body } => {
                let Some(method) = Method::from_bytes(method.as_bytes()) else { return };
                let body = (!content_type.is_empty()).then_some(Body { content_type, bytes: body });
                Command::Request { leg, token, method, headers, body }
            }
            LegCommand::Respond { token, status, headers, sdp } => {
                Command::Respond { tx: TxId(token.0), code: status, reason: None, headers, body: body(sdp) }
            }
        };
        self.stack_command(command);
    }

    fn retarget(&mut self, leg: LegId, uri: String) {
        let hop = Uri::parse(uri.as_bytes()).ok().and_then(|parsed| hop_of(&parsed).ok());
        let Some(hop) = hop else { return self.fail(leg, events::local_failure(503)) };
        if let Some(out) = self.legs.get_mut(&leg).and_then(|entry| entry.out.as_mut()) {
            out.uri = uri;
        }
        self.go_on(leg, Waiting::Retarget(hop));
    }

    /// A call let go of its leg: it ends as its state demands.
    fn dropped(&mut self, leg: LegId) {
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        entry.sink = None;
        let headers = Headers::new();
        match self.stack.leg_state(leg) {
            None => self.forget(leg),
            Some(LegState::Incoming) => self.reject(leg, 480, headers),
            Some(LegState::Calling | LegState::Proceeding) => self.stack_command(Command::Cancel { leg, headers }),
            Some(LegState::Refused) => {
                self.stack_command(Command::Cancel { leg, headers });
                self.forget(leg);
            }
            Some(LegState::Answered) => self.stack_command(Command::Bye { leg, headers }),
            Some(LegState::Cancelling | LegState::Ending) => {}
        }
    }
}

fn to_host(request: &Message) -> String {
    let address = request.address(HeaderId::To);
    address.and_then(|to| to.parsed_uri().ok().map(|uri| text(uri.host).into_owned())).unwrap_or_default()
}
