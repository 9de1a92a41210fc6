//! What gateways need now and then: REGISTER and OPTIONS, sent by the first shard.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::destination::Host;
use super::gateway::{Line, transport, with_scheme};
use super::listeners::transport_param;
use super::resolve::{self, Candidate};
use super::shard::Shard;
use crate::call::leg::Headers;
use crate::engine::sip::auth::Challenge;
use crate::engine::sip::gateway::{ClientState, Duty};
use crate::engine::sip::messages::{NameAddr, Uri, percent_encode_user, text};
use crate::engine::sip::{Command, HeaderId, Message, Method, Outcome, Request, Target};

/// Time for the registrar to answer that a registration is taken back (T1 times 64).
const LAST_ANSWER: Duration = Duration::from_secs(32);

/// One request of a gateway that is resolved or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errand {
    /// Number of the gateway.
    pub(super) gateway: u64,
    pub(super) duty: Duty,
}

/// What is remembered of a gateway's registration.
#[derive(Debug)]
pub(super) struct Account {
    line: Arc<Line>,
    /// The gateway is gone: until then the end of its registration may be answered.
    leaving: Option<Instant>,
    call_id: String,
    cseq: u32,
    /// The last challenge, and how often its nonce was used.
    challenge: Option<(&'static str, Challenge, u32)>,
    /// The present attempt has answered a challenge.
    tried: bool,
    /// What the present attempt asks for.
    expires: u32,
    target: Option<Target>,
    /// Requests that failed: which server's turn it is.
    failures: usize,
}

impl Account {
    fn new(line: Arc<Line>) -> Self {
        Self {
            line,
            leaving: None,
            call_id: String::new(),
            cseq: 0,
            challenge: None,
            tried: false,
            expires: 0,
            target: None,
            failures: 0,
        }
    }
}

/// Ping tokens are odd.
fn token(errand: Errand) -> u64 {
    let ping = u64::from(errand.duty == Duty::Ping);
    errand.gateway.saturating_mul(2).saturating_add(ping)
}

impl Shard {
    /// Sends what is due.
    pub(super) fn tend_gateways(&mut self, now: Instant) {
        let lines = self.shared.gateways.all();
        for line in lines.iter() {
            let account = self.accounts.entry(line.number).or_insert_with(|| Account::new(Arc::clone(line)));
            if !Arc::ptr_eq(&account.line, line) {
                account.line = Arc::clone(line);
            }
        }
        if self.accounts.len() > lines.len() {
            self.leave_gone(now, &lines);
        }
        for line in lines.iter() {
            let duties = line.client().due(now);
            for duty in duties {
                if let Some(account) = self.accounts.get_mut(&line.number) {
                    account.tried &= duty == Duty::Ping;
                }
                self.run_errand(now, Errand { gateway: line.number, duty }, line);
            }
        }
    }

    /// Takes back the registrations of gateways that are gone, and forgets those that have had their time.
    fn leave_gone(&mut self, now: Instant, lines: &[Arc<Line>]) {
        let present: HashSet<u64> = lines.iter().map(|line| line.number).collect();
        self.accounts.retain(|_, account| account.leaving.is_none_or(|until| until > now));
        let gone = |(number, account): (&u64, &Account)| {
            (!present.contains(number) && account.leaving.is_none()).then_some(*number)
        };
        let gone: Vec<u64> = self.accounts.iter().filter_map(gone).collect();
        for number in gone {
            self.leave(now, number);
        }
    }

    fn leave(&mut self, now: Instant, gateway: u64) {
        let Some(account) = self.accounts.get_mut(&gateway) else { return };
        account.leaving = Some(now + LAST_ANSWER);
        let state = account.line.client().state();
        // A renewal that is under way leaves a registration as well.
        if account.target.is_some() && matches!(state, ClientState::Registered(_) | ClientState::Trying(_)) {
            account.expires = 0;
            account.tried = false;
            self.send_register(now, gateway);
        }
    }

    fn run_errand(&mut self, now: Instant, errand: Errand, line: &Line) {
        let proxy = match (errand.duty, &line.settings.outbound_proxy) {
            (_, Some(proxy)) => proxy,
            (Duty::Register(_), None) => &line.settings.register_proxy,
            (Duty::Ping, None) => &line.settings.proxy,
        };
        let Some(hop) = line.hop(proxy) else {
            tracing::error!(gateway = line.settings.name, proxy, "no usable proxy");
            return self.errand_failed(now, errand, 503);
        };
        match hop.host {
            Host::Address(ip) => {
                let address = SocketAddr::new(ip, hop.port);
                self.errand_resolved(now, errand, &[Candidate { transport: hop.transport, address }]);
            }
            Host::Name(ref name) => {
                let Some(inbox) = self.shared.inboxes.get(self.index).cloned() else { return };
                let (name, resolver) = (name.clone(), self.resolver(line.profile));
                tokio::spawn(resolve::for_errand(errand, name, hop, resolver, inbox));
            }
        }
    }

    /// The servers of an errand's proxy are known, best first, or there are none. After a failure it is the next one's turn.
    pub(super) fn errand_resolved(&mut self, now: Instant, errand: Errand, candidates: &[Candidate]) {
        let Some(line) = self.line(errand.gateway) else { return };
        let proxy = match (errand.duty, &line.settings.outbound_proxy) {
            (_, Some(proxy)) => proxy,
            (Duty::Register(_), None) => &line.settings.register_proxy,
            (Duty::Ping, None) => &line.settings.proxy,
        };
        for candidate in candidates {
            line.found_at(candidate.address.ip());
        }
        let failures = self.accounts.get(&errand.gateway).map_or(0, |account| account.failures);
        let turn = failures.checked_rem(candidates.len()).and_then(|turn| candidates.get(turn));
        let aimed =
            turn.and_then(|turn| self.aim(line.profile, turn.transport, turn.address.ip(), turn.address.port()));
        let Some(target) = aimed else {
            tracing::warn!(gateway = line.settings.name, proxy, "no way to the gateway");
            return self.errand_failed(now, errand, 503);
        };
        match errand.duty {
            Duty::Register(expires) => {
                if let Some(account) = self.accounts.get_mut(&errand.gateway) {
                    account.target = Some(target);
                    account.expires = expires;
                }
                self.send_register(now, errand.gateway);
            }
            Duty::Ping => self.send_ping(now, errand, &line, target),
        }
    }

    fn send_ping(&mut self, now: Instant, errand: Errand, line: &Line, target: Target) {
        let aor = line.address_of_record();
        let shard = self.index;
        let request = Request {
            token: token(errand),
            method: Method::Options,
            uri: with_scheme(&line.settings.proxy),
            target,
            from: format!("<{aor}>"),
            from_tag: None,
            to: None,
            call_id: Some(self.shared.new_call_id(shard)),
            cseq: None,
            route: Vec::new(),
            headers: vec![("Contact".to_owned(), contact(line, target))],
            body: None,
        };
        if self.give(now, Command::Send(Box::new(request))).is_none() {
            self.errand_failed(now, errand, 503);
        }
    }

    /// Sends the REGISTER of the present attempt, with credentials once the gateway has asked for them.
    fn send_register(&mut self, now: Instant, gateway: u64) {
        let shared = Arc::clone(&self.shared);
        let shard = self.index;
        let Some(account) = self.accounts.get_mut(&gateway) else { return };
        let line = Arc::clone(&account.line);
        let Some(target) = account.target else { return };
        if account.call_id.is_empty() {
            account.call_id = shared.new_call_id(shard);
        }
        account.cseq = account.cseq.saturating_add(1);
        let uri = with_scheme(&line.settings.register_proxy);
        let uri = uri.split(';').next().unwrap_or_default().to_owned();
        let mut headers: Headers =
            vec![("Contact".to_owned(), contact(&line, target)), ("Expires".to_owned(), account.expires.to_string())];
        let credential = line.credential();
        if let (Some((name, challenge, count)), Some(credential)) = (&mut account.challenge, credential) {
            *count = count.saturating_add(1);
            let cnonce = uuid::Uuid::new_v4().simple().to_string();
            let answer = challenge.answer(&credential.user, &credential.secret, "REGISTER", &uri, &cnonce, *count);
            headers.extend(answer.map(|value| ((*name).to_owned(), value)));
        }
        let aor = format!("<{}>", line.address_of_record());
        let duty = Duty::Register(account.expires);
        let request = Request {
            token: token(Errand { gateway, duty }),
            method: Method::Register,
            uri,
            target,
            from: aor.clone(),
            from_tag: None,
            to: Some(aor),
            call_id: Some(account.call_id.clone()),
            cseq: Some(account.cseq),
            route: Vec::new(),
            headers,
            body: None,
        };
        if self.give(now, Command::Send(Box::new(request))).is_none() {
            self.errand_failed(now, Errand { gateway, duty }, 503);
        }
    }

    /// A request outside any dialog was answered, or was not.
    pub(super) fn errand_answered(&mut self, now: Instant, token: u64, outcome: &Outcome) {
        if token >= super::presence::NOTIFIES {
            return self.notified(now, token, outcome);
        }
        if token >= super::messaging::UNAWAITED {
            return self.phone_answered(token, outcome);
        }
        let gateway = token / 2;
        let Some(line) = self.line(gateway) else { return };
        let response = match outcome {
            Outcome::Response(response) => Some(&**response),
            _ => None,
        };
        let status = match (response.and_then(Message::code), outcome) {
            (Some(code), _) => code,
            (None, Outcome::Timeout) => 408,
            (None, _) => 503,
        };
        if token % 2 == 1 {
            return pinged(&line, status);
        }
        let expires = self.accounts.get(&gateway).map_or(0, |account| account.expires);
        match (status, response) {
            (200..=299, Some(response)) if expires > 0 => {
                let seconds = granted(&line, response, expires);
                tracing::info!(gateway = line.settings.name, seconds, "registered");
                line.client().registered(now, seconds);
            }
            (401 | 407, Some(response)) if self.challenged(gateway, &line, response) => {
                self.send_register(now, gateway);
            }
            (423, Some(response)) if line.client().too_brief(response.number(HeaderId::MinExpires).unwrap_or(0)) => {
                self.tend_gateways(now);
            }
            // The end of the switch, or of the gateway: nobody cares.
            _ if expires == 0 => {}
            _ => self.errand_failed(now, Errand { gateway, duty: Duty::Register(expires) }, status),
        }
    }

    /// Takes up a challenge; false when it was answered in vain, or is not the gateway's own.
    fn challenged(&mut self, gateway: u64, line: &Line, response: &Message) -> bool {
        let (Some(account), Some(credential)) = (self.accounts.get_mut(&gateway), line.credential()) else {
            return false;
        };
        let asked =
            [(HeaderId::WwwAuthenticate, "Authorization"), (HeaderId::ProxyAuthenticate, "Proxy-Authorization")];
        let found = asked.into_iter().find_map(|(id, name)| {
            let mut challenges = response.values(id).filter_map(|value| Challenge::parse(&text(value)));
            let own = challenges.find(|challenge| credential.is_for(&challenge.realm));
            own.map(|challenge| (name, challenge))
        });
        let Some((name, challenge)) = found else {
            tracing::warn!(
                gateway = line.settings.name,
                "no digest challenge for the realm of the gateway; is its realm right?"
            );
            return false;
        };
        if std::mem::replace(&mut account.tried, true) && !challenge.stale {
            account.challenge = None;
            return false;
        }
        account.challenge = Some((name, challenge, 0));
        true
    }

    fn errand_failed(&mut self, now: Instant, errand: Errand, status: u16) {
        let Some(line) = self.line(errand.gateway) else { return };
        if let Some(account) = self.accounts.get_mut(&errand.gateway) {
            account.failures = account.failures.wrapping_add(1);
        }
        match errand.duty {
            Duty::Ping => pinged(&line, status),
            Duty::Register(_) => {
                tracing::warn!(gateway = line.settings.name, status, "registration failed");
                match status {
                    408 => line.client().unanswered(now),
                    status => line.client().refused(now, status),
                }
            }
        }
    }

    /// Takes back all registrations; the answers are not awaited.
    pub(super) fn leave_gateways(&mut self, now: Instant) {
        let all: Vec<u64> = self.accounts.keys().copied().collect();
        for gateway in all {
            if self.line(gateway).is_some_and(|line| matches!(line.client().state(), ClientState::Registered(_)))
                && let Some(account) = self.accounts.get_mut(&gateway)
            {
                account.expires = 0;
                self.send_register(now, gateway);
            }
        }
    }

    /// A gateway, be it one that is gone.
    fn line(&self, gateway: u64) -> Option<Arc<Line>> {
        self.accounts.get(&gateway).map(|account| Arc::clone(&account.line))
    }
}

fn pinged(line: &Line, status: u16) {
    let mut client = line.client();
    if client.pinged(status) {
        let up = client.is_up();
        drop(client);
        tracing::warn!(gateway = line.settings.name, status, up, "gateway pinged");
    }
}

/// Our Contact towards a gateway.
fn contact(line: &Line, target: Target) -> String {
    let (user, params) = line.contact();
    let transport = transport_param(transport(&line.settings));
    format!("<sip:{}@{}{transport};{params}>", percent_encode_user(&user), target.local)
}

/// Seconds that a 200 grants: of our own contact, else of the answer.
fn granted(line: &Line, response: &Message, asked: u32) -> u32 {
    let user = line.contact().0;
    let own = response.list(HeaderId::Contact).filter_map(NameAddr::parse).find_map(|contact| {
        let uri = Uri::parse(contact.uri).ok()?;
        if !uri.user_text().eq_ignore_ascii_case(&user) {
            return None;
        }
        text(contact.params.value("expires")?).parse().ok()
    });
    own.or_else(|| response.number(HeaderId::Expires)).unwrap_or(asked).max(1)
}
