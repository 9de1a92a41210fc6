//! The legs of a shard: what the stack tells becomes events of a call, what a call commands goes to the stack.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;

use super::auth::{Case, Verdict};
use super::credentials::{self, Answer, Credential};
use super::destination::{Hop, Host, hop_of};
use super::events::{self, Wish};
use super::headers::{reason_of, shown};
use super::incoming::{Arrival, Facts, facts};
use super::invite::{NAT_SESSION_S, Plan};
use super::leg::SipLeg;
use super::listeners::media;
use super::resolve::{self, Candidate};
use super::settings::ProfileSettings;
use super::shard::Shard;
use super::shared::Dial;
use crate::call::leg::{
    EventSink, Failure, Headers, Incoming, LegCommand, LegEvent, RequestToken, SessionInterval, SessionRules,
};
use crate::edge::endpoint::now_us;
use crate::engine::sip::messages::{Uri, text};
use crate::engine::sip::presence::DialogState;
use crate::engine::sip::{
    Body, Command, CommandError, Event, Flow, HeaderId, Invite, LegId, LegState, Message, Method, Outcome, Target, TxId,
};
use crate::words::model::{Cause, phrase};

/// Where a leg stands between the stack and its call.
pub(super) struct Entry {
    sink: EventSink,
    /// The call let go of it.
    dropped: bool,
    /// The call knows that it is over, or ended it itself.
    over: bool,
    /// User-Agent of its profile, when it has its own.
    user_agent: Option<String>,
    /// Supported and Allow of its profile, when they are not those of the stack.
    capabilities: Headers,
    /// Its profile sends provisional responses reliably.
    reliable: bool,
    /// Whose call it is (`presence_id`).
    presence: Option<Arc<str>>,
    side: Side,
}

enum Side {
    In { invite: Arc<Message>, answered: bool },
    Out(Box<Outgoing>),
}

/// A called leg before its answer.
struct Outgoing {
    profile: usize,
    /// Of the profile, as it was when the leg was called.
    settings: Option<Arc<ProfileSettings>>,
    plan: Plan,
    /// Present Request-URI.
    uri: String,
    credential: Option<Credential>,
    /// Credentials were sent.
    tried: bool,
    /// A longer session interval was offered.
    lengthened: bool,
    /// The session interval that the INVITE asks for, seconds.
    session: Option<u32>,
    /// What waits for the address of the next hop.
    waiting: Option<Waiting>,
    /// Further servers of the next hop, the next one last, and the offer that goes there.
    others: Vec<Candidate>,
    offer: Option<Bytes>,
    /// The far end has said something: no other is tried.
    progressed: bool,
}

/// A message whose next hop is being resolved.
struct Waiting {
    hop: Hop,
    what: Pending,
}

enum Pending {
    Invite(Option<Bytes>),
    Retarget(String),
}

impl Shard {
    /// What the stack tells.
    pub(super) fn happened(&mut self, now: Instant, event: Event) {
        match event {
            Event::Invite { leg, request, flow } => self.arrived(now, leg, &request, &flow),
            Event::Cancelled { leg, request } => self.ended(leg, &request, true),
            Event::Bye { leg, request } => {
                // Before the answer it gives up the call as CANCEL does.
                let early =
                    self.legs.get(&leg).is_some_and(|entry| matches!(entry.side, Side::In { answered: false, .. }));
                self.ended(leg, &request, early);
            }
            Event::AckReceived { leg, request } => self.tell(leg, events::acked(&request)),
            Event::AckTimeout { leg } => self.lose(leg, Cause::RECOVERY_ON_TIMER_EXPIRE),
            Event::Provisional { leg, response, .. } => {
                if let Some(event) = events::progress(&response) {
                    if let Some(Entry { side: Side::Out(outgoing), .. }) = self.legs.get_mut(&leg) {
                        outgoing.progressed = true;
                    }
                    self.moved(leg, DialogState::Early);
                    self.tell(leg, event);
                }
            }
            Event::Success { leg, response, .. } => {
                self.moved(leg, DialogState::Confirmed);
                let session = self.agreed_session(leg, &response);
                self.tell(leg, events::answered(&response, session));
            }
            Event::Failure { leg, outcome } => self.failed(now, leg, &outcome),
            Event::InDialog { leg, tx, request } => self.asked(now, leg, tx, &request),
            Event::OutOfDialog { tx, request, flow } => self.asked_outside(now, tx, &request, &flow),
            Event::Response { leg: Some(leg), token, method, outcome } => {
                self.tell(leg, events::response(token, &outcome));
                if let Some(cause) = events::lost_by(&method, &outcome) {
                    self.lose(leg, cause);
                }
            }
            Event::Response { leg: None, token, outcome, .. } => self.errand_answered(now, token, &outcome),
            Event::Terminated { leg } => {
                self.lose(leg, Cause::NORMAL_TEMPORARY_FAILURE);
                self.forget(leg);
            }
        }
    }

    // Inbound.

    fn arrived(&mut self, now: Instant, leg: LegId, invite: &Arc<Message>, flow: &Flow) {
        let shared = Arc::clone(&self.shared);
        let settings = shared.listeners.profile_of(flow.local).or_else(|| shared.listeners.profile(0));
        let Some(settings) = settings else {
            return self.refuse(now, leg, 503, None, Headers::new());
        };
        let retry_after = || vec![("Retry-After".to_owned(), shared.settings.stack.retry_after.to_string())];
        if shared.draining.load(Ordering::Relaxed) {
            return self.refuse(now, leg, 503, Some("System Paused"), retry_after());
        }
        if self.pressure.is_high(now) {
            return self.refuse(now, leg, 503, None, retry_after());
        }
        if !shared.has_room() {
            return self.refuse(now, leg, 503, Some("Maximum Calls In Progress"), retry_after());
        }
        if invite.address(HeaderId::Contact).is_none() {
            return self.refuse(now, leg, 400, Some("Missing Contact Header"), Headers::new());
        }
        let unsupported = settings.unsupported(invite);
        if !unsupported.is_empty() {
            let unsupported = vec![("Unsupported".to_owned(), unsupported.join(", "))];
            return self.refuse(now, leg, 420, None, unsupported);
        }
        let rules = settings.session;
        if rules.enabled && events::session_seconds(invite).is_some_and(|seconds| seconds < rules.shortest_s) {
            let shortest = vec![("Min-SE".to_owned(), rules.shortest_s.to_string())];
            return self.refuse(now, leg, 422, None, shortest);
        }
        let own = self.is_own_flow(flow);
        let directory = shared.directory.load();
        let case = Case { now, request: invite, remote: flow.remote, own, profile: &settings, directory: &directory };
        let verdict = shared.guard.judge(case);
        match &verdict {
            Verdict::Anonymous { .. } | Verdict::User { .. } => {}
            Verdict::Challenge(_) => {
                let (code, headers) = self.demand(case, &verdict);
                return self.refuse(now, leg, code, None, headers);
            }
            Verdict::Refused(why) | Verdict::Failed(why) => {
                self.demand(case, &verdict);
                tracing::info!(remote = %flow.remote, why, "inbound call forbidden");
                return self.refuse(now, leg, 403, None, Headers::new());
            }
        }
        if !shared.starter.admits(shared.legs.load(Ordering::Relaxed)) {
            return self.refuse(now, leg, 503, Some("Maximum Calls In Progress"), retry_after());
        }
        self.begin(leg, invite, flow, &settings, &verdict, own);
    }

    fn begin(
        &mut self,
        leg: LegId,
        invite: &Arc<Message>,
        flow: &Flow,
        settings: &ProfileSettings,
        verdict: &Verdict,
        own: bool,
    ) {
        let received_us = now_us();
        let uuid = uuid::Uuid::new_v4().to_string();
        let called = Uri::parse(invite.uri()).map(|uri| uri.user_text()).unwrap_or_default();
        let gateway = self.shared.gateways.calling(&called, flow.remote.ip());
        let Facts { profile, variables, max_forwards } = facts(Arrival {
            invite,
            flow,
            settings,
            verdict,
            own,
            uuid,
            received_us,
            gateway: gateway.as_ref().map(|line| &*line.settings),
        });
        let natted = super::variables::is_natted(invite, flow, settings);
        let (sink, events) = EventSink::new();
        self.keep(
            leg,
            Entry {
                sink: sink.clone(),
                dropped: false,
                over: false,
                user_agent: settings.user_agent.clone(),
                capabilities: settings.capabilities(&self.shared.settings.stack),
                reliable: settings.reliable,
                presence: variables.get("presence_id").map(Into::into),
                side: Side::In { invite: Arc::clone(invite), answered: false },
            },
        );
        let Some(inbox) = self.shared.inboxes.get(self.index).cloned() else { return };
        let route = self.route_of(flow.local, flow.remote.ip());
        let incoming = Incoming {
            leg: Box::new(SipLeg::new(leg, inbox)),
            sink,
            events,
            profile,
            variables,
            offer: super::headers::sdp_of(invite),
            media: Some(media(settings, true, route, flow.remote.ip())),
            session: session_of(settings, invite, natted),
            max_forwards,
            direction: "inbound",
            received_us,
        };
        let starter = Arc::clone(&self.shared.starter);
        // The leg is dropped with the rest and refuses the call.
        if catch_unwind(AssertUnwindSafe(|| starter.start(incoming))).is_err() {
            tracing::error!(call_id = %text(invite.call_id()), "starting a call panicked");
        }
    }

    fn refuse(&mut self, now: Instant, leg: LegId, code: u16, reason: Option<&str>, headers: Headers) {
        self.give(now, Command::Reject { leg, code, reason: reason.map(str::to_owned), headers });
    }

    /// The far end hung up, or (`early`) gave up.
    fn ended(&mut self, leg: LegId, request: &Message, early: bool) {
        let (reason, headers) = (reason_of(request), shown(request));
        self.close(
            leg,
            if early { LegEvent::Cancelled { reason, headers } } else { LegEvent::Bye { reason, headers } },
        );
    }

    fn asked(&mut self, now: Instant, leg: LegId, tx: TxId, request: &Message) {
        let alive = self.legs.get(&leg).filter(|entry| !entry.over && !entry.sink.is_closed());
        let Some(entry) = alive else {
            return self.respond(now, tx, 481, Headers::new());
        };
        let headers = entry.dressed(Headers::new());
        match events::wish(tx.0, request) {
            Wish::Tell(event) => entry.sink.signal(event),
            Wish::Answer(code) => self.respond(now, tx, code, headers),
        }
    }

    // Outbound.

    /// A new leg is called.
    pub(super) fn dial(&mut self, now: Instant, dial: Dial) {
        let Dial { leg, profile, plan, offer, credential, presence, sink } = dial;
        if !self.shared.has_room() {
            return sink.signal(LegEvent::Failed(events::local_failure(503)));
        }
        let (uri, hop) = (plan.destination.uri.clone(), plan.destination.hop.clone());
        let (session, settings) = (plan.session, self.shared.listeners.profile(profile));
        let stack = &self.shared.settings.stack;
        let capabilities = settings.as_ref().map(|settings| settings.capabilities(stack)).unwrap_or_default();
        let waiting = None;
        let outgoing = Outgoing {
            profile,
            settings,
            plan,
            uri,
            credential,
            tried: false,
            lengthened: false,
            session,
            waiting,
            others: Vec::new(),
            offer: offer.clone(),
            progressed: false,
        };
        let side = Side::Out(Box::new(outgoing));
        self.keep(
            leg,
            Entry {
                sink,
                dropped: false,
                over: false,
                user_agent: None,
                capabilities,
                reliable: false,
                presence,
                side,
            },
        );
        self.wait_for(now, leg, Waiting { hop, what: Pending::Invite(offer) });
    }

    /// Goes on at once when the next hop is an address, else when its name is resolved.
    fn wait_for(&mut self, now: Instant, leg: LegId, waiting: Waiting) {
        let hop = waiting.hop.clone();
        let host = hop.host.clone();
        let Some(Entry { side: Side::Out(outgoing), .. }) = self.legs.get_mut(&leg) else { return };
        let profile = outgoing.profile;
        outgoing.waiting = Some(waiting);
        match host {
            Host::Address(ip) => {
                let address = SocketAddr::new(ip, hop.port);
                self.resolved(now, leg, vec![Candidate { transport: hop.transport, address }]);
            }
            Host::Name(name) => {
                let Some(inbox) = self.shared.inboxes.get(self.index).cloned() else { return };
                tokio::spawn(resolve::run(leg, name, hop, self.resolver(profile), inbox));
            }
        }
    }

    /// The servers of a leg's next hop are known, best first, or there are none.
    pub(super) fn resolved(&mut self, now: Instant, leg: LegId, mut candidates: Vec<Candidate>) {
        candidates.reverse();
        let Some(Entry { side: Side::Out(outgoing), .. }) = self.legs.get_mut(&leg) else { return };
        let Some(Waiting { hop, what }) = outgoing.waiting.take() else { return };
        let (profile, first) = (outgoing.profile, candidates.pop());
        (outgoing.others, outgoing.progressed) = (candidates, false);
        let target =
            first.and_then(|first| self.aim(profile, first.transport, first.address.ip(), first.address.port()));
        let Some(target) = target else {
            tracing::debug!(?hop, "no way to the next hop");
            return self.fail(leg, events::local_failure(503));
        };
        let sent = match what {
            Pending::Invite(offer) => self.invite(now, leg, target, offer),
            Pending::Retarget(uri) => self.give(now, Command::Retarget { leg, uri, target }),
        };
        if sent.is_none() {
            self.fail(leg, events::local_failure(503));
        }
    }

    fn invite(&mut self, now: Instant, leg: LegId, target: Target, offer: Option<Bytes>) -> Option<()> {
        let Some(Entry { side: Side::Out(outgoing), .. }) = self.legs.get(&leg) else { return None };
        let invite = Invite { uri: outgoing.uri.clone(), ..outgoing.plan.invite(leg, target, offer) };
        self.give(now, Command::Invite(Box::new(invite)))
    }

    fn failed(&mut self, now: Instant, leg: LegId, outcome: &Outcome) {
        if self.tries_another(now, leg, outcome) {
            return;
        }
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        let Outcome::Response(response) = outcome else {
            return self.fail(leg, events::local_failure(events::status_of(outcome)));
        };
        let Entry { side: Side::Out(outgoing), dropped: false, over: false, sink, .. } = entry else {
            return self.fail(leg, events::refused(response));
        };
        let failure = match response.code() {
            Some(401 | 407) => {
                let cnonce = uuid::Uuid::new_v4().simple().to_string();
                let Outgoing { credential, tried, uri, .. } = &mut **outgoing;
                match credentials::answer(response, credential.as_ref(), *tried, uri, &cnonce) {
                    Answer::Retry(headers) => {
                        *tried = true;
                        return self.retry(now, leg, headers);
                    }
                    Answer::Unchallenged => events::refused(response),
                    Answer::NoCredentials => Failure { no_credentials: true, ..events::refused(response) },
                    Answer::Repeated => Failure {
                        status: credentials::REPEATED,
                        phrase: credentials::REPEATED_PHRASE.to_owned(),
                        ..events::refused(response)
                    },
                }
            }
            Some(422) if !outgoing.lengthened && response.number(HeaderId::MinSe).is_some() => {
                outgoing.lengthened = true;
                let least = response.number(HeaderId::MinSe).unwrap_or_default();
                let seconds = outgoing.session.map_or(least, |seconds| seconds.max(least));
                outgoing.session = Some(seconds);
                let headers = vec![
                    ("Session-Expires".to_owned(), format!("{seconds};refresher=uac")),
                    ("Min-SE".to_owned(), least.to_string()),
                ];
                return self.retry(now, leg, headers);
            }
            _ => {
                let (shared, routes) = (&self.shared, &mut self.routes);
                if let Some(event) = events::redirect(response, |host| Self::is_own_host(shared, routes, host)) {
                    return sink.signal(event);
                }
                events::refused(response)
            }
        };
        self.fail(leg, failure);
    }

    /// Tries the next server of a leg's hop when one is silent, cannot be reached or answers 503 (RFC 3263 4.3). False:
    /// there is none, or it would be wrong.
    fn tries_another(&mut self, now: Instant, leg: LegId, outcome: &Outcome) -> bool {
        let Some(Entry { side: Side::Out(outgoing), dropped: false, over: false, .. }) = self.legs.get_mut(&leg) else {
            return false;
        };
        let busy = |response: &Message| {
            let settings = outgoing.settings.as_ref();
            response.code() == Some(503) && !settings.is_some_and(|settings| settings.disable_srv503)
        };
        let fails = match outcome {
            Outcome::Timeout | Outcome::Transport => true,
            Outcome::Response(response) => busy(response),
            Outcome::Cancelled => false,
        };
        if !fails || outgoing.progressed {
            return false;
        }
        let Some(next) = outgoing.others.pop() else { return false };
        // Another server challenges anew.
        outgoing.tried = false;
        let (profile, offer) = (outgoing.profile, outgoing.offer.clone());
        tracing::debug!(?next, "the next server is tried");
        let target = self.aim(profile, next.transport, next.address.ip(), next.address.port());
        match target {
            Some(target) => self.invite(now, leg, target, offer).is_some(),
            None => self.tries_another(now, leg, outcome),
        }
    }

    /// The session timer that the answer to a leg of ours brings. Without one in the answer the far end knows none, and
    /// we refresh as we have asked.
    fn agreed_session(&self, leg: LegId, response: &Message) -> Option<SessionInterval> {
        let Some(Entry { side: Side::Out(outgoing), .. }) = self.legs.get(&leg) else { return None };
        let enabled = outgoing.settings.as_ref().is_some_and(|profile| profile.session.enabled);
        if !enabled {
            return None;
        }
        let ours = outgoing.session.map(|seconds| SessionInterval { seconds, ours: true });
        events::session_of(response).or(ours)
    }

    fn retry(&mut self, now: Instant, leg: LegId, headers: Headers) {
        if self.give(now, Command::Retry { leg, headers }).is_none() {
            self.fail(leg, events::local_failure(503));
        }
    }

    /// The call follows a redirect.
    fn retarget(&mut self, now: Instant, leg: LegId, uri: String) {
        let uri = super::destination::strip_brackets(&uri).to_owned();
        let hop = Uri::parse(uri.as_bytes()).ok().and_then(|uri| hop_of(&uri).ok());
        match (hop, self.legs.get_mut(&leg)) {
            (Some(hop), Some(Entry { side: Side::Out(outgoing), .. })) => {
                // The credentials of a gateway are for its own host.
                outgoing
                    .credential
                    .take_if(|credential| !credential.realms.is_empty() && hop != outgoing.plan.destination.hop);
                outgoing.uri.clone_from(&uri);
                self.wait_for(now, leg, Waiting { hop, what: Pending::Retarget(uri) });
            }
            _ => self.fail(leg, events::local_failure(503)),
        }
    }

    // What calls want.

    /// A command of a call.
    pub(super) fn commanded(&mut self, now: Instant, leg: LegId, command: LegCommand) {
        let Some(entry) = self.legs.get_mut(&leg) else {
            tracing::debug!(?leg, "the leg is over; its command is ignored");
            return;
        };
        let sdp = |sdp: Option<Bytes>| sdp.map(Body::sdp);
        match command {
            LegCommand::Provisional { status: code, phrase: reason, headers, sdp: body } => {
                let headers = entry.capable(headers);
                let reliable = entry.is_reliable(body.is_some());
                self.moved(leg, DialogState::Early);
                self.give(now, Command::Provisional { leg, code, reason, headers, body: sdp(body), reliable });
            }
            LegCommand::Answer { headers, sdp: body } => {
                let headers = entry.capable(headers);
                if self.give(now, Command::Answer { leg, headers, body: sdp(body) }).is_some() {
                    self.answered(leg);
                }
            }
            LegCommand::Reject { status: code, phrase: reason, headers, challenge } => {
                let mut headers = entry.dressed(headers);
                entry.over = true;
                if let (Some(realm), Side::In { invite, .. }) = (challenge, &entry.side) {
                    let invite = Arc::clone(invite);
                    headers.push(self.challenge(now, code, realm, &invite));
                }
                self.give(now, Command::Reject { leg, code, reason, headers });
            }
            LegCommand::Bye { headers } => {
                let headers = entry.dressed(headers);
                entry.over = true;
                self.give(now, Command::Bye { leg, headers });
            }
            LegCommand::Cancel { headers } => self.cancel(now, leg, headers),
            LegCommand::Retarget { uri } => self.retarget(now, leg, uri),
            LegCommand::Ack { sdp: body } => {
                self.give(now, Command::Ack { leg, body: sdp(body) });
            }
            LegCommand::Reinvite { token, headers, sdp: body } => {
                let headers = entry.capable(headers);
                let command = Command::Reinvite { leg, token: token.0, headers, body: sdp(body) };
                self.ask(now, leg, token, command);
            }
            LegCommand::Request { token, method, headers, content_type, body } => {
                let body = (!body.is_empty()).then_some(Body { content_type, bytes: body });
                match Method::from_bytes(method.as_bytes()) {
                    Some(method) => {
                        let command = Command::Request { leg, token: token.0, method, headers, body };
                        self.ask(now, leg, token, command);
                    }
                    None => self.tell(leg, unsent(token, 400)),
                }
            }
            LegCommand::Respond { token, status: code, headers, sdp: body } => {
                let headers = entry.capable(headers);
                let tx = TxId(token.0);
                self.give(now, Command::Respond { tx, code, reason: None, headers, body: sdp(body) });
            }
        }
    }

    /// The call let go: the leg ends as its state demands.
    pub(super) fn dropped(&mut self, now: Instant, leg: LegId) {
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        (entry.dropped, entry.over) = (true, true);
        let headers = Headers::new();
        match self.stack.leg_state(leg) {
            Some(LegState::Incoming) => self.refuse(now, leg, 480, None, headers),
            Some(LegState::Calling | LegState::Proceeding) => {
                self.give(now, Command::Cancel { leg, headers });
            }
            Some(LegState::Answered) => {
                self.give(now, Command::Bye { leg, headers });
            }
            Some(LegState::Cancelling | LegState::Ending) => {}
            Some(LegState::Refused) | None => self.forget(leg),
        }
    }

    fn cancel(&mut self, now: Instant, leg: LegId, headers: Headers) {
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        entry.over = true;
        match self.stack.leg_state(leg) {
            // Nothing was sent yet, or the far end has refused already.
            None | Some(LegState::Refused) => self.fail(leg, events::local_failure(487)),
            Some(LegState::Answered) => {
                self.give(now, Command::Bye { leg, headers });
            }
            Some(_) => {
                self.give(now, Command::Cancel { leg, headers });
            }
        }
    }

    /// A request whose answer the call waits for.
    fn ask(&mut self, now: Instant, leg: LegId, token: RequestToken, command: Command) {
        match self.stack.command(now, command) {
            Ok(()) => {}
            Err(CommandError::OfferOpen(_)) => self.tell(leg, unsent(token, 491)),
            Err(error) => {
                tracing::debug!(%error, "SIP request");
                self.tell(leg, unsent(token, 481));
            }
        }
    }

    /// A digest challenge for a refusal by the dialplan: 401 or 407.
    fn challenge(&self, now: Instant, code: u16, realm: String, invite: &Message) -> (String, String) {
        let realm = if realm.is_empty() { to_host(invite) } else { realm };
        let name = if code == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
        (name.to_owned(), self.shared.guard.challenge(now, &realm, false))
    }

    // The table.

    fn keep(&mut self, leg: LegId, entry: Entry) {
        if self.legs.insert(leg, entry).is_none() {
            self.shared.legs.fetch_add(1, Ordering::Relaxed);
        }
        self.moved(leg, DialogState::Trying);
    }

    fn forget(&mut self, leg: LegId) {
        self.moved(leg, DialogState::Terminated);
        if self.legs.remove(&leg).is_some() {
            self.shared.legs.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Who watches the user of this leg is told.
    fn moved(&self, leg: LegId, state: DialogState) {
        if let Some(Entry { presence: Some(subject), .. }) = self.legs.get(&leg) {
            self.lamp(leg, subject, state);
        }
    }

    fn answered(&mut self, leg: LegId) {
        self.moved(leg, DialogState::Confirmed);
        if let Some(Entry { side: Side::In { answered, .. }, .. }) = self.legs.get_mut(&leg) {
            *answered = true;
        }
    }

    fn tell(&self, leg: LegId, event: LegEvent) {
        if let Some(entry) = self.legs.get(&leg) {
            entry.sink.signal(event);
        }
    }

    /// Tells the end of a leg, once.
    fn close(&mut self, leg: LegId, event: LegEvent) {
        if let Some(entry) = self.legs.get_mut(&leg)
            && !std::mem::replace(&mut entry.over, true)
        {
            entry.sink.signal(event);
        }
    }

    fn lose(&mut self, leg: LegId, cause: Cause) {
        self.close(leg, LegEvent::Lost(cause));
    }

    /// The end of a leg that was never answered. A call that gave it up is told as well.
    fn fail(&mut self, leg: LegId, failure: Failure) {
        self.tell(leg, LegEvent::Failed(failure));
        self.forget(leg);
    }

    /// Gives a command to the stack; none when it had no place for it.
    pub(super) fn give(&mut self, now: Instant, command: Command) -> Option<()> {
        self.stack.command(now, command).inspect_err(|error| tracing::debug!(%error, "SIP command")).ok()
    }
}

impl Entry {
    /// As [`Entry::dressed`], where the message tells what we are capable of.
    fn capable(&self, headers: Headers) -> Headers {
        let mut headers = self.dressed(headers);
        headers.extend(self.capabilities.iter().cloned());
        headers
    }

    /// Whether a provisional response is to be sent reliably: the profile does so, and the caller demands it of all, or
    /// knows it and gets a description.
    fn is_reliable(&self, described: bool) -> bool {
        let Side::In { invite, .. } = &self.side else { return false };
        let says = |id| invite.lists(id, "100rel");
        self.reliable && (says(HeaderId::Require) || (described && says(HeaderId::Supported)))
    }

    /// With the User-Agent of the leg's profile.
    fn dressed(&self, mut headers: Headers) -> Headers {
        if let Some(agent) = &self.user_agent {
            headers.push(("User-Agent".to_owned(), agent.clone()));
        }
        headers
    }
}

/// What holds for the session of a caller: its own Min-SE counts, and NAT wants more refreshes than usual.
fn session_of(settings: &ProfileSettings, invite: &Message, natted: bool) -> SessionRules {
    let rules = settings.session;
    let shortest_s = rules.shortest_s.max(invite.number(HeaderId::MinSe).unwrap_or(0));
    SessionRules { interval_s: if natted { NAT_SESSION_S } else { rules.interval_s }, shortest_s, ..rules }
}

/// The answer to a request that could not be sent.
fn unsent(token: RequestToken, status: u16) -> LegEvent {
    LegEvent::Response { token, status, phrase: phrase(status).to_owned(), sdp: None, min_se: None }
}

fn to_host(invite: &Message) -> String {
    let to = invite.address(HeaderId::To);
    to.and_then(|to| Some(to.parsed_uri().ok()?.host_text().into_owned())).unwrap_or_default()
}
