//! The call's end of a SIP leg, and the legs that are dialled through `sofia/`.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::credentials::{self, Credential};
use super::destination::{self, Form, Host, Options};
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
        let (profile, destination) = match destination::form(request.destination)? {
            Form::Gateway => return Err(Cause::INVALID_GATEWAY),
            Form::Profile { name, destination } => (self.profile(name).ok_or(Cause::INVALID_PROFILE)?, destination),
        };
        let settings = shared.listeners.profile(profile).ok_or(Cause::INVALID_PROFILE)?;
        let variable = |name: &str| request.variables.get(name).filter(|value| !value.is_empty());
        let options = Options {
            prefix: variable("sip_destination_prefix").unwrap_or_default(),
            params: variable("sip_invite_params").unwrap_or_default(),
            request_uri: variable("sip_invite_req_uri"),
            route: variable("sip_route_uri"),
            raw: variable("sofia_suppress_url_encoding").is_some_and(truthy),
        };
        let contact = match destination::registered(destination) {
            Some((user, domain)) => Some(self.contact_of(profile, settings, user, domain)?),
            None => None,
        };
        let destination = destination::parse(contact.as_deref().unwrap_or(destination), &options)?;
        let domain = destination.shown.rsplit('@').next().unwrap_or_default().to_owned();
        let credential = credentials::find(request.variables, &shared.directory.load(), &destination.user, &domain);
        let shard = shared.shard_for_dialling();
        let name = format!("sofia/{}/{}", settings.name, destination.shown);
        let media = self.media(profile, &destination.hop.host).ok_or(Cause::NETWORK_OUT_OF_ORDER)?;
        let plan = Plan::read(request, destination, shared.new_call_id(shard), settings.user_agent.as_deref());
        Ok(Prepared::Leg(Box::new(PreparedSip {
            leg: shared.new_leg(),
            shard: shared.inboxes.get(shard).cloned().ok_or(Cause::DESTINATION_OUT_OF_ORDER)?,
            profile,
            profile_name: settings.name.clone(),
            plan,
            credential,
            name,
            media,
        })))
    }

    fn contacts(&self, query: &ContactQuery<'_>) -> Vec<String> {
        let profile = match query.profile {
            None => None,
            // A domain in the profile's place stands for all profiles.
            Some(name) => match self.0.listeners.profiles().iter().position(|profile| profile.is_called(name)) {
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

impl Sofia {
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
        let called = self.0.listeners.profiles().iter().position(|profile| profile.is_called(name));
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
        Some(media(listeners.profile(profile)?, false, route, peer))
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
    name: String,
    media: MediaParams,
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
            sink,
        })));
        Started { leg, variables }
    }
}
