//! The call's end of a SIP leg, and the legs that are dialled through `sofia/`.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::credentials::{self, Credential};
use super::destination::{self, Destination, Form, Host, Options};
use super::gateway::Line;
use super::invite::Plan;
use super::listeners::media;
use super::settings::ProfileSettings;
use super::shared::{Dial, Inbox, Shared, ToShard};
use crate::call::leg::{
    ContactQuery, DialRequest, EventSink, Leg, LegCommand, LegFactory, MediaParams, Prepared, PreparedLeg, Started,
};
use crate::engine::sip::LegId;
use crate::engine::sip::registrar::Binding;
use crate::words::model::{Cause, truthy};
use crate::words::pattern::Pattern;

/// A leg of a call; commands go to its shard. Dropping it ends the leg as its state demands.
pub(super) struct SipLeg {
    id: LegId,
    shard: Inbox,
}

impl SipLeg {
    pub(super) fn new(id: LegId, shard: Inbox) -> Self {
        Self { id, shard }
    }
}

impl Leg for SipLeg {
    fn send(&mut self, command: LegCommand) {
        self.shard.tell(ToShard::Leg(self.id, command));
    }
}

impl Drop for SipLeg {
    fn drop(&mut self) {
        self.shard.tell(ToShard::Dropped(self.id));
    }
}

/// The endpoint `sofia` of dial strings.
pub(super) struct Sofia(pub(super) Arc<Shared>);

impl LegFactory for Sofia {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        let shared = &self.0;
        let Aim { profile, destination, credential, line } = match destination::form(request.destination)? {
            Form::Gateway { name, number } => self.at_gateway(request, name, number)?,
            Form::Profile { name, destination } => self.at_profile(request, name, destination)?,
        };
        let settings = shared.listeners.profile(profile).ok_or(Cause::INVALID_PROFILE)?;
        let shard = shared.shard_for_dialling();
        let shown = if line.is_some() { &destination.user } else { &destination.shown };
        let name = format!("sofia/{}/{shown}", settings.name);
        let media = self.media(profile, &destination.hop.host).ok_or(Cause::NETWORK_OUT_OF_ORDER)?;
        let call_id = shared.new_call_id(shard);
        let caller = request.a_variables.and_then(|variables| variables.get("sip_call_id"));
        shared.trace.dialled(caller, &call_id);
        let mut plan = Plan::read(request, destination, call_id, &settings, &shared.settings.stack);
        let mut variables = Vec::new();
        if let Some(line) = line {
            plan.speak_for(&line, request);
            variables.push(("sip_gateway_name".to_owned(), line.settings.name.clone()));
            let outbound = line.settings.variables.iter().filter(|variable| variable.outbound);
            variables.extend(outbound.map(|variable| (variable.name.clone(), variable.value.clone())));
        }
        Ok(Prepared::Leg(Box::new(PreparedSip {
            leg: shared.new_leg(),
            shard: shared.inboxes.get(shard).cloned().ok_or(Cause::DESTINATION_OUT_OF_ORDER)?,
            profile,
            profile_name: settings.name.clone(),
            plan,
            credential,
            presence: request.variables.get("presence_id").filter(|id| id.contains('@')).map(Into::into),
            name,
            media,
            variables,
        })))
    }

    fn contacts(&self, query: &ContactQuery<'_>) -> Vec<String> {
        let profile = match query.profile {
            None => None,
            // A domain in the profile's place stands for all profiles.
            Some(name) => match self.0.listeners.called(name) {
                None if !self.0.directory.load().has_domain(name) => return Vec::new(),
                found => found,
            },
        };
        let agent = query.user_agent.map(Pattern::new);
        let fits = |binding: &Arc<Binding>| {
            agent.as_ref().is_none_or(|agent| agent.is_match(&binding.user_agent).unwrap_or(false))
        };
        let bindings = self.bindings(profile, query.user, query.domain).into_iter().filter(fits);
        bindings.map(|binding| format!("sofia/{}/{}", binding.profile, self.dial_uri(&binding))).collect()
    }
}

/// Where a leg goes, and with what it proves itself.
struct Aim {
    profile: usize,
    destination: Destination,
    credential: Option<Credential>,
    line: Option<Arc<Line>>,
}

fn options<'a>(request: &'a DialRequest<'_>) -> Options<'a> {
    let variable = |name: &str| request.variables.get(name).filter(|value| !value.is_empty());
    Options {
        prefix: variable("sip_destination_prefix").unwrap_or_default(),
        params: variable("sip_invite_params").unwrap_or_default(),
        request_uri: variable("sip_invite_req_uri"),
        route: variable("sip_route_uri"),
        raw: variable("sofia_suppress_url_encoding").is_some_and(truthy),
    }
}

impl Sofia {
    /// `gateway/<name>/<number>`: a gateway that does not register or answers no pings is not called.
    fn at_gateway(&self, request: &DialRequest<'_>, name: &str, number: &str) -> Result<Aim, Cause> {
        let shared = &self.0;
        let line = shared.gateways.named(name, &shared.listeners.profiles()).ok_or(Cause::INVALID_GATEWAY)?;
        if !line.client().is_up() {
            return Err(Cause::GATEWAY_DOWN);
        }
        let (uri, route) = line.destination(number)?;
        let own = options(request);
        let options = Options { route: own.route.or(route.as_deref()), ..own };
        let destination = destination::parse(&uri, &options)?;
        let credential = credentials::of_variables(request.variables).or_else(|| line.credential());
        Ok(Aim { profile: line.profile, destination, credential, line: Some(line) })
    }

    /// `<profile>/<destination>`.
    fn at_profile(&self, request: &DialRequest<'_>, name: &str, destination: &str) -> Result<Aim, Cause> {
        let shared = &self.0;
        let profile = self.profile(name).ok_or(Cause::INVALID_PROFILE)?;
        let settings = shared.listeners.profile(profile).ok_or(Cause::INVALID_PROFILE)?;
        let contact = match destination::registered(destination) {
            Some((user, domain)) => Some(self.contact_of(profile, &settings, user, domain)?),
            None => None,
        };
        let destination = destination::parse(contact.as_deref().unwrap_or(destination), &options(request))?;
        let host = destination.shown.rsplit('@').next().unwrap_or_default().to_owned();
        let directory = shared.directory.load();
        let gateway = || shared.gateways.at_host(host.split(':').next().unwrap_or_default());
        let credential = credentials::find(request.variables, &directory, &destination.user, &host)
            .or_else(|| gateway().and_then(|line| line.credential()));
        Ok(Aim { profile, destination, credential, line: None })
    }

    /// The newest contact of a user on a profile. Without a domain it is looked for where the profile's users are.
    fn contact_of(
        &self,
        profile: usize,
        settings: &ProfileSettings,
        user: &str,
        domain: Option<&str>,
    ) -> Result<String, Cause> {
        let directory = self.0.directory.load();
        let found = |domain: &str| self.bindings(Some(profile), user, domain).into_iter().max_by_key(|row| row.expires);
        let binding = if let Some(domain) = domain {
            found(domain)
        } else {
            let forced = settings.binding_domain.as_deref().or(settings.domain.as_deref());
            forced.into_iter().chain([&*settings.name]).chain(directory.domains()).find_map(found)
        };
        binding.map(|binding| self.dial_uri(&binding)).ok_or(Cause::USER_NOT_REGISTERED)
    }

    /// The registrations of a user, on one profile or all, oldest first.
    fn bindings(&self, profile: Option<usize>, user: &str, domain: &str) -> Vec<Arc<Binding>> {
        let mut bindings = self.0.registrations.of_user(user, domain);
        bindings.retain(|binding| profile.is_none_or(|profile| self.profile(&binding.profile) == Some(profile)));
        bindings
    }

    fn dial_uri(&self, binding: &Binding) -> String {
        binding.dial_uri(self.0.connections.is_connected(binding.received))
    }

    /// A profile by name or alias; a domain of the directory stands for the first profile.
    fn profile(&self, name: &str) -> Option<usize> {
        let called = self.0.listeners.called(name);
        called.or_else(|| {
            let directory = self.0.directory.load();
            directory.domains().any(|domain| domain.eq_ignore_ascii_case(name)).then_some(0)
        })
    }

    /// Media settings towards a host. A name is not resolved yet: media then takes the address that leads to the rest of
    /// the world.
    fn media(&self, profile: usize, host: &Host) -> Option<MediaParams> {
        let listeners = &self.0.listeners;
        let peer = match host {
            Host::Address(ip) => *ip,
            Host::Name(name) if name.eq_ignore_ascii_case("localhost") => [127, 0, 0, 1].into(),
            // Documentation addresses (RFC 5737, RFC 3849): routed like any other stranger, and never ours.
            Host::Name(_) if listeners.has_family(profile, true) => [192, 0, 2, 1].into(),
            Host::Name(_) => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
        };
        let mut routes = self.0.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let route = listeners.route(profile, peer, &mut *routes)?;
        Some(media(&*listeners.profile(profile)?, false, route, peer))
    }
}

/// A `sofia` leg before its INVITE.
struct PreparedSip {
    leg: LegId,
    shard: Inbox,
    profile: usize,
    profile_name: String,
    plan: Plan,
    credential: Option<Credential>,
    presence: Option<Arc<str>>,
    name: String,
    media: MediaParams,
    /// What a gateway brings along.
    variables: Vec<(String, String)>,
}

impl PreparedLeg for PreparedSip {
    fn channel_name(&self) -> String {
        self.name.clone()
    }

    fn media(&self) -> Option<MediaParams> {
        Some(self.media.clone())
    }

    fn start(self: Box<Self>, offer: Option<Bytes>, sink: EventSink) -> Started {
        let this = *self;
        let mut variables = this.plan.variables();
        variables.extend(this.variables);
        variables.push(("sofia_profile_name".to_owned(), this.profile_name.clone()));
        variables.push(("recovery_profile_name".to_owned(), this.profile_name));
        variables.push(("sip_local_network_addr".to_owned(), this.media.advertise.to_string()));
        let leg = Box::new(SipLeg::new(this.leg, this.shard.clone()));
        this.shard.tell(ToShard::Dial(Box::new(Dial {
            leg: this.leg,
            profile: this.profile,
            plan: this.plan,
            offer,
            credential: this.credential,
            presence: this.presence,
            sink,
        })));
        Started { leg, variables }
    }
}
