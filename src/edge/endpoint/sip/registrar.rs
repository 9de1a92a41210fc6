//! REGISTER, and where registered users are reached. The table is one for all shards; its rules are `engine::sip::registrar`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::auth::{Case, Verdict};
use super::settings::{ProfileSettings, multiple};
use super::shard::Shard;
use crate::call::leg::Headers;
use crate::edge::endpoint::now_us;
use crate::edge::store::{BindingStore, StoreError};
use crate::engine::config::User;
use crate::engine::sip::messages::{Uri, quote};
use crate::engine::sip::registrar::{Binding, Bindings, Change, Origin, Refusal, Registration, Rules, TableLimits};
use crate::engine::sip::{Command, Flow, HeaderId, Message, Transport, TxId};
use crate::words::model::{phrase, truthy};

/// Ended registrations removed in one go.
const SWEEP: usize = 10_000;

/// All registrations, and the file that keeps them.
#[derive(Default)]
pub struct Registrations {
    table: Mutex<Bindings>,
    store: Option<BindingStore>,
}

impl Registrations {
    /// Registrations that outlive the switch in this file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (store, stored) = BindingStore::open(path)?;
        let (mut table, now) = (Bindings::new(TableLimits::default()), now_s());
        let over: Vec<Change> = stored
            .into_iter()
            .filter_map(|binding| (!table.restore(now, binding.clone())).then(|| Change::Gone(Arc::new(binding))))
            .collect();
        store.note(&over);
        Ok(Self { table: Mutex::new(table), store: Some(store) })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every binding that is not over, by user.
    pub fn all(&self) -> Vec<Arc<Binding>> {
        let now = now_s();
        self.table().all().filter(|binding| binding.until > now).cloned().collect()
    }

    /// Writes what is not on disk yet. What changes later is not kept.
    pub fn close(&self) {
        if let Some(store) = &self.store {
            store.close();
        }
    }

    /// The contacts of a user, oldest first.
    pub(super) fn of_user(&self, user: &str, domain: &str) -> Vec<Arc<Binding>> {
        self.table().of_user(now_s(), user, domain)
    }

    /// Removes what is over.
    pub(super) fn sweep(&self) {
        let gone = self.table().expire(now_s(), SWEEP);
        self.note(&gone);
    }

    /// Removes one that does not answer any more; false: it was renewed meanwhile, or is gone.
    pub(super) fn remove(&self, binding: &Binding) -> bool {
        let mut table = self.table();
        let gone = table.remove(binding);
        self.note(gone.as_slice());
        gone.is_some()
    }

    fn register(
        &self,
        who: (&str, &str),
        request: &Registration,
        origin: &Origin<'_>,
        rules: &Rules,
    ) -> Result<Vec<Change>, Refusal> {
        // Noted under the lock, so that the file sees changes in their order.
        let mut table = self.table();
        let changes = table.register(now_s(), who, request, origin, rules)?;
        self.note(&changes);
        Ok(changes)
    }

    fn note(&self, changes: &[Change]) {
        if let Some(store) = &self.store {
            store.note(changes);
        }
    }

    fn table(&self) -> MutexGuard<'_, Bindings> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
fn now_s() -> u64 {
    now_us() / 1_000_000
}

impl Shard {
    /// A telephone registers, or asks what is registered.
    pub(super) fn register(&mut self, now: Instant, tx: TxId, request: &Message, flow: &Flow) {
        let shared = Arc::clone(&self.shared);
        let settings = shared.listeners.profile_of(flow.local).or_else(|| shared.listeners.profile(0));
        let Some(settings) = settings else { return self.respond(now, tx, 503, Headers::new()) };
        let (own, directory) = (self.is_own_flow(flow), shared.directory.load());
        let case = Case { now, request, remote: flow.remote, own, profile: &settings, directory: &directory };
        let verdict = shared.guard.judge_registration(case);
        let user = match &verdict {
            Verdict::Anonymous { .. } => None,
            Verdict::User { user, .. } => Some(user),
            Verdict::Challenge(_) => {
                let (code, headers) = self.demand(case, &verdict);
                return self.respond(now, tx, code, headers);
            }
            Verdict::Refused(why) | Verdict::Failed(why) => {
                tracing::info!(remote = %flow.remote, why, "registration forbidden");
                let (code, headers) = self.demand(case, &verdict);
                return self.respond(now, tx, code, headers);
            }
        };
        let Some(who) = address_of_record(request, &settings, user.map(|user| &**user)) else {
            return self.refuse_registration(now, tx, 400, "Invalid To", Headers::new());
        };
        let registration = match Registration::read(request) {
            Ok(registration) => registration,
            Err(fault) => return self.refuse_registration(now, tx, 400, &fault.to_string(), Headers::new()),
        };
        if registration.contacts.iter().any(|contact| self.is_listener_uri(&contact.uri)) {
            return self.refuse_registration(now, tx, 400, "Contact Is This Switch", Headers::new());
        }
        let rules = rules(&settings, user.map(|user| &**user));
        let origin =
            Origin { profile: &settings.name, remote: flow.remote, transport: flow.transport, via: request.via() };
        let who = (&*who.0, &*who.1);
        match shared.registrations.register(who, &registration, &origin, &rules) {
            Ok(changes) => {
                // A contact that is renewed goes and comes: that is told once.
                let kept = |gone: &Binding| {
                    changes.iter().any(|change| matches!(change, Change::Put(new) if new.contact == gone.contact))
                };
                for change in &changes {
                    match change {
                        Change::Put(binding) => self.tell_of("sofia::register", binding),
                        Change::Gone(binding) if !kept(binding) => self.tell_of("sofia::unregister", binding),
                        Change::Gone(_) => {}
                    }
                }
            }
            Err(refusal) => {
                let (code, headers) = answer_to(refusal);
                tracing::info!(user = who.0, domain = who.1, %refusal, "registration refused");
                return self.refuse_registration(now, tx, code, &refusal.to_string(), headers);
            }
        }
        let headers = listing(&shared.registrations.of_user(who.0, who.1), &registration);
        self.respond(now, tx, 200, headers);
    }

    /// Tells listeners of a telephone that registered, or left.
    pub(super) fn tell_of(&self, subclass: &'static str, binding: &Binding) {
        let (ip, port) = (binding.received.ip().to_string(), binding.received.port().to_string());
        let expires = binding.expires.saturating_sub(now_s()).to_string();
        let status = match (subclass, binding.transport) {
            ("sofia::register", Transport::Udp) => "Registered(UDP)",
            ("sofia::register", _) => "Registered(TCP)",
            _ => "Unregistered",
        };
        let contact = format!("<{}>", binding.contact);
        self.shared.starter.tell(
            subclass,
            &[
                ("profile-name", &binding.profile),
                ("from-user", &binding.user),
                ("from-host", &binding.domain),
                ("presence-hosts", "n/a"),
                ("contact", &contact),
                ("call-id", &binding.call_id),
                ("rpid", "unknown"),
                ("status", status),
                ("expires", &expires),
                ("to-user", &binding.user),
                ("to-host", &binding.domain),
                ("network-ip", &ip),
                ("network-port", &port),
                ("username", &binding.user),
                ("realm", &binding.domain),
                ("user-agent", &binding.user_agent),
            ],
        );
    }

    fn refuse_registration(&mut self, now: Instant, tx: TxId, code: u16, reason: &str, headers: Headers) {
        let reason = (reason != phrase(code)).then(|| reason.to_owned());
        self.give(now, Command::Respond { tx, code, reason, headers, body: None });
    }

    /// A contact that is one of our own listeners would send calls in a circle.
    fn is_listener_uri(&mut self, uri: &str) -> bool {
        let Ok(uri) = Uri::parse(uri.as_bytes()) else { return false };
        let Some(ip) = uri.ip() else { return false };
        self.shared.listeners.is_listener(SocketAddr::new(ip, uri.port.unwrap_or(5060)), &mut self.routes)
    }
}

/// User and domain that a REGISTER is for. A known user goes by its id, whatever alias To names.
fn address_of_record(request: &Message, settings: &ProfileSettings, user: Option<&User>) -> Option<(String, String)> {
    let to = request.address(HeaderId::To)?;
    let uri = to.parsed_uri().ok()?;
    let forced = settings.binding_domain.as_deref().or(settings.domain.as_deref());
    let domain = forced.map_or_else(|| uri.host_text().into_owned(), str::to_owned);
    let name = user.map_or_else(|| uri.user_text(), |user| user.id.clone());
    (!name.is_empty() && !domain.is_empty()).then_some((name, domain))
}

/// The rules of the profile, changed by those of the user.
fn rules(settings: &ProfileSettings, user: Option<&User>) -> Rules {
    let mut rules = settings.registration;
    let Some(user) = user else { return rules };
    let number = |name: &str| {
        let text = user.variable(name).or_else(|| user.param(name))?;
        text.trim().parse::<u32>().ok().filter(|number| *number > 0)
    };
    rules.force = number("sip-force-expires").or(rules.force);
    rules.floor = number("sip-force-expires-min").or(rules.floor);
    rules.ceiling = number("sip-force-expires-max").or(rules.ceiling);
    rules.most = number("max-registrations-per-extension").or(rules.most);
    if let Some(text) = user.param("multiple-registrations") {
        rules.multiple = multiple(text);
    }
    rules.aggressive_nat |= user.param("aggressive-nat-detection").is_some_and(truthy);
    rules
}

fn answer_to(refusal: Refusal) -> (u16, Headers) {
    match refusal {
        Refusal::TooBrief(shortest) => (423, vec![("Min-Expires".to_owned(), shortest.to_string())]),
        Refusal::TooMany => (403, Headers::new()),
        Refusal::OutOfOrder => (500, vec![("Retry-After".to_owned(), "1".to_owned())]),
        _ => (503, vec![("Retry-After".to_owned(), "60".to_owned())]),
    }
}

/// Headers of a 200: what is registered now, and Path.
fn listing(bindings: &[Arc<Binding>], request: &Registration) -> Headers {
    let now = now_s();
    let mut headers: Headers = bindings
        .iter()
        .map(|binding| {
            let mut value = format!("<{}>;expires={}", binding.contact, binding.expires.saturating_sub(now));
            if binding.q < 1000 {
                let _ = write!(value, ";q={}", f32::from(binding.q) / 1000.0);
            }
            if let Some(instance) = &binding.instance {
                let _ = write!(value, ";+sip.instance={}", quote(instance));
            }
            if let Some(reg_id) = binding.reg_id {
                let _ = write!(value, ";reg-id={reg_id}");
            }
            ("Contact".to_owned(), value)
        })
        .collect();
    headers.extend(request.path.iter().map(|path| ("Path".to_owned(), path.clone())));
    if request.outbound && request.contacts.iter().any(|contact| contact.reg_id.is_some()) {
        headers.push(("Require".to_owned(), "outbound".to_owned()));
    }
    headers
}
