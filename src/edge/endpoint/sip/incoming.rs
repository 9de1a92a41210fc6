//! From an accepted INVITE to what a call starts with: profile, variables, context. Pure.

use std::sync::Arc;

use super::auth::Verdict;
use super::caller;
use super::settings::ProfileSettings;
use super::variables;
use crate::engine::config::{Gateway, User};
use crate::engine::sip::messages::text;
use crate::engine::sip::{Flow, HeaderId, Message};
use crate::words::model::{CallerProfile, Variables, clean};

/// Hops of an INVITE that does not say.
const MAX_FORWARDS: u32 = 70;

/// The facts of a new call.
pub(super) struct Facts {
    pub(super) profile: CallerProfile,
    pub(super) variables: Variables,
    pub(super) max_forwards: u32,
}

/// Where an INVITE stands: how it came, at which profile, and what is known of the caller.
pub(super) struct Arrival<'a> {
    pub(super) invite: &'a Message,
    pub(super) flow: &'a Flow,
    pub(super) settings: &'a ProfileSettings,
    pub(super) verdict: &'a Verdict,
    /// It came from one of our own listeners.
    pub(super) own: bool,
    /// For the new channel.
    pub(super) uuid: String,
    /// Microseconds since 1970.
    pub(super) received_us: u64,
    /// The gateway that it came from.
    pub(super) gateway: Option<&'a Gateway>,
}

/// Gathers all that a call starts with.
pub(super) fn facts(arrival: Arrival<'_>) -> Facts {
    let Arrival { invite, flow, settings, verdict, own, uuid, received_us, gateway } = arrival;
    let user = match verdict {
        Verdict::User { user, .. } => Some(user),
        _ => None,
    };
    let context = user.and_then(|user| user.variable("user_context")).unwrap_or(&settings.context);
    let mut caller = caller::of_invite(invite, &flow.remote.ip().to_string(), settings, context);
    caller.profile.uuid = uuid;
    caller.profile.created_us = received_us;
    let mut variables = variables::of_invite(invite, flow, settings, own, received_us);
    caller::describe(&caller, &mut variables);
    if settings.inbound_bypass {
        variables.set("bypass_media", "true");
    } else if settings.inbound_proxy {
        variables.set("proxy_media", "true");
    }
    match verdict {
        Verdict::User { user, realm } => authorize(&mut variables, user, realm, invite),
        Verdict::Anonymous { acl: Some(acl) } => variables.set("sip_acl_authed_by", acl),
        _ => {}
    }
    if let Some(gateway) = gateway {
        come_from(gateway, invite, &mut caller.profile, &mut variables);
    }
    Facts {
        profile: caller.profile,
        variables,
        max_forwards: invite.number(HeaderId::MaxForwards).unwrap_or(MAX_FORWARDS),
    }
}

/// A call of a gateway is for its extension: as written, the user of To (`auto_to_user`), or else its user name.
fn come_from(gateway: &Gateway, invite: &Message, profile: &mut CallerProfile, variables: &mut Variables) {
    let to = || invite.address(HeaderId::To).and_then(|to| Some(to.parsed_uri().ok()?.user_text()));
    let extension = match gateway.extension.as_deref() {
        Some(extension) if extension.eq_ignore_ascii_case("auto_to_user") => to(),
        Some(extension) => Some(extension.to_owned()),
        None => Some(gateway.username.clone()).filter(|name| !name.is_empty()),
    };
    if let Some(extension) = extension {
        profile.destination_number = clean(&extension).into_owned();
    }
    if let Some(context) = &gateway.context {
        profile.context.clone_from(context);
    }
    variables.set("sip_gateway", &gateway.name);
    for variable in gateway.variables.iter().filter(|variable| variable.inbound) {
        variables.set(&variable.name, &variable.value);
    }
}

/// What a proven user brings along. The directory is ours: its values may hold expansions.
fn authorize(variables: &mut Variables, user: &Arc<User>, realm: &str, invite: &Message) {
    variables.set("sip_authorized", "true");
    variables.set("sip_auth_username", &user.id);
    variables.set("sip_auth_realm", realm);
    variables.set("user_name", &user.id);
    variables.set("domain_name", &user.domain);
    variables.set("presence_id", &format!("{}@{}", user.id, user.domain));
    if let Some(alias) = user.attribute("number-alias") {
        variables.set("sip_number_alias", alias);
    }
    for (name, value) in &user.variables {
        variables.set(name, value);
    }
    tracing::debug!(user = %user.id, call_id = %text(invite.call_id()), "caller is a known user");
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::testing::{flow, invite, profile};
    use super::*;
    use crate::engine::config::SipProfile;
    use crate::engine::xml::{NoFiles, load};

    fn facts_of(verdict: &Verdict) -> Facts {
        facts(arrival(&invite("Max-Forwards: 20\r\n"), verdict))
    }

    fn arrival<'a>(invite: &'a Message, verdict: &'a Verdict) -> Arrival<'a> {
        static FLOW: LazyLock<Flow> = LazyLock::new(flow);
        static PROFILE: LazyLock<ProfileSettings> = LazyLock::new(profile);
        Arrival {
            invite,
            flow: &FLOW,
            settings: &PROFILE,
            verdict,
            own: false,
            uuid: "u-1".to_owned(),
            received_us: 5,
            gateway: None,
        }
    }

    #[test]
    fn strangers_stay_in_the_context_of_the_profile() {
        let facts = facts_of(&Verdict::Anonymous { acl: Some("lan".to_owned()) });
        assert_eq!((&*facts.profile.context, &*facts.profile.uuid, facts.max_forwards), ("public", "u-1", 20));
        assert_eq!(facts.variables.get("sip_acl_authed_by"), Some("lan"));
        assert_eq!(facts.variables.get("sip_authorized"), None);
        assert_eq!(facts.variables.get("channel_name"), Some("sofia/internal/+1000@example.org"));
    }

    #[test]
    fn calls_of_a_gateway_are_for_its_extension() {
        let gateway = |extension: &str| {
            let text = format!(
                "<document><section name=\"configuration\"><configuration name=\"sofia.conf\"><profiles><profile name=\"p\">\
                 <gateways><gateway name=\"g\"><param name=\"username\" value=\"me\"/><param name=\"password\" value=\"x\"/>\
                 <param name=\"context\" value=\"carrier\"/>{extension}<variables><variable name=\"in\" value=\"1\" direction=\"inbound\"/>\
                 <variable name=\"out\" value=\"1\" direction=\"outbound\"/></variables></gateway></gateways></profile></profiles>\
                 </configuration></section></document>"
            );
            let root = load("p.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
            SipProfile::read(&root, &mut Vec::new()).remove(0).gateways.remove(0)
        };
        let called = |extension: &str| {
            let gateway = gateway(extension);
            let facts =
                facts(Arrival { gateway: Some(&gateway), ..arrival(&invite(""), &Verdict::Anonymous { acl: None }) });
            assert_eq!((&*facts.profile.context, facts.variables.get("sip_gateway")), ("carrier", Some("g")));
            assert_eq!((facts.variables.get("in"), facts.variables.get("out")), (Some("1"), None));
            facts.profile.destination_number
        };
        assert_eq!(called(""), "me");
        assert_eq!(called("<param name=\"extension\" value=\"100\"/>"), "100");
        assert_eq!(called("<param name=\"extension\" value=\"auto_to_user\"/>"), "2000");
    }

    #[test]
    fn users_bring_their_variables() {
        let user = User {
            id: "1000".to_owned(),
            domain: "example.org".to_owned(),
            variables: vec![
                ("user_context".to_owned(), "default".to_owned()),
                ("accountcode".to_owned(), "42".to_owned()),
            ],
            ..User::default()
        };
        let facts = facts_of(&Verdict::User { user: Arc::new(user), realm: "example.org".to_owned() });
        assert_eq!(facts.profile.context, "default");
        for (name, value) in
            [("sip_authorized", "true"), ("user_name", "1000"), ("domain_name", "example.org"), ("accountcode", "42")]
        {
            assert_eq!(facts.variables.get(name), Some(value), "{name}");
        }
    }
}
