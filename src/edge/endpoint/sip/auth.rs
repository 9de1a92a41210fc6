//! Whether a caller may call, and as whom (`auth-calls`, `accept-blind-auth`, `apply-inbound-acl`).
//!
//! A caller without credentials is either asked for them or, where the profile asks nobody, stays in the profile's own
//! context: only a proven user reaches a `user_context`.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::settings::{ProfileSettings, Realm};
use crate::engine::config::{Directory, User};
use crate::engine::sip::auth::{Algorithm, Challenge, Credentials, NonceState, Nonces, Secret};
use crate::engine::sip::messages::text;
use crate::engine::sip::{HeaderId, Message};
use crate::words::model::truthy;

/// Nonces kept; the oldest give way.
const MOST_NONCES: usize = 20_000;
/// A request may be repeated this long (T1 times 64).
const GRACE: Duration = Duration::from_secs(32);

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may pass, without anybody's rights.
    Anonymous {
        /// The ACL that let it pass, if any.
        acl: Option<String>,
    },
    /// It may pass with the rights of this user.
    User {
        /// The directory user.
        user: Arc<User>,
        /// Realm of the credentials.
        realm: String,
    },
    /// 407 with this value of Proxy-Authenticate.
    Challenge(String),
    /// 403.
    Refused(&'static str),
}

/// The nonces of all shards.
pub(super) struct Guard {
    nonces: Mutex<Nonces>,
}

impl Guard {
    /// Nonces live as long as the profile that wants the longest.
    pub(super) fn new(profiles: &[Arc<ProfileSettings>]) -> Self {
        let longest = profiles.iter().map(|profile| profile.nonce_ttl).max().unwrap_or(Duration::from_mins(1));
        Self { nonces: Mutex::new(Nonces::new(longest + GRACE, MOST_NONCES)) }
    }

    /// Judges an INVITE. `own`: it came from one of our own listeners.
    pub(super) fn judge(
        &self,
        now: Instant,
        invite: &Message,
        remote: SocketAddr,
        own: bool,
        profile: &ProfileSettings,
        directory: &Directory,
    ) -> Verdict {
        let acl = acl_of(profile, remote.ip());
        if acl.is_none() && !profile.inbound_acl.is_empty() && !profile.auth_calls {
            return Verdict::Refused("not in the access list");
        }
        if acl.is_some() || own || !profile.auth_calls || profile.accept_blind_auth {
            return Verdict::Anonymous { acl };
        }
        let realm = realm(profile, invite);
        let given: Vec<Credentials> = [HeaderId::ProxyAuthorization, HeaderId::Authorization]
            .into_iter()
            .flat_map(|id| invite.values(id))
            .filter_map(|value| Credentials::parse(&text(value)))
            .collect();
        match given.iter().find(|given| given.realm == realm).or_else(|| given.first()) {
            None => Verdict::Challenge(self.challenge(now, &realm, false)),
            Some(credentials) => self.check(now, invite, remote, credentials, &realm, profile, directory),
        }
    }

    /// A new challenge.
    pub(super) fn challenge(&self, now: Instant, realm: &str, stale: bool) -> String {
        let nonce = uuid::Uuid::new_v4().to_string();
        let challenge = Challenge {
            realm: realm.to_owned(),
            nonce: nonce.clone(),
            opaque: None,
            algorithm: Algorithm::Md5,
            names_algorithm: true,
            qop: true,
            stale,
        };
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).issue(now, nonce);
        challenge.write()
    }

    #[expect(clippy::too_many_arguments, reason = "one check over everything that is known")]
    fn check(
        &self,
        now: Instant,
        invite: &Message,
        remote: SocketAddr,
        credentials: &Credentials,
        realm: &str,
        profile: &ProfileSettings,
        directory: &Directory,
    ) -> Verdict {
        if credentials.realm != realm {
            return Verdict::Challenge(self.challenge(now, realm, false));
        }
        let domain = profile.domain.as_deref().unwrap_or(&credentials.realm);
        let Some(user) = directory.user(&credentials.user, domain) else {
            return Verdict::Refused("no such user");
        };
        if let Err(why) = proven(user, credentials, invite) {
            return Verdict::Refused(why);
        }
        if let Some(list) = user.param("auth-acl")
            && !list.split(',').any(|entry| holds(entry.trim(), remote.ip()))
        {
            return Verdict::Refused("the user may not call from there");
        }
        let state = self.nonces.lock().unwrap_or_else(PoisonError::into_inner).redeem(now, credentials);
        match state {
            NonceState::Good => Verdict::User { user: Arc::clone(user), realm: credentials.realm.clone() },
            NonceState::Stale => Verdict::Challenge(self.challenge(now, realm, true)),
        }
    }
}

fn proven(user: &User, credentials: &Credentials, invite: &Message) -> Result<(), &'static str> {
    if user.params.is_empty() {
        return Ok(());
    }
    let secret = match (user.param("a1-hash"), user.param("password").unwrap_or_default()) {
        (Some(hash), _) if !hash.is_empty() => Secret::A1Hash(hash.to_owned()),
        (_, "") if !user.param("allow-empty-password").is_some_and(truthy) => return Err("the user has no password"),
        (_, password) => Secret::Password(password.to_owned()),
    };
    let method = invite.method().map_or("", |method| method.as_str());
    if credentials.prove(&secret, method) { Ok(()) } else { Err("wrong password") }
}

fn realm(profile: &ProfileSettings, invite: &Message) -> String {
    let host = |id| {
        let address = invite.address(id)?;
        let uri = address.parsed_uri().ok()?;
        Some(uri.host_text().into_owned())
    };
    match &profile.realm {
        Realm::To => host(HeaderId::To).unwrap_or_default(),
        Realm::From => host(HeaderId::From).unwrap_or_default(),
        Realm::Fixed(text) => text.clone(),
    }
}

/// The first entry of `apply-inbound-acl` that holds the address.
fn acl_of(profile: &ProfileSettings, ip: IpAddr) -> Option<String> {
    profile.inbound_acl.iter().find(|entry| holds(entry, ip)).cloned()
}

/// A network or a list that needs no configuration. Named lists are not known here yet: they hold nobody, as FreeSWITCH
/// has it for unknown ones.
fn holds(entry: &str, ip: IpAddr) -> bool {
    if let Ok(network) = entry.parse::<IpNet>() {
        return network.contains(&ip);
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return address == ip;
    }
    entry.eq_ignore_ascii_case("loopback.auto") && ip.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invite, profile};
    use super::*;
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::Variables;

    fn directory() -> Directory {
        let text = r#"<document><section name="directory"><domain name="example.org">
            <user id="1000"><params><param name="password" value="pw"/></params></user>
            <user id="1001"><params><param name="password" value=""/></params></user>
            <user id="1002"><params><param name="password" value="pw"/><param name="auth-acl" value="10.0.0.0/8"/></params></user>
            <user id="free"/></domain></section></document>"#;
        Directory::read(&load("d.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap())
    }

    struct Scene {
        guard: Guard,
        profile: ProfileSettings,
        directory: Directory,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let profile = ProfileSettings { auth_calls: true, ..profile() };
            Self {
                guard: Guard::new(&[Arc::new(profile.clone())]),
                profile,
                directory: directory(),
                now: tokio::time::Instant::now().into_std(),
            }
        }

        fn judge(&self, headers: &str) -> Verdict {
            let remote = "192.0.2.1:5060".parse().unwrap();
            self.guard.judge(self.now, &invite(headers), remote, false, &self.profile, &self.directory)
        }

        fn challenge(&self) -> Challenge {
            let Verdict::Challenge(value) = self.judge("") else { panic!("not challenged") };
            Challenge::parse(&value).unwrap()
        }

        fn answer(&self, challenge: &Challenge, user: &str, password: &str, count: u32) -> Verdict {
            let secret = Secret::Password(password.to_owned());
            let answer = challenge.answer(user, &secret, "INVITE", "sip:2000@h", "c", count).unwrap();
            self.judge(&format!("Proxy-Authorization: {answer}\r\n"))
        }
    }

    #[test]
    fn a_user_proves_itself() {
        let scene = Scene::new();
        let challenge = scene.challenge();
        assert_eq!((&*challenge.realm, challenge.qop, challenge.stale), ("example.org", true, false));
        let Verdict::User { user, realm } = scene.answer(&challenge, "1000", "pw", 1) else { panic!() };
        assert_eq!((&*user.id, &*realm), ("1000", "example.org"));
        let Verdict::Challenge(again) = scene.answer(&challenge, "1000", "pw", 1) else { panic!("replayed") };
        assert!(Challenge::parse(&again).unwrap().stale);
        assert!(matches!(scene.answer(&challenge, "1000", "pw", 2), Verdict::User { .. }));
        assert!(matches!(scene.answer(&challenge, "free", "any", 3), Verdict::User { .. }));
    }

    #[test]
    fn refusals() {
        let scene = Scene::new();
        let challenge = scene.challenge();
        for (user, password) in [("1000", "wrong"), ("nobody", "pw"), ("1001", ""), ("1002", "pw")] {
            assert!(matches!(scene.answer(&challenge, user, password, 1), Verdict::Refused(_)), "{user}");
        }
        let foreign = Challenge { nonce: "made-up".to_owned(), ..challenge.clone() };
        assert!(matches!(scene.answer(&foreign, "1000", "pw", 1), Verdict::Challenge(_)));
        let elsewhere = Challenge { realm: "other".to_owned(), ..challenge };
        assert!(matches!(scene.answer(&elsewhere, "1000", "pw", 1), Verdict::Challenge(_)));
    }

    #[test]
    fn who_is_not_asked() {
        let anonymous = |change: &dyn Fn(&mut ProfileSettings)| {
            let mut scene = Scene::new();
            change(&mut scene.profile);
            scene.judge("")
        };
        assert_eq!(anonymous(&|profile| profile.auth_calls = false), Verdict::Anonymous { acl: None });
        assert_eq!(anonymous(&|profile| profile.accept_blind_auth = true), Verdict::Anonymous { acl: None });
        let acl = |entry: &str| vec![entry.to_owned()];
        assert!(matches!(
            anonymous(&|profile| profile.inbound_acl = acl("192.0.2.0/24")),
            Verdict::Anonymous { acl: Some(_) }
        ));
        assert!(matches!(anonymous(&|profile| profile.inbound_acl = acl("domains")), Verdict::Challenge(_)));
        let closed = anonymous(&|profile| {
            profile.inbound_acl = acl("loopback.auto");
            profile.auth_calls = false;
        });
        assert!(matches!(closed, Verdict::Refused(_)));
    }
}
