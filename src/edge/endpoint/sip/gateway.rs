//! The gateways of all profiles: who they are, whether they may be called, and how a call to them looks.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::credentials::Credential;
use super::destination::{Hop, hop_of};
use super::settings::ProfileSettings;
use crate::call::administration::GatewayState;
use crate::engine::config::{Gateway, GatewayTransport};
use crate::engine::sip::Transport;
use crate::engine::sip::auth::Secret;
use crate::engine::sip::gateway::{Client, ClientSettings, ClientState};
use crate::engine::sip::messages::{Uri, percent_encode_user, text};
use crate::words::model::{Cause, Variables};

/// A gateway and its state.
#[derive(Debug)]
pub(super) struct Line {
    /// Of its account among all there ever were; it stays when other settings leave the registration what it is.
    pub(super) number: u64,
    pub(super) settings: Arc<Gateway>,
    /// Index of its profile.
    pub(super) profile: usize,
    client: Arc<Mutex<Client>>,
    /// Addresses that its names were last resolved to: calls from there are its own.
    addresses: Arc<Mutex<Vec<IpAddr>>>,
}

impl Line {
    fn new(number: u64, now: Instant, profile: usize, settings: Arc<Gateway>) -> Self {
        let client = Arc::new(Mutex::new(Client::new(now, client_settings(&settings))));
        Self { number, settings, profile, client, addresses: Arc::default() }
    }

    /// The same gateway with other settings. What does not concern its registration leaves that alone; another password,
    /// proxy or interval renews it; with another name or at another registrar it is another account, `number`.
    fn changed(&self, number: u64, now: Instant, settings: Arc<Gateway>) -> Self {
        let mut new = Self::new(number, now, self.profile, settings);
        if new.binding() != self.binding() {
            return new;
        }
        new.number = self.number;
        let hosts = |line: &Self| {
            let Gateway { proxy, register_proxy, outbound_proxy, .. } = &*line.settings;
            (proxy.clone(), register_proxy.clone(), outbound_proxy.clone())
        };
        let proof = |line: &Self| {
            let Gateway { auth_username, password, realm, from_domain, .. } = &*line.settings;
            (auth_username.clone(), password.clone(), realm.clone(), from_domain.clone())
        };
        let times = |line: &Self| client_settings(&line.settings);
        let same_hosts = hosts(&new) == hosts(self);
        if same_hosts {
            new.addresses = Arc::clone(&self.addresses);
        }
        if same_hosts && proof(&new) == proof(self) && times(&new) == times(self) {
            new.client = Arc::clone(&self.client);
        } else {
            let client = Client::renewed(now, times(&new), &self.client());
            new.client = Arc::new(Mutex::new(client));
        }
        new
    }

    /// What makes its registration one and the same to the registrar; none without one.
    fn binding(&self) -> Option<(String, (String, String), String, Transport)> {
        let Gateway { register, register_proxy, .. } = &*self.settings;
        register.then(|| (self.address_of_record(), self.contact(), host_of(register_proxy), transport(&self.settings)))
    }

    pub(super) fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an address of its.
    pub(super) fn found_at(&self, ip: IpAddr) {
        let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&ip) {
            // A name that wanders: the latest addresses count.
            if known.len() >= 8 {
                known.remove(0);
            }
            known.push(ip);
        }
    }

    fn is_at(&self, ip: IpAddr) -> bool {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).contains(&ip)
    }

    /// It, as its operator sees it.
    pub(super) fn seen(&self, profile: String) -> GatewayState {
        let settings = &*self.settings;
        let client = self.client();
        GatewayState {
            name: settings.name.clone(),
            profile,
            realm: settings.realm.clone(),
            username: settings.username.clone(),
            has_password: !settings.password.is_empty(),
            from: self.address_of_record(),
            contact: self.contact().0,
            extension: settings.extension.clone().unwrap_or_default(),
            proxy: settings.proxy.clone(),
            context: settings.context.clone().unwrap_or_default(),
            expires_s: settings.expire_s,
            ping_s: settings.ping_s,
            state: match client.state() {
                ClientState::NoRegistration => "NOREG",
                ClientState::Unregistered => "UNREGED",
                ClientState::Trying(_) => "TRYING",
                ClientState::Registered(_) => "REGED",
                ClientState::Waiting(_) => "FAIL_WAIT",
            },
            up: client.is_up(),
        }
    }

    /// What it takes to prove ourselves, to this gateway alone.
    pub(super) fn credential(&self) -> Option<Credential> {
        let Gateway { auth_username, password, realm, proxy, register_proxy, from_domain, .. } = &*self.settings;
        let hosts = [proxy, register_proxy].map(|proxy| host_of(proxy));
        (!password.is_empty()).then(|| Credential {
            user: auth_username.clone(),
            secret: Secret::Password(password.clone()),
            realms: [realm.clone(), from_domain.clone()].into_iter().chain(hosts).collect(),
        })
    }

    /// The next hop of a proxy of its.
    pub(super) fn hop(&self, proxy: &str) -> Option<Hop> {
        let uri = with_transport(with_scheme(proxy), &self.settings);
        hop_of(&Uri::parse(uri.as_bytes()).ok()?).ok()
    }

    /// Our name there, without brackets.
    pub(super) fn address_of_record(&self) -> String {
        let Gateway { from_user, from_domain, realm, username, .. } = &*self.settings;
        let domain = if is_automatic(from_domain) { realm } else { from_domain };
        let user = if from_user.is_empty() { username } else { from_user };
        format!("sip:{}@{domain}", percent_encode_user(user))
    }

    /// User part and parameters of our Contact.
    pub(super) fn contact(&self) -> (String, String) {
        let Gateway { name, extension, extension_in_contact, contact_params, .. } = &*self.settings;
        let user = match extension {
            Some(extension) if *extension_in_contact => extension.clone(),
            _ => format!("gw+{name}"),
        };
        let more = contact_params.trim_start_matches(';');
        let separator = if more.is_empty() { "" } else { ";" };
        (user, format!("gw={}{separator}{more}", percent_encode_user(name)))
    }

    /// From of a call: user and host may be those of the caller (`caller-id-in-from`, `auto-aleg-*`).
    pub(super) fn from(&self, caller: &str, a: Option<&Variables>) -> String {
        let gateway = &*self.settings;
        let of_a = |name: &str| a.and_then(|variables| variables.get(name)).filter(|text| !text.is_empty());
        let full = gateway.from_domain.eq_ignore_ascii_case("auto-aleg-full");
        let host = match of_a("sip_from_host") {
            Some(host) if is_automatic(&gateway.from_domain) => host,
            _ if is_automatic(&gateway.from_domain) => &gateway.realm,
            _ => &gateway.from_domain,
        };
        let own = if gateway.from_user.is_empty() { &gateway.username } else { &gateway.from_user };
        let user = match of_a("sip_from_user") {
            Some(user) if full => user,
            _ if gateway.caller_id_in_from || own.is_empty() => caller,
            _ => own,
        };
        format!("sip:{}@{host}", percent_encode_user(user))
    }

    /// URI and route of a number there. Parameters behind the number go to the URI; their transport must be the gateway's.
    pub(super) fn destination(&self, number: &str) -> Result<(String, Option<String>), Cause> {
        let gateway = &*self.settings;
        let (number, params) = number.split_once(';').map_or((number, ""), |(number, params)| (number, params));
        let asked = params.split(';').find_map(|param| param.split_once('=').filter(|(name, _)| *name == "transport"));
        if asked.is_some_and(|(_, value)| !value.eq_ignore_ascii_case(transport(gateway).name())) {
            return Err(Cause::DESTINATION_OUT_OF_ORDER);
        }
        let number = number.strip_prefix("sip:").unwrap_or(number);
        let base = if number.contains('@') {
            format!("sip:{number}")
        } else {
            let user = percent_encode_user(&format!("{}{number}", gateway.destination_prefix));
            format!("sip:{user}@{}", gateway.proxy.trim_start_matches("sip:"))
        };
        let uri = if params.is_empty() { base } else { format!("{base};{params}") };
        let route = match &gateway.outbound_proxy {
            Some(proxy) => Some(with_transport(with_scheme(proxy), gateway)),
            // A number with a host of its own still goes by way of the gateway.
            None if number.contains('@') => Some(with_transport(with_scheme(&gateway.proxy), gateway)),
            None => None,
        };
        Ok((with_transport(uri, gateway), route))
    }
}

/// All gateways. A rescan replaces them.
#[derive(Debug)]
pub(super) struct Gateways {
    lines: ArcSwap<Vec<Arc<Line>>>,
    next: AtomicU64,
}

impl Gateways {
    pub(super) fn new(now: Instant, profiles: &[Arc<ProfileSettings>]) -> Self {
        let new = Self { lines: ArcSwap::default(), next: AtomicU64::new(0) };
        new.follow(now, profiles);
        new
    }

    /// Takes over what the profiles say: gateways that are new, changed or gone. Those that stay as they are keep their
    /// state.
    pub(super) fn follow(&self, now: Instant, profiles: &[Arc<ProfileSettings>]) {
        let before = self.all();
        let all =
            profiles.iter().enumerate().flat_map(|(at, profile)| profile.gateways.iter().map(move |one| (at, one)));
        let lines = all.map(|(profile, settings)| {
            let known =
                |line: &&Arc<Line>| line.profile == profile && line.settings.name.eq_ignore_ascii_case(&settings.name);
            match before.iter().find(known) {
                Some(line) if line.settings == *settings => Arc::clone(line),
                Some(line) => Arc::new(line.changed(self.next_number(), now, Arc::clone(settings))),
                None => Arc::new(Line::new(self.next_number(), now, profile, Arc::clone(settings))),
            }
        });
        self.lines.store(Arc::new(lines.collect()));
    }

    fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn all(&self) -> Arc<Vec<Arc<Line>>> {
        self.lines.load_full()
    }

    fn find(&self, fits: impl Fn(&Line) -> bool) -> Option<Arc<Line>> {
        self.lines.load().iter().find(|line| fits(line)).cloned()
    }

    /// A gateway by its name, or `profile::name`, any case.
    pub(super) fn named(&self, name: &str, profiles: &[Arc<ProfileSettings>]) -> Option<Arc<Line>> {
        let (profile, name) = name.split_once("::").map_or((None, name), |(profile, name)| (Some(profile), name));
        self.find(|line| {
            let on = |wanted: &str| profiles.get(line.profile).is_some_and(|profile| profile.is_called(wanted));
            line.settings.name.eq_ignore_ascii_case(name) && profile.is_none_or(on)
        })
    }

    /// The gateway that a call to this user part came from.
    pub(super) fn calling(&self, user: &str, remote: IpAddr) -> Option<Arc<Line>> {
        let line = self.find(|line| line.contact().0.eq_ignore_ascii_case(user))?;
        line.is_at(remote).then_some(line)
    }

    /// The gateway whose proxy this host is.
    pub(super) fn at_host(&self, host: &str) -> Option<Arc<Line>> {
        self.find(|line| host_of(&line.settings.proxy).eq_ignore_ascii_case(host))
    }
}

pub(super) fn transport(gateway: &Gateway) -> Transport {
    match gateway.transport {
        GatewayTransport::Udp => Transport::Udp,
        GatewayTransport::Tcp => Transport::Tcp,
    }
}

fn client_settings(gateway: &Gateway) -> ClientSettings {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    ClientSettings {
        register: gateway.register,
        expires: gateway.expire_s,
        retry: seconds(gateway.retry_s),
        timeout: seconds(gateway.timeout_s),
        ping: (gateway.ping_s > 0).then(|| seconds(gateway.ping_s)),
        ping_min: gateway.ping_min,
        ping_max: gateway.ping_max,
    }
}

/// `auto-aleg-full`, `auto-aleg-domain`.
fn is_automatic(domain: &str) -> bool {
    domain.to_ascii_lowercase().starts_with("auto-aleg")
}

pub(super) fn with_scheme(proxy: &str) -> String {
    let has = |scheme: &str| proxy.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    if has("sip:") || has("sips:") { proxy.to_owned() } else { format!("sip:{proxy}") }
}

fn with_transport(uri: String, gateway: &Gateway) -> String {
    let named = Uri::parse(uri.as_bytes()).is_ok_and(|uri| uri.params.has("transport"));
    match gateway.transport {
        GatewayTransport::Tcp if !named => format!("{uri};transport=tcp"),
        _ => uri,
    }
}

fn host_of(proxy: &str) -> String {
    let uri = with_scheme(proxy);
    Uri::parse(uri.as_bytes()).map_or_else(|_| proxy.to_owned(), |uri| text(uri.host).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::config::SipProfile;
    use crate::engine::xml::{NoFiles, load};

    fn gateways(params: &[(&str, &str)]) -> (Gateways, Vec<Arc<ProfileSettings>>) {
        let param = |(name, value): &(&str, &str)| format!("<param name=\"{name}\" value=\"{value}\"/>");
        let params = params.iter().map(param).collect::<Vec<_>>().concat();
        let text = format!(
            "<document><section name=\"configuration\"><configuration name=\"sofia.conf\"><profiles><profile name=\"ext\">\
             <gateways><gateway name=\"g\">{params}</gateway></gateways></profile></profiles></configuration></section></document>"
        );
        let root = load("p.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
        let profiles = SipProfile::read(&root, &mut Vec::new());
        let profiles: Vec<_> = profiles.iter().map(|profile| Arc::new(ProfileSettings::from(profile))).collect();
        (Gateways::new(tokio::time::Instant::now().into_std(), &profiles), profiles)
    }

    #[test]
    fn changes_touch_the_registration_only_where_they_must() {
        let now = tokio::time::Instant::now().into_std();
        let base = [("username", "u"), ("password", "p"), ("realm", "r"), ("proxy", "h")];
        // Another value for a parameter; the last of equal names counts.
        for (change, same_number, same_client) in [
            (("context", "c"), true, true),
            (("caller-id-in-from", "true"), true, true),
            (("password", "q"), true, false),
            (("expire-seconds", "60"), true, false),
            (("outbound-proxy", "o"), true, false),
            (("proxy", "h:5070"), true, false),
            (("username", "v"), false, false),
            (("register-proxy", "elsewhere"), false, false),
            (("register-transport", "tcp"), false, false),
            (("extension", "200"), true, true),
            (("register", "false"), false, false),
        ] {
            let (all, _) = gateways(&base);
            let before = Arc::clone(&all.all()[0]);
            before.client().registered(now, 600);
            let (_, profiles) = gateways(&[base.as_slice(), &[change]].concat());
            all.follow(now, &profiles);
            let after = Arc::clone(&all.all()[0]);
            let got = (after.number == before.number, Arc::ptr_eq(&after.client, &before.client));
            assert_eq!(got, (same_number, same_client), "{change:?}");
            assert_eq!(after.client().is_up(), same_number || change.0 == "register", "{change:?}");
        }
        let (all, profiles) = gateways(&base);
        let before = Arc::clone(&all.all()[0]);
        all.follow(now, &profiles);
        assert!(Arc::ptr_eq(&before, &all.all()[0]), "nothing changed");
    }

    #[test]
    fn names() {
        let (gateways, profiles) = gateways(&[]);
        let found = |name: &str| gateways.named(name, &profiles).is_some();
        assert!(found("g") && found("G") && found("ext::g") && !found("int::g") && !found("h"));
    }

    #[test]
    fn numbers_become_uris() {
        let (gateways, _) = gateways(&[("proxy", "192.0.2.1:5070"), ("destination-prefix", "0")]);
        let line = &gateways.all()[0];
        let uri = |number: &str| line.destination(number);
        assert_eq!(uri("12 3"), Ok(("sip:012%203@192.0.2.1:5070".to_owned(), None)));
        assert_eq!(uri("12;a=b").unwrap().0, "sip:012@192.0.2.1:5070;a=b");
        assert_eq!(uri("12@x"), Ok(("sip:12@x".to_owned(), Some("sip:192.0.2.1:5070".to_owned()))));
        assert_eq!(uri("12;transport=tcp"), Err(Cause::DESTINATION_OUT_OF_ORDER));
        let (streams, _) = self::gateways(&[("proxy", "p"), ("register-transport", "tcp"), ("outbound-proxy", "o:7")]);
        let tcp = streams.all()[0].destination("1");
        assert_eq!(tcp, Ok(("sip:1@p;transport=tcp".to_owned(), Some("sip:o:7;transport=tcp".to_owned()))));
    }

    #[test]
    fn who_calls() {
        let a: Variables = [("sip_from_user", "5"), ("sip_from_host", "a.example")].into_iter().collect();
        let from = |params: &[(&str, &str)]| gateways(params).0.all()[0].from("77", Some(&a));
        let account = [("username", "u"), ("realm", "r")];
        assert_eq!(from(&account), "sip:u@r");
        assert_eq!(from(&[account[0], account[1], ("from-user", "f"), ("from-domain", "d")]), "sip:f@d");
        assert_eq!(from(&[account[0], account[1], ("caller-id-in-from", "true")]), "sip:77@r");
        assert_eq!(from(&[account[0], ("from-domain", "auto-aleg-domain")]), "sip:u@a.example");
        assert_eq!(from(&[account[0], ("from-domain", "auto-aleg-full")]), "sip:5@a.example");
        assert_eq!(from(&[("realm", "r")]), "sip:77@r");
    }

    #[test]
    fn credentials_are_for_the_gateway_alone() {
        let (gateways, _) = gateways(&[("username", "u"), ("password", "p"), ("realm", "r"), ("proxy", "sip:h:5070")]);
        let credential = gateways.all()[0].credential().unwrap();
        assert!(credential.is_for("r") && credential.is_for("H") && !credential.is_for("elsewhere"));
    }

    #[test]
    fn calls_from_a_gateway() {
        let (gateways, _) = gateways(&[]);
        let ip = "192.0.2.1".parse().unwrap();
        assert!(gateways.calling("gw+g", ip).is_none(), "its address is not known");
        gateways.all()[0].found_at(ip);
        assert!(gateways.calling("gw+g", ip).is_some() && gateways.calling("g", ip).is_none());
        assert!(gateways.calling("gw+g", "192.0.2.2".parse().unwrap()).is_none());
    }
}
