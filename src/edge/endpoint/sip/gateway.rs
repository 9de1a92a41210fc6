//! The gateways of all profiles: who they are, whether they may be called, and how a call to them looks.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    pub(super) settings: Arc<Gateway>,
    /// Index of its profile.
    pub(super) profile: usize,
    client: Mutex<Client>,
    /// Addresses that its names were last resolved to: calls from there are its own.
    addresses: Mutex<Vec<IpAddr>>,
}

impl Line {
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

/// All gateways.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    lines: Vec<Line>,
}

impl Gateways {
    pub(super) fn new(now: Instant, profiles: &[Arc<ProfileSettings>]) -> Self {
        let all =
            profiles.iter().enumerate().flat_map(|(at, profile)| profile.gateways.iter().map(move |one| (at, one)));
        let lines = all
            .map(|(profile, settings)| Line {
                client: Mutex::new(Client::new(now, client_settings(settings))),
                settings: Arc::clone(settings),
                profile,
                addresses: Mutex::default(),
            })
            .collect();
        Self { lines }
    }

    pub(super) fn all(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn get(&self, index: usize) -> Option<&Line> {
        self.lines.get(index)
    }

    /// A gateway by its name, or `profile::name`, any case.
    pub(super) fn named(&self, name: &str, profiles: &[Arc<ProfileSettings>]) -> Option<&Line> {
        let (profile, name) = name.split_once("::").map_or((None, name), |(profile, name)| (Some(profile), name));
        self.lines.iter().find(|line| {
            let on = |wanted: &str| profiles.get(line.profile).is_some_and(|profile| profile.is_called(wanted));
            line.settings.name.eq_ignore_ascii_case(name) && profile.is_none_or(on)
        })
    }

    /// The gateway that a call to this user part came from.
    pub(super) fn calling(&self, user: &str, remote: IpAddr) -> Option<&Line> {
        let line = self.lines.iter().find(|line| line.contact().0.eq_ignore_ascii_case(user))?;
        line.is_at(remote).then_some(line)
    }

    /// The gateway whose proxy this host is.
    pub(super) fn at_host(&self, host: &str) -> Option<&Line> {
        self.lines.iter().find(|line| host_of(&line.settings.proxy).eq_ignore_ascii_case(host))
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
