//! The table of bindings: one row per contact, bounded, with all that ends in order of time.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::super::flow::Transport;
use super::super::messages::{Uri, Via, text};
use super::binding::{Binding, BindingId, is_behind_nat};
use super::request::{Contact, Registration};

/// What is granted when a phone names no time (FreeSWITCH).
const DEFAULT_EXPIRES: u32 = 300;

/// Whether a user may have several contacts (`multiple-registrations`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiple {
    /// A new registration takes the place of all others; the flows of one instance (RFC 5626) count as one.
    #[default]
    No,
    /// One for each Call-ID.
    CallId,
    /// One for each contact.
    Contact,
}

/// Rules for one registration: of the profile, and of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Several contacts.
    pub multiple: Multiple,
    /// Most contacts of the user (`max-registrations-per-extension`).
    pub most: Option<u32>,
    /// Shorter wishes are refused by 423; 0: none are.
    pub shortest: u32,
    /// The time granted whatever is asked (`sip-force-expires`).
    pub force: Option<u32>,
    /// Shorter wishes become this (`sip-force-expires-min`).
    pub floor: Option<u32>,
    /// Longer wishes become this (`sip-force-expires-max`).
    pub ceiling: Option<u32>,
    /// Seconds a binding is kept beyond its time (`sip-expires-late-margin`).
    pub margin: u32,
    /// Whether every odd Via means NAT.
    pub aggressive_nat: bool,
}

impl Rules {
    /// Seconds granted for a wish above 0.
    fn granted(&self, wish: u32) -> u32 {
        let raised = wish.max(self.floor.unwrap_or(0));
        self.force.unwrap_or_else(|| raised.min(self.ceiling.unwrap_or(u32::MAX)))
    }
}

/// Where a REGISTER came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Name of the profile.
    pub profile: &'a str,
    /// The sender.
    pub remote: SocketAddr,
    /// The protocol.
    pub transport: Transport,
    /// Topmost Via.
    pub via: Option<Via<'a>>,
}

/// Why a registration is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// 423; the shortest time is told.
    #[error("Interval Too Brief")]
    TooBrief(u32),
    /// 403: the user has as many contacts as it may have.
    #[error("Maximum Registrations Reached")]
    TooMany,
    /// 500: a later request of the same Call-ID was seen already (RFC 3261 10.3 step 7).
    #[error("Request Out Of Order")]
    OutOfOrder,
    /// 503: no room.
    #[error("Registrar Full")]
    Full,
}

/// What changed, for the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A binding is new, or was renewed.
    Put(Arc<Binding>),
    /// A binding is gone.
    Gone(Arc<Binding>),
}

/// Bounds of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLimits {
    /// Bindings in all.
    pub bindings: usize,
    /// Bindings of one user, whatever its rules say.
    pub per_user: usize,
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { bindings: 200_000, per_user: 32 }
    }
}

/// All bindings.
#[derive(Debug, Default)]
pub struct Bindings {
    limits: TableLimits,
    users: HashMap<Arc<str>, Vec<Arc<Binding>>>,
    /// By end and number.
    due: BTreeMap<(u64, BindingId), Arc<str>>,
    last: BindingId,
}

impl Bindings {
    /// An empty table.
    pub fn new(limits: TableLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes back a binding that was stored; one that is over, or has no room, is left out.
    pub fn restore(&mut self, now: u64, binding: Binding) -> bool {
        self.last = self.last.max(binding.id);
        let good = binding.until > now && self.due.len() < self.limits.bindings;
        if good {
            self.put(Arc::new(binding));
        }
        good
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// The contacts of a user, oldest first; user and domain ignore case.
    pub fn of_user(&self, now: u64, user: &str, domain: &str) -> Vec<Arc<Binding>> {
        let found = self.users.get(&*key(user, domain)).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter(|binding| binding.until > now).cloned().collect()
    }

    /// Every binding.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Binding>> {
        self.users.values().flatten()
    }

    /// When the next one ends.
    pub fn next_end(&self) -> Option<u64> {
        self.due.first_key_value().map(|((until, _), _)| *until)
    }

    /// Removes what is over, at most `most` of them.
    pub fn expire(&mut self, now: u64, most: usize) -> Vec<Change> {
        let mut gone = Vec::new();
        while gone.len() < most
            && let Some((end, user)) = self.due.first_key_value().map(|(end, user)| (*end, Arc::clone(user)))
            && end.0 <= now
        {
            match self.take(&user, end.1) {
                Some(binding) => gone.push(Change::Gone(binding)),
                None => {
                    self.due.remove(&end);
                }
            }
        }
        gone
    }

    /// Removes this binding, unless it was renewed meanwhile.
    pub fn remove(&mut self, binding: &Binding) -> Option<Change> {
        let key: Arc<str> = key(&binding.user, &binding.domain).into();
        let same = |known: &Arc<Binding>| known.id == binding.id && known.until == binding.until;
        self.users.get(&key)?.iter().find(|known| same(known))?;
        self.take(&key, binding.id).map(Change::Gone)
    }

    /// Carries out a REGISTER of this user: all of it, or nothing.
    pub fn register(
        &mut self,
        now: u64,
        (user, domain): (&str, &str),
        request: &Registration,
        origin: &Origin<'_>,
        rules: &Rules,
    ) -> Result<Vec<Change>, Refusal> {
        let mut changes = self.expire(now, usize::MAX);
        let key: Arc<str> = key(user, domain).into();
        let present: Vec<Arc<Binding>> = self.users.get(&key).cloned().unwrap_or_default();
        let stale = |binding: &Binding| binding.call_id == request.call_id && binding.cseq >= request.cseq;
        let touched = |binding: &Binding| {
            request.all || request.contacts.iter().any(|contact| fits(binding, contact, request, rules))
        };
        if present.iter().any(|binding| stale(binding) && touched(binding)) {
            return Err(Refusal::OutOfOrder);
        }
        let mut gone: Vec<BindingId> = Vec::new();
        let mut new: Vec<(Contact, u32)> = Vec::new();
        if request.all {
            gone.extend(present.iter().map(|binding| binding.id));
        }
        for contact in &request.contacts {
            let wish = wish(contact, request);
            if wish > 0 && wish < rules.shortest && rules.force.is_none() {
                return Err(Refusal::TooBrief(rules.shortest));
            }
            let fitting = present.iter().filter(|binding| fits(binding, contact, request, rules));
            gone.extend(fitting.map(|binding| binding.id));
            if wish > 0 {
                new.retain(|(known, _)| !same_contact(&known.uri, &contact.uri));
                new.push((contact.clone(), rules.granted(wish)));
            }
        }
        if rules.multiple == Multiple::No && !new.is_empty() {
            let sibling = |binding: &Binding| {
                let flow = |contact: &Contact| contact.reg_id.is_some() && contact.instance == binding.instance;
                binding.reg_id.is_some() && binding.instance.is_some() && new.iter().any(|(contact, _)| flow(contact))
            };
            gone.extend(present.iter().filter(|binding| !sibling(binding)).map(|binding| binding.id));
        }
        let stay = present.iter().filter(|binding| !gone.contains(&binding.id)).count();
        let (after, net) =
            (stay.saturating_add(new.len()), new.len().saturating_sub(present.len().saturating_sub(stay)));
        let most = rules.most.map_or(self.limits.per_user, |most| self.limits.per_user.min(most as usize));
        if net > 0 && after > most {
            return Err(Refusal::TooMany);
        }
        if net > 0 && self.due.len().saturating_add(net) > self.limits.bindings {
            return Err(Refusal::Full);
        }
        let removed: Vec<Arc<Binding>> = gone.into_iter().filter_map(|id| self.take(&key, id)).collect();
        let mut reused = removed.iter();
        for (contact, granted) in new {
            // The row of a renewed contact keeps its number, so that its place in the order stays.
            let id = reused.next().map_or_else(|| self.next_id(), |binding| binding.id);
            let binding = Arc::new(bind(now, id, (user, domain), request, origin, rules, contact, granted));
            self.put(Arc::clone(&binding));
            changes.push(Change::Put(binding));
        }
        changes.extend(reused.map(|binding| Change::Gone(Arc::clone(binding))));
        Ok(changes)
    }

    fn next_id(&mut self) -> BindingId {
        self.last = self.last.saturating_add(1);
        self.last
    }

    fn put(&mut self, binding: Arc<Binding>) {
        let key: Arc<str> = key(&binding.user, &binding.domain).into();
        self.due.insert((binding.until, binding.id), Arc::clone(&key));
        let rows = self.users.entry(key).or_default();
        let at = rows.partition_point(|known| known.id < binding.id);
        rows.insert(at, binding);
    }

    fn take(&mut self, user: &Arc<str>, id: BindingId) -> Option<Arc<Binding>> {
        let rows = self.users.get_mut(user)?;
        let at = rows.iter().position(|binding| binding.id == id)?;
        let binding = rows.remove(at);
        if rows.is_empty() {
            self.users.remove(user);
        }
        self.due.remove(&(binding.until, id));
        Some(binding)
    }
}

fn key(user: &str, domain: &str) -> String {
    format!("{user}@{domain}").to_lowercase()
}

/// Seconds wished for a contact. `Expires` comes first, as in FreeSWITCH; but a contact that says 0 itself goes.
fn wish(contact: &Contact, request: &Registration) -> u32 {
    match contact.expires {
        Some(0) => 0,
        own => request.expires.or(own).unwrap_or(DEFAULT_EXPIRES),
    }
}

/// Whether a binding is the one that this contact renews or removes.
fn fits(binding: &Binding, contact: &Contact, request: &Registration, rules: &Rules) -> bool {
    if let (Some(instance), Some(reg_id)) = (&contact.instance, contact.reg_id) {
        return binding.instance.as_ref() == Some(instance) && binding.reg_id == Some(reg_id);
    }
    match rules.multiple {
        Multiple::CallId => binding.call_id == request.call_id,
        Multiple::No | Multiple::Contact => same_contact(&binding.contact, &contact.uri),
    }
}

/// Equality of contacts: user, host, port and transport (RFC 3261 19.1.4, without the parameters that may be left out).
fn same_contact(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (Ok(one), Ok(other)) = (Uri::parse(one.as_bytes()), Uri::parse(other.as_bytes())) else { return false };
    let transport = |uri: &Uri<'_>| text(uri.params.value("transport").unwrap_or_default()).to_ascii_lowercase();
    one.scheme == other.scheme
        && one.user_text() == other.user_text()
        && one.host.eq_ignore_ascii_case(other.host)
        && one.port == other.port
        && transport(&one) == transport(&other)
}

#[expect(clippy::too_many_arguments, reason = "one row from all that is known of it")]
fn bind(
    now: u64,
    id: BindingId,
    (user, domain): (&str, &str),
    request: &Registration,
    origin: &Origin<'_>,
    rules: &Rules,
    contact: Contact,
    granted: u32,
) -> Binding {
    let expires = now.saturating_add(u64::from(granted));
    let uri = Uri::parse(contact.uri.as_bytes());
    let nat = uri.is_ok_and(|uri| is_behind_nat(&uri, origin.via.as_ref(), origin.remote, rules.aggressive_nat));
    Binding {
        id,
        user: user.to_owned(),
        domain: domain.to_owned(),
        profile: origin.profile.to_owned(),
        contact: contact.uri,
        instance: contact.instance,
        reg_id: contact.reg_id,
        q: contact.q,
        call_id: request.call_id.clone(),
        cseq: request.cseq,
        expires,
        until: expires.saturating_add(u64::from(rules.margin)),
        path: request.path.clone(),
        received: origin.remote,
        transport: origin.transport,
        nat: nat && request.path.is_empty(),
        user_agent: request.user_agent.clone(),
    }
}
