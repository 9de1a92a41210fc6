//! The engine of one shard.
//!
//! Files: `server` and `client` are the transaction machines, `dialog` the legs and what is written in their dialogs,
//! `inbound`, `outbound` and `indialog` what legs do, `reliable` the
//! provisional responses that wait for a PRACK; here is the way in and out.

mod client;
mod dialog;
mod inbound;
mod indialog;
mod outbound;
mod reliable;
mod server;
#[cfg(test)]
mod tests;
mod timers;
#[cfg(test)]
mod walk;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::command::{Command, CommandError, Headers, LegId, LegState, Request, TxId};
use super::config::StackConfig;
use super::event::{Counts, Event, Outcome, Totals};
use super::flow::{Flow, FlowId, Transmit};
use super::identifiers::Names;
use super::messages::{Builder, Defect, Framing, HeaderId, Message, Method, Uri};
use client::{Client, Purpose, branch_text, via_value};
use dialog::{Leg, LegTimer};
use server::{Reply, Server};
use timers::{Timer, Timers};

/// The signalling engine of one shard. See the [module](super).
#[derive(Debug)]
pub struct Stack {
    config: StackConfig,
    /// Text of Allow and Supported.
    allow: String,
    supported: String,
    names: Names,
    sends: VecDeque<Transmit>,
    events: VecDeque<Event>,
    timers: Timers,
    servers: HashMap<TxId, Server>,
    server_keys: HashMap<Box<[u8]>, TxId>,
    /// Requests outside dialogs by all but their branch (merged requests).
    merged: HashMap<Box<[u8]>, TxId>,
    clients: HashMap<u64, Client>,
    /// CANCEL transactions by the branch of their INVITE.
    cancels: HashMap<u64, u64>,
    legs: HashMap<LegId, Leg>,
    /// Legs by our tag.
    tags: HashMap<Box<str>, LegId>,
    last_tx: u64,
    last_leg: u64,
    totals: Totals,
}

impl Stack {
    /// An empty stack. The same seed and inputs give the same outputs.
    pub fn new(config: StackConfig, seed: u64) -> Self {
        Self {
            allow: config.allow.join(", "),
            supported: config.supported.join(", "),
            config,
            names: Names::new(seed),
            sends: VecDeque::new(),
            events: VecDeque::new(),
            timers: Timers::default(),
            servers: HashMap::new(),
            server_keys: HashMap::new(),
            merged: HashMap::new(),
            clients: HashMap::new(),
            cancels: HashMap::new(),
            legs: HashMap::new(),
            tags: HashMap::new(),
            last_tx: 0,
            last_leg: 0,
            totals: Totals::default(),
        }
    }

    /// Takes in one datagram, or one message cut out of a stream by [`super::Framer`].
    pub fn on_datagram(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        self.totals.received += 1;
        let framing = if flow.transport.is_reliable() { Framing::Stream } else { Framing::Datagram };
        let Ok(message) = Message::parse(bytes, framing) else {
            self.totals.ignored += 1;
            return;
        };
        if message.code().is_some() {
            self.on_response(now, flow, message);
        } else {
            self.on_request(now, flow, message);
        }
        self.settle();
    }

    /// A stream whose next message cannot be taken ([`super::FrameError`] with a `head`): answers 513 or 400 if it was a
    /// request. Send what [`Stack::poll_send`] gives, then close the connection.
    pub fn on_frame_error(&mut self, now: Instant, flow: Flow, error: &super::FrameError) {
        let _ = now;
        let (head, code) = match error {
            super::FrameError::BodyTooLarge { head, .. } => (head, 513),
            super::FrameError::ContentLength { head } => (head, 400),
            _ => return,
        };
        self.totals.malformed += 1;
        if let Ok(message) = Message::parse(head.clone(), Framing::Stream)
            && message.method().is_some()
            && message.via().is_some()
        {
            self.answer_stateless(&message, &flow, &Reply::plain(code));
        }
    }

    /// A connection is gone. Requests that wait for a response on it fail as if 503 had come; its responses go to a new
    /// connection.
    pub fn on_flow_closed(&mut self, now: Instant, flow: FlowId) {
        let _ = now;
        let lost = self.clients.iter().filter(|(_, client)| client.target.flow == Some(flow)).map(|(id, _)| *id);
        for id in lost.collect::<Vec<_>>() {
            self.client_failed(id, &Outcome::Transport);
        }
        for leg in self.legs.values_mut() {
            for dialog in &mut leg.dialogs {
                if dialog.hop.flow == Some(flow) {
                    dialog.hop.flow = None;
                }
            }
        }
        self.settle();
    }

    /// Nothing can be sent to this address (ICMP error, refused connection): requests under way to it fail as if 503 had
    /// come.
    pub fn on_send_failed(&mut self, now: Instant, destination: SocketAddr) {
        let _ = now;
        let lost = self.clients.iter().filter(|(_, client)| client.target.destination == destination);
        for id in lost.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.client_failed(id, &Outcome::Transport);
        }
        self.settle();
    }

    /// ICMP says that nobody listens at this address: requests under way to it by UDP that had no response yet fail as if
    /// 503 had come. What was answered once goes on: the word of a stranger on the network does not end it.
    pub fn on_refused(&mut self, now: Instant, destination: SocketAddr) {
        let _ = now;
        let unanswered = |client: &Client| {
            let target = &client.target;
            let here = target.destination == destination && !target.transport.is_reliable();
            here && client.state == client::ClientState::Calling
        };
        let lost = self.clients.iter().filter(|(_, client)| unanswered(client)).map(|(id, _)| *id);
        for id in lost.collect::<Vec<_>>() {
            self.client_failed(id, &Outcome::Transport);
        }
        self.settle();
    }

    /// Runs all timers that are due.
    pub fn on_timer(&mut self, now: Instant) {
        while let Some((at, timer)) = self.timers.pop(now) {
            match timer {
                Timer::ServerResend(tx) => self.server_resend(at, tx),
                Timer::ServerEnd(tx) => self.server_end(at, tx),
                Timer::ClientResend(id) => self.client_resend(at, id),
                Timer::ClientEnd(id) => {
                    if let Some((purpose, method)) = self.client_end(at, id) {
                        self.ended(purpose, method, &Outcome::Timeout);
                    }
                }
                Timer::AnswerResend(leg) => self.answer_resend(at, leg),
                Timer::ReliableResend(leg) => self.reliable_resend(now, at, leg),
                Timer::Leg(leg) => self.leg_timer_due(now, at, leg),
            }
        }
        self.settle();
    }

    fn leg_timer_due(&mut self, now: Instant, at: Instant, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some((_, what)) = leg.timer.filter(|(due, _)| *due == at) else { return };
        leg.timer = None;
        match what {
            LegTimer::Refused => {
                self.drop_leg(id);
            }
            LegTimer::Glare => self.reinvite_again(now, id),
            LegTimer::Ack => {
                let headers = leg.bye.take().unwrap_or_default();
                leg.answer = None;
                self.events.push_back(Event::AckTimeout { leg: id });
                self.send_bye(now, id, &headers);
            }
        }
    }

    /// Takes entries off the heap that mean nothing any more, so that [`Stack::next_deadline`] is worth waking for.
    fn settle(&mut self) {
        while let Some((at, timer)) = self.timers.first() {
            let lives = match timer {
                Timer::ServerResend(_) | Timer::ServerEnd(_) => self.server_timer_lives(at, timer),
                Timer::ClientResend(_) | Timer::ClientEnd(_) => self.client_timer_lives(at, timer),
                Timer::AnswerResend(leg) => {
                    self.legs.get(&leg).is_some_and(|leg| leg.answer.as_ref().is_some_and(|a| a.resend.0 == at))
                }
                Timer::ReliableResend(leg) => self.legs.get(&leg).is_some_and(|leg| leg.reliable.due() == Some(at)),
                Timer::Leg(leg) => self.legs.get(&leg).is_some_and(|leg| leg.timer.is_some_and(|(due, _)| due == at)),
            };
            if lives {
                return;
            }
            self.timers.drop_first();
        }
    }

    /// Carries out a command.
    pub fn command(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        let done = match command {
            Command::Invite(invite) => self.invite(now, invite),
            Command::Retry { leg, headers } => self.retry(now, leg, headers, None),
            Command::Retarget { leg, uri, target } => self.retry(now, leg, Headers::new(), Some((uri, target))),
            Command::Provisional { leg, code, reason, headers, body, reliable } => {
                self.provisional(now, leg, reliable::Provisional { code, reason, headers, body }, reliable)
            }
            Command::Answer { leg, headers, body } => self.accept(now, leg, &headers, body.as_ref()),
            Command::Reject { leg, code, reason, headers } => self.refuse(now, leg, code, reason.as_deref(), &headers),
            Command::Ack { leg, body } => self.ack_command(leg, body.as_ref()),
            Command::Bye { leg, headers } => self.bye(now, leg, headers),
            Command::Cancel { leg, headers } => self.give_up(now, leg, headers),
            Command::Reinvite { leg, token, headers, body } => self.reinvite(now, leg, token, headers, body),
            Command::Request { leg, token, method, headers, body } => {
                self.request_in_dialog(now, leg, token, &method, &headers, body.as_ref())
            }
            Command::Send(request) => self.send_outside(now, &request),
            Command::Respond { tx, code, reason, headers, body } => {
                self.respond_command(now, tx, code, reason.as_deref(), &headers, body.as_ref())
            }
            Command::NextHop { leg, target } => {
                let found = self.legs.get_mut(&leg).ok_or(CommandError::UnknownLeg(leg))?;
                found.next_hop = Some(target);
                Ok(())
            }
        };
        self.settle();
        done
    }

    /// The next message to send.
    pub fn poll_send(&mut self) -> Option<Transmit> {
        self.sends.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Stack::on_timer`] wants to be called; may be early, never late.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// What is held at the moment.
    pub fn counts(&self) -> Counts {
        Counts {
            client_transactions: self.clients.len(),
            server_transactions: self.servers.len(),
            legs: self.legs.len(),
            dialogs: self.legs.values().map(|leg| leg.dialogs.len()).sum(),
            events: self.events.len(),
            sends: self.sends.len(),
        }
    }

    /// Running totals.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Where a leg stands; none when it is over.
    pub fn leg_state(&self, leg: LegId) -> Option<LegState> {
        self.legs.get(&leg).map(|leg| leg.state)
    }

    /// Our tag in the leg's dialogs (To of an inbound leg, From of an outbound one).
    pub fn local_tag(&self, leg: LegId) -> Option<&str> {
        self.legs.get(&leg).map(|leg| leg.local_tag.as_str())
    }

    /// Our tag in the responses to a request.
    pub fn response_tag(&self, tx: TxId) -> Option<&str> {
        self.servers.get(&tx).map(|server| server.tag.as_str())
    }

    fn transactions(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    fn send(&mut self, transmit: Transmit) {
        self.totals.sent += 1;
        self.sends.push_back(transmit);
    }

    // --- requests of others ---

    fn on_request(&mut self, now: Instant, flow: Flow, message: Message) {
        let Some(method) = message.method().cloned() else { return };
        if message.via().is_none() {
            self.totals.ignored += 1;
            return;
        }
        if let Some(reply) = self.fault(&message, &method) {
            self.totals.malformed += 1;
            self.answer_stateless(&message, &flow, &Reply { reason: reply.1.as_deref(), ..Reply::plain(reply.0) });
            return;
        }
        if method == Method::Ack {
            self.ack_received(now, Arc::new(message));
            return;
        }
        let key = server::key_of(&message, &method);
        if let Some(tx) = self.server_keys.get(&key).copied() {
            self.repeat(tx);
            return;
        }
        if let Some((code, headers)) = self.refusal(&message, &method) {
            self.answer_stateless(&message, &flow, &Reply { headers: &headers, ..Reply::plain(code) });
            return;
        }
        let request = Arc::new(message);
        let tx = self.open_server(request.clone(), flow, key);
        if method == Method::Cancel {
            self.cancelled(now, tx, request);
        } else if request.to_tag().is_some() && (method != Method::Subscribe || self.leg_of_request(&request).is_some())
        {
            self.in_dialog(now, tx, request);
        } else if method == Method::Invite {
            self.incoming(now, tx, request, flow);
        } else {
            self.events.push_back(Event::OutOfDialog { tx, request, flow });
        }
    }

    /// Faults of form: code and phrase.
    fn fault(&self, message: &Message, method: &Method) -> Option<(u16, Option<String>)> {
        if let Some(defect) = message.defect() {
            return match defect {
                Defect::Version => Some((505, None)),
                other => Some((400, Some(other.to_string()))),
            };
        }
        if message.body().len() > self.config.max_body {
            return Some((513, None));
        }
        let scheme = message.uri().split(|byte| *byte == b':').next().unwrap_or_default();
        let known = [&b"sip"[..], b"sips", b"tel"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        if !known {
            return Some((416, None));
        }
        if Uri::parse(message.uri()).is_err() {
            return Some((400, Some("Bad Request-URI".to_owned())));
        }
        if *method == Method::Invite && message.value(HeaderId::Contact).is_none() {
            return Some((400, Some("Missing Contact Header".to_owned())));
        }
        None
    }

    /// What is refused before a transaction is opened: code and headers.
    fn refusal(&mut self, message: &Message, method: &Method) -> Option<(u16, Headers)> {
        let one = |name: &str, value: String| vec![(name.to_owned(), value)];
        if *method == Method::Cancel {
            return None;
        }
        if !method.is_known() && !self.serves(method) {
            return Some((501, Headers::new()));
        }
        let in_dialog = message.to_tag().is_some();
        let inside_only = matches!(method, Method::Bye | Method::Prack | Method::Update | Method::Info);
        if inside_only && !in_dialog {
            return Some((481, Headers::new()));
        }
        if !self.serves(method) && *method != Method::Prack {
            return Some((405, Headers::new()));
        }
        let unknown: Vec<String> = [HeaderId::Require, HeaderId::ProxyRequire]
            .into_iter()
            .flat_map(|id| message.list(id))
            .filter(|token| {
                let mut known = self.config.supported.iter().chain(&self.config.undecided);
                !known.any(|have| have.as_bytes().eq_ignore_ascii_case(token))
            })
            .map(|token| super::messages::text(token).into_owned())
            .collect();
        if !unknown.is_empty() {
            return Some((420, one("Unsupported", unknown.join(", "))));
        }
        if self.config.refuse_zero_forwards && message.number(HeaderId::MaxForwards) == Some(0) {
            return Some((483, Headers::new()));
        }
        if self.is_merged(message) {
            return Some((482, Headers::new()));
        }
        let full = self.transactions() >= self.config.max_transactions
            || (*method == Method::Invite && !in_dialog && self.legs.len() >= self.config.max_legs);
        if full {
            self.totals.overload += 1;
            return Some((503, one("Retry-After", self.config.retry_after.to_string())));
        }
        None
    }

    fn serves(&self, method: &Method) -> bool {
        self.config.allow.iter().any(|allowed| allowed == method.as_str())
    }

    // --- responses of others ---

    fn on_response(&mut self, now: Instant, flow: Flow, message: Message) {
        let usable = message.defect().is_none();
        let Some(id) = self.client_of(&message).filter(|_| usable) else {
            self.totals.ignored += 1;
            return;
        };
        if !self.client_response(now, id, &message) {
            return;
        }
        let Some((purpose, method)) = self.clients.get(&id).map(|client| (client.purpose, client.method.clone()))
        else {
            return;
        };
        let response = Arc::new(message);
        if let Purpose::Invite(leg) = purpose {
            self.invite_response(now, leg, id, response, flow);
            return;
        }
        if response.code().unwrap_or_default() < 200 {
            return;
        }
        if let Purpose::Reinvite(leg, _) = purpose {
            self.reinvite_response(now, leg, id, response);
        } else {
            self.ended(purpose, method, &Outcome::Response(response));
        }
    }

    /// A request of ours other than an answered INVITE is over.
    fn ended(&mut self, purpose: Purpose, method: Method, outcome: &Outcome) {
        let outcome = outcome.clone();
        match purpose {
            Purpose::Nobody | Purpose::Cancel(_) => {}
            Purpose::Invite(leg) => self.invite_lost(leg, outcome),
            Purpose::Bye(leg) => self.leg_over(leg),
            Purpose::Outside(token) => self.events.push_back(Event::Response { leg: None, token, method, outcome }),
            Purpose::Reinvite(leg, token) => {
                if self.legs.get_mut(&leg).is_some_and(|leg| leg.our_offer.take().is_some()) {
                    self.events.push_back(Event::Response { leg: Some(leg), token, method, outcome });
                }
            }
            Purpose::InDialog(leg, token) => {
                if self.legs.contains_key(&leg) {
                    self.events.push_back(Event::Response { leg: Some(leg), token, method, outcome });
                }
            }
        }
    }

    fn client_failed(&mut self, id: u64, outcome: &Outcome) {
        let waiting = self.clients.get(&id).is_some_and(|client| {
            matches!(client.state, client::ClientState::Calling | client::ClientState::Proceeding)
        });
        if !waiting {
            return;
        }
        if let Some(client) = self.drop_client(id) {
            self.ended(client.purpose, client.method, outcome);
        }
    }

    // --- requests of ours outside dialogs ---

    fn send_outside(&mut self, now: Instant, request: &Request) -> Result<(), CommandError> {
        let taken = [Method::Invite, Method::Ack, Method::Cancel, Method::Prack, Method::Bye];
        if taken.contains(&request.method) {
            return Err(CommandError::Method(request.method.clone()));
        }
        if self.transactions() >= self.config.max_transactions {
            return Err(CommandError::Full);
        }
        let branch = self.names.branch();
        let tag = request.from_tag.clone().unwrap_or_else(|| self.names.tag());
        let call_id = request.call_id.clone().unwrap_or_else(|| self.names.call_id());
        let mut builder = Builder::request(request.method.as_str(), request.uri.as_bytes());
        builder.header("Via", via_value(&request.target, &branch_text(branch)));
        for route in &request.route {
            builder.header("Route", route);
        }
        let given = |id| request.headers.iter().any(|(name, _)| HeaderId::of(name.as_bytes()) == id);
        if !given(HeaderId::MaxForwards) {
            builder.header("Max-Forwards", "70");
        }
        builder.pieces("From", &[&dialog::without_tag(request.from.as_bytes()), b";tag=", tag.as_bytes()]);
        builder.header("To", request.to.clone().unwrap_or_else(|| format!("<{}>", request.uri)));
        builder.header("Call-ID", call_id);
        builder.header("CSeq", format!("{} {}", request.cseq.unwrap_or(1), request.method));
        if !self.config.user_agent.is_empty() && !given(HeaderId::UserAgent) {
            builder.header("User-Agent", &self.config.user_agent);
        }
        builder.headers(&request.headers, request.body.as_ref());
        let bytes = builder.finish(request.body.as_ref());
        self.open_client(now, branch, request.method.clone(), request.target, bytes, Purpose::Outside(request.token));
        Ok(())
    }
}
