//! From an accepted INVITE to what a call starts with: profile, variables, context. Pure.

use std::sync::Arc;

use super::auth::Verdict;
use super::caller;
use super::settings::ProfileSettings;
use super::variables;
use crate::engine::config::User;
use crate::engine::sip::messages::text;
use crate::engine::sip::{Flow, HeaderId, Message};
use crate::words::model::{CallerProfile, Variables};

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
}

/// Gathers all that a call starts with.
pub(super) fn facts(arrival: Arrival<'_>) -> Facts {
    let Arrival { invite, flow, settings, verdict, own, uuid, received_us } = arrival;
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
    match verdict {
        Verdict::User { user, realm } => authorize(&mut variables, user, realm, invite),
        Verdict::Anonymous { acl: Some(acl) } => variables.set("sip_acl_authed_by", acl),
        _ => {}
    }
    Facts {
        profile: caller.profile,
        variables,
        max_forwards: invite.number(HeaderId::MaxForwards).unwrap_or(MAX_FORWARDS),
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
    use super::super::testing::{flow, invite, profile};
    use super::*;

    fn facts_of(verdict: &Verdict) -> Facts {
        facts(Arrival {
            invite: &invite("Max-Forwards: 20\r\n"),
            flow: &flow(),
            settings: &profile(),
            verdict,
            own: false,
            uuid: "u-1".to_owned(),
            received_us: 5,
        })
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
