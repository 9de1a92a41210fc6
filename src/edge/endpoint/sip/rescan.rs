//! New settings for profiles that run: what a reload and `sofia profile <name> rescan` take over.
//!
//! Calls in progress keep the settings they began with. Sockets stay as they are, so what would need others waits for
//! the next start of the switch, and is named.

use std::fmt;
use std::sync::Arc;

use super::SipEndpoint;
use super::settings::ProfileSettings;
use super::shared::ToShard;

/// What a rescan leaves for the next start of the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unmet {
    /// Parameters of a profile that decide about its sockets.
    Sockets {
        /// The profile.
        profile: String,
        /// `sip-ip`, `sip-port` or `ext-sip-ip`.
        parameters: &'static str,
    },
    /// A profile that did not exist at the start.
    New(String),
    /// A profile that the configuration does not have any more; it goes on as it was.
    Gone(String),
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sockets { profile, parameters } => {
                write!(f, "profile {profile}: another {parameters} counts from the next start of the switch")
            }
            Self::New(profile) => write!(f, "profile {profile} is new: it begins with the next start of the switch"),
            Self::Gone(profile) => write!(
                f,
                "profile {profile} is not in the configuration any more: it goes on as it was until the switch is restarted"
            ),
        }
    }
}

impl SipEndpoint {
    /// Gives running profiles the settings of `found`, by their names: all of them, or the one called `only`. Gateways that
    /// are new begin, those that are gone end their registrations, those that changed register anew where that is needed.
    pub fn rescan(&self, found: Vec<ProfileSettings>, only: Option<&str>) -> Vec<Unmet> {
        let shared = &self.shared;
        let elsewhere = !shared.settings.listen.is_empty();
        let running = shared.listeners.profiles();
        let found: Vec<Arc<ProfileSettings>> = found.into_iter().map(Arc::new).collect();
        let mut unmet = Vec::new();
        let profiles: Vec<Arc<ProfileSettings>> = running
            .iter()
            .map(|profile| {
                if only.is_some_and(|only| !profile.is_called(only)) {
                    return Arc::clone(profile);
                }
                let new = found.iter().find(|one| one.name.eq_ignore_ascii_case(&profile.name));
                if let Some(new) = new {
                    return Arc::new(follow(profile, new, elsewhere, &mut unmet));
                }
                unmet.push(Unmet::Gone(profile.name.clone()));
                Arc::clone(profile)
            })
            .collect();
        if only.is_none() {
            let is_new = |one: &&Arc<ProfileSettings>| {
                !running.iter().any(|profile| profile.name.eq_ignore_ascii_case(&one.name))
            };
            unmet.extend(found.iter().filter(is_new).map(|one| Unmet::New(one.name.clone())));
        }
        shared.guard.follow(&profiles);
        shared.gateways.follow(super::shard::now(), &profiles);
        shared.listeners.set_profiles(profiles);
        if let Some(inbox) = shared.inboxes.first() {
            inbox.tell(ToShard::Gateways);
        }
        for unmet in &unmet {
            tracing::warn!("{unmet}");
        }
        unmet
    }
}

/// The new settings of a profile, but for its sockets. `elsewhere`: the command line said where to listen.
fn follow(
    profile: &ProfileSettings,
    new: &ProfileSettings,
    elsewhere: bool,
    unmet: &mut Vec<Unmet>,
) -> ProfileSettings {
    let mut left = |parameters| unmet.push(Unmet::Sockets { profile: profile.name.clone(), parameters });
    if new.listen != profile.listen && !elsewhere {
        left("sip-ip or sip-port");
    }
    if new.ext_sip_ip != profile.ext_sip_ip {
        left("ext-sip-ip");
    }
    ProfileSettings {
        name: profile.name.clone(),
        listen: profile.listen.clone(),
        ext_sip_ip: profile.ext_sip_ip,
        ..new.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_stay_and_are_named() {
        let old = ProfileSettings::from(&crate::engine::config::SipProfile::default());
        let elsewhere: Vec<std::net::SocketAddr> = vec!["127.0.0.1:5999".parse().unwrap()];
        let new = ProfileSettings {
            listen: elsewhere,
            ext_sip_ip: Some("192.0.2.1".parse().unwrap()),
            context: "other".to_owned(),
            ..old.clone()
        };
        let mut unmet = Vec::new();
        let got = follow(&old, &new, false, &mut unmet);
        assert_eq!((got.context.as_str(), &got.listen, got.ext_sip_ip), ("other", &old.listen, None));
        let words: Vec<String> = unmet.iter().map(ToString::to_string).collect();
        let name = &old.name;
        assert_eq!(
            words,
            [
                format!("profile {name}: another sip-ip or sip-port counts from the next start of the switch"),
                format!("profile {name}: another ext-sip-ip counts from the next start of the switch"),
            ]
        );
        unmet.clear();
        follow(&old, &ProfileSettings { ext_sip_ip: None, ..new }, true, &mut unmet);
        assert!(unmet.is_empty(), "the command line said where");
    }
}
