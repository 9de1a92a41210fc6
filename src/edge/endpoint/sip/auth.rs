//! Whether a caller may call or a telephone register, and as whom (`auth-calls`, `accept-blind-auth`, `accept-blind-reg`,
//! `apply-inbound-acl`, `apply-register-acl`, `rfc8760-auth-algorithms`), and who is shut out (`ban-*`).
//!
//! A caller without credentials is either asked for them or, where the profile asks nobody, stays in the profile's own
//! context: only a proven user reaches a `user_context`.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::settings::{ProfileSettings, Realm};
use crate::engine::config::{Access, AuthCalls, Directory, User};
use crate::engine::sip::auth::{Algorithm, Challenge, Credentials, NonceState, Nonces, Secret};
use crate::engine::sip::messages::text;
use crate::engine::sip::{Bans, HeaderId, Message, Offence};
use crate::words::model::truthy;
use crate::words::pattern::Pattern;

/// Nonces kept; the oldest give way.
const MOST_NONCES: usize = 20_000;
/// Sources watched for scanners.
const MOST_SOURCES: usize = 20_000;
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
        /// Realm of the credentials; the access list, where that named the user.
        realm: String,
    },
    /// 401 or 407 with these challenges, most wanted first.
    Challenge(Vec<String>),
    /// 403, whoever asks.
    Refused(&'static str),
    /// 403: the credentials prove nothing. The same for known and unknown users.
    Failed(&'static str),
}

/// A request, and what it is judged by.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) now: Instant,
    pub(super) request: &'a Message,
    pub(super) remote: SocketAddr,
    /// It came from one of our own listeners.
    pub(super) own: bool,
    pub(super) profile: &'a ProfileSettings,
    pub(super) directory: &'a Directory,
}

/// The nonces of all shards, and the sources that are shut out.
pub(super) struct Guard {
    nonces: Mutex<Nonces>,
    bans: Mutex<Bans>,
}

impl Guard {
    /// Nonces live as long as the profile that wants the longest.
    pub(super) fn new(profiles: &[Arc<ProfileSettings>]) -> Self {
        Self {
            nonces: Mutex::new(Nonces::new(nonce_life(profiles), MOST_NONCES)),
            bans: Mutex::new(Bans::new(MOST_SOURCES)),
        }
    }

    /// The profiles have new settings.
    pub(super) fn follow(&self, profiles: &[Arc<ProfileSettings>]) {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).set_life(nonce_life(profiles));
    }

    /// Whether a source is shut out.
    pub(super) fn is_banned(&self, now: Instant, ip: IpAddr) -> bool {
        self.bans.lock().unwrap_or_else(PoisonError::into_inner).is_banned(now, ip)
    }

    /// Forgets sources that did nothing for a while.
    pub(super) fn forget(&self, now: Instant) {
        self.bans.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
    }

    /// Counts what a source did against it, unless its network is exempt.
    pub(super) fn offence(&self, case: Case<'_>, offence: Offence) {
        let ip = case.remote.ip();
        if case.own || case.profile.ban_exempt.iter().any(|list| case.directory.access().ask(list, ip).allows()) {
            return;
        }
        let rules = &case.profile.ban;
        if self.bans.lock().unwrap_or_else(PoisonError::into_inner).note(case.now, ip, offence, rules) {
            tracing::warn!(%ip, ?offence, seconds = rules.duration.as_secs(), "source banned");
        }
    }

    /// Judges an INVITE.
    pub(super) fn judge(&self, case: Case<'_>) -> Verdict {
        let Case { profile, directory, remote, .. } = case;
        if let Some((acl, token)) = allowed_by(&profile.inbound_acl, directory, remote.ip()) {
            let user =
                token.and_then(|token| token.split_once('@')).and_then(|(id, domain)| directory.user(id, domain));
            return match user {
                Some(user) => Verdict::User { user: Arc::clone(user), realm: acl },
                None => Verdict::Anonymous { acl: Some(acl) },
            };
        }
        let wanted = match profile.auth_calls {
            AuthCalls::Never if !profile.inbound_acl.is_empty() => return Verdict::Refused("not in the access list"),
            AuthCalls::Never => false,
            AuthCalls::Always => true,
            AuthCalls::OwnDomains => !remote.ip().is_loopback() && claims_own_domain(case),
        };
        if case.own || !wanted || profile.accept_blind_auth {
            return Verdict::Anonymous { acl: None };
        }
        self.demand(case)
    }

    /// Judges a REGISTER. The user that proves itself must be the one that is registered.
    pub(super) fn judge_registration(&self, case: Case<'_>) -> Verdict {
        let Case { profile, directory, remote, .. } = case;
        if profile.disable_register {
            return Verdict::Refused("this profile takes no registrations");
        }
        if !profile.register_acl.is_empty() {
            return match allowed_by(&profile.register_acl, directory, remote.ip()) {
                Some((acl, _)) => Verdict::Anonymous { acl: Some(acl) },
                None => Verdict::Refused("not in the access list"),
            };
        }
        if profile.accept_blind_reg {
            return Verdict::Anonymous { acl: None };
        }
        let verdict = self.demand(case);
        let Verdict::User { user, .. } = &verdict else { return verdict };
        let to = case.request.address(HeaderId::To).and_then(|to| Some(to.parsed_uri().ok()?.user_text()));
        let same = directory.user(to.as_deref().unwrap_or_default(), &user.domain).is_some_and(|to| to.id == user.id);
        if !same {
            return Verdict::Failed("the credentials are another user's");
        }
        if user.param("sip-forbid-register").is_some_and(truthy) {
            return Verdict::Failed("the user may not register");
        }
        if let Some(filter) = user.param("user-agent-filter") {
            let agent = case.request.text(HeaderId::UserAgent).unwrap_or_default();
            if !Pattern::new(filter).is_match(&agent).unwrap_or(false) {
                return Verdict::Failed("the user may not use this telephone");
            }
        }
        verdict
    }

    /// Asks for credentials, or judges those that came.
    pub(super) fn demand(&self, case: Case<'_>) -> Verdict {
        let realm = realm(case.profile, case.request);
        let given: Vec<Credentials> = [HeaderId::ProxyAuthorization, HeaderId::Authorization]
            .into_iter()
            .flat_map(|id| case.request.values(id))
            .filter_map(|value| Credentials::parse(&text(value)))
            .collect();
        match given.iter().find(|given| given.realm == realm).or_else(|| given.first()) {
            None => Verdict::Challenge(self.challenges(case.now, &realm, false, &case.profile.algorithms)),
            Some(credentials) => self.check(case, credentials, &realm),
        }
    }

    /// A new challenge, for a refusal by the dialplan.
    pub(super) fn challenge(&self, now: Instant, realm: &str, stale: bool) -> String {
        self.challenges(now, realm, stale, &[Algorithm::Md5]).pop().unwrap_or_default()
    }

    /// One nonce, asked for once per hash.
    fn challenges(&self, now: Instant, realm: &str, stale: bool, algorithms: &[Algorithm]) -> Vec<String> {
        let nonce = uuid::Uuid::new_v4().to_string();
        let challenge = |algorithm: &Algorithm| {
            let (realm, nonce) = (realm.to_owned(), nonce.clone());
            let algorithm = *algorithm;
            Challenge { realm, nonce, opaque: None, algorithm, names_algorithm: true, qop: true, stale }.write()
        };
        let all = algorithms.iter().map(challenge).collect();
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).issue(now, nonce);
        all
    }

    fn check(&self, case: Case<'_>, credentials: &Credentials, realm: &str) -> Verdict {
        let Case { now, request, remote, profile, directory, .. } = case;
        let again = |stale| Verdict::Challenge(self.challenges(now, realm, stale, &profile.algorithms));
        if credentials.realm != realm || !profile.algorithms.contains(&credentials.algorithm) {
            return again(false);
        }
        let domain = profile.domain.as_deref().unwrap_or(&credentials.realm);
        let method = request.method().map_or("", |method| method.as_str());
        let Some(user) = directory.user(&credentials.user, domain) else {
            // As much work as for a user that exists, so that the time tells nothing.
            let _ = credentials.prove(&Secret::Password(String::new()), method);
            return Verdict::Failed("no such user");
        };
        if let Err(why) = proven(user, credentials, method) {
            return Verdict::Failed(why);
        }
        if let Some(list) = user.param("auth-acl")
            && !list.split(',').any(|entry| directory.access().ask(entry, remote.ip()).allows())
        {
            return Verdict::Failed("the user may not call from there");
        }
        let state = self.nonces.lock().unwrap_or_else(PoisonError::into_inner).redeem(now, credentials);
        match state {
            NonceState::Good => Verdict::User { user: Arc::clone(user), realm: credentials.realm.clone() },
            NonceState::Stale => again(true),
        }
    }
}

/// As long as the profile wants that wants the longest, and while its last request may be repeated.
fn nonce_life(profiles: &[Arc<ProfileSettings>]) -> Duration {
    let longest = profiles.iter().map(|profile| profile.nonce_ttl).max().unwrap_or(Duration::from_mins(1));
    longest + GRACE
}

fn proven(user: &User, credentials: &Credentials, method: &str) -> Result<(), &'static str> {
    if user.params.is_empty() {
        return Ok(());
    }
    let secret = match (user.param("a1-hash"), user.param("password").unwrap_or_default()) {
        (Some(hash), _) if !hash.is_empty() => Secret::A1Hash(hash.to_owned()),
        (_, "") if !user.param("allow-empty-password").is_some_and(truthy) => return Err("the user has no password"),
        (_, password) => Secret::Password(password.to_owned()),
    };
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

/// Whether From names a domain of the directory that has a user.
fn claims_own_domain(case: Case<'_>) -> bool {
    let from =
        case.request.address(HeaderId::From).and_then(|from| Some(from.parsed_uri().ok()?.host_text().into_owned()));
    !case.directory.users(from.as_deref().unwrap_or_default()).is_empty()
}

/// The first of these lists that lets the address in, and the user that it names.
fn allowed_by<'d>(lists: &[String], directory: &'d Directory, ip: IpAddr) -> Option<(String, Option<&'d str>)> {
    lists.iter().find_map(|list| match directory.access().ask(list, ip) {
        Access::Allowed { token } => Some((list.clone(), token)),
        Access::Denied => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invite, message, profile};
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
            let profile = ProfileSettings { auth_calls: AuthCalls::Always, ..profile() };
            Self {
                guard: Guard::new(&[Arc::new(profile.clone())]),
                profile,
                directory: directory(),
                now: tokio::time::Instant::now().into_std(),
            }
        }

        fn judge(&self, headers: &str) -> Verdict {
            self.guard.judge(self.case(&invite(headers)))
        }

        fn case<'a>(&'a self, request: &'a Message) -> Case<'a> {
            let remote = "192.0.2.1:5060".parse().unwrap();
            Case { now: self.now, request, remote, own: false, profile: &self.profile, directory: &self.directory }
        }

        fn challenge(&self) -> Challenge {
            let Verdict::Challenge(values) = self.judge("") else { panic!("not challenged") };
            Challenge::parse(&values[0]).unwrap()
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
        assert!(Challenge::parse(&again[0]).unwrap().stale);
        assert!(matches!(scene.answer(&challenge, "1000", "pw", 2), Verdict::User { .. }));
        assert!(matches!(scene.answer(&challenge, "free", "any", 3), Verdict::User { .. }));
    }

    #[test]
    fn refusals() {
        let scene = Scene::new();
        let challenge = scene.challenge();
        for (user, password) in [("1000", "wrong"), ("nobody", "pw"), ("1001", ""), ("1002", "pw")] {
            assert!(matches!(scene.answer(&challenge, user, password, 1), Verdict::Failed(_)), "{user}");
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
        assert_eq!(anonymous(&|profile| profile.auth_calls = AuthCalls::Never), Verdict::Anonymous { acl: None });
        assert_eq!(anonymous(&|profile| profile.accept_blind_auth = true), Verdict::Anonymous { acl: None });
        let acl = |entry: &str| vec![entry.to_owned()];
        assert!(matches!(
            anonymous(&|profile| profile.inbound_acl = acl("192.0.2.0/24")),
            Verdict::Anonymous { acl: Some(_) }
        ));
        assert!(matches!(anonymous(&|profile| profile.inbound_acl = acl("domains")), Verdict::Challenge(_)));
        let closed = anonymous(&|profile| {
            profile.inbound_acl = acl("loopback.auto");
            profile.auth_calls = AuthCalls::Never;
        });
        assert!(matches!(closed, Verdict::Refused(_)));
    }

    fn registration(user: &str, headers: &str) -> Message {
        message(&format!(
            "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:{user}@example.org>;tag=1\r\n\
             To: <sip:{user}@example.org>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n{headers}Content-Length: 0\r\n\r\n"
        ))
    }

    #[test]
    fn telephones_register_as_themselves_only() {
        let mut scene = Scene::new();
        scene.profile.algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
        let judge = |scene: &Scene, to: &str, headers: &str| {
            scene.guard.judge_registration(scene.case(&registration(to, headers)))
        };
        let Verdict::Challenge(values) = judge(&scene, "1000", "") else { panic!("not challenged") };
        let challenges: Vec<_> = values.iter().map(|value| Challenge::parse(value).unwrap()).collect();
        assert_eq!(challenges.iter().map(|one| one.algorithm).collect::<Vec<_>>(), [Algorithm::Sha256, Algorithm::Md5]);
        let secret = Secret::Password("pw".to_owned());
        let answer =
            |at: usize, count| challenges[at].answer("1000", &secret, "REGISTER", "sip:h", "c", count).unwrap();
        let given = |at: usize, count| format!("Authorization: {}\r\n", answer(at, count));
        assert!(matches!(judge(&scene, "1000", &given(0, 1)), Verdict::User { .. }));
        assert!(matches!(judge(&scene, "1000", &given(1, 2)), Verdict::User { .. }));
        assert!(matches!(judge(&scene, "1002", &given(1, 3)), Verdict::Failed(_)), "as another user");
        scene.profile.algorithms = vec![Algorithm::Md5];
        assert!(matches!(judge(&scene, "1000", &given(0, 4)), Verdict::Challenge(_)), "a hash that was not asked for");
        scene.profile.accept_blind_reg = true;
        assert_eq!(judge(&scene, "nobody", ""), Verdict::Anonymous { acl: None });
        scene.profile.disable_register = true;
        assert!(matches!(judge(&scene, "1000", ""), Verdict::Refused(_)));
    }

    #[test]
    fn our_own_domains_are_protected() {
        let mut scene = Scene::new();
        scene.profile.auth_calls = AuthCalls::OwnDomains;
        assert!(matches!(scene.judge(""), Verdict::Challenge(_)), "From is of example.org");
        let request = invite("");
        let here = Case { remote: "127.0.0.1:5060".parse().unwrap(), ..scene.case(&request) };
        assert_eq!(scene.guard.judge(here), Verdict::Anonymous { acl: None }, "programs of this machine are not asked");
        scene.directory = Directory::default();
        assert_eq!(scene.judge(""), Verdict::Anonymous { acl: None });
    }

    #[test]
    fn scanners_are_shut_out() {
        let scene = Scene::new();
        let request = invite("");
        let (case, ip) = (scene.case(&request), "192.0.2.1".parse().unwrap());
        for _ in 0..20 {
            assert!(!scene.guard.is_banned(scene.now, ip));
            scene.guard.offence(case, Offence::Failure);
        }
        assert!(scene.guard.is_banned(scene.now, ip));
        let exempt = Scene::new();
        let near = Case { remote: "127.0.0.1:5060".parse().unwrap(), ..exempt.case(&request) };
        (0..50).for_each(|_| exempt.guard.offence(near, Offence::Failure));
        assert!(!exempt.guard.is_banned(exempt.now, "127.0.0.1".parse().unwrap()));
    }
}
