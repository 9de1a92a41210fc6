//! What a SIP endpoint is started with.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::call::leg::{Headers, SessionRules};
use crate::edge::net::TcpLimits;
use crate::engine::config::{AuthCalls, Gateway, SipProfile};
use crate::engine::sip::auth::Algorithm;
use crate::engine::sip::registrar::{Multiple, Rules};
use crate::engine::sip::{BanRules, HeaderId, Message, StackConfig};
use crate::words::model::{falsy, truthy};

/// Methods served: text of `Allow`.
const ALLOW: [&str; 12] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "MESSAGE",
    "INFO",
    "UPDATE",
    "REGISTER",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
];

/// Shortest time between keep-alives on one TCP connection, ms.
const SHORTEST_PING_MS: u64 = 1000;
/// Shortest session timer that is taken when `minimum-session-expires` does not say, seconds.
const SHORTEST_SESSION_S: u32 = 120;
/// The least that may be said there (RFC 4028 5), seconds.
const LEAST_SESSION_S: u32 = 90;
/// Extensions that a profile may switch off or on.
const OPTIONAL: [&str; 2] = ["timer", "100rel"];

/// Settings of a [`super::SipEndpoint`], fixed for its life.
#[derive(Debug, Clone)]
pub struct SipSettings {
    /// Where to listen, UDP and TCP; port 0 lets the system choose one for both. Empty: where the profiles say. An address
    /// that no profile names belongs to the first profile.
    pub listen: Vec<SocketAddr>,
    /// The profiles; there must be one.
    pub profiles: Vec<ProfileSettings>,
    /// Threads, each with its own stack; 0: one for every two cores.
    pub shards: usize,
    /// Calls at once over all shards, either direction; beyond, INVITEs are answered 503.
    pub max_legs: usize,
    /// TCP connections.
    pub tcp: TcpLimits,
    /// The stack of each shard.
    pub stack: StackConfig,
    /// Name servers that are asked; none: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Longest time for the resolution of one host name.
    pub resolve: Duration,
    /// Folder of traced calls.
    pub traces: PathBuf,
}

impl Default for SipSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            profiles: vec![ProfileSettings::from(&SipProfile::default())],
            shards: 0,
            max_legs: 20_000,
            tcp: TcpLimits::default(),
            stack: StackConfig {
                user_agent: concat!("switch/", env!("CARGO_PKG_VERSION")).to_owned(),
                allow: ALLOW.map(str::to_owned).to_vec(),
                undecided: OPTIONAL.map(str::to_owned).to_vec(),
                ..StackConfig::default()
            },
            name_servers: Vec::new(),
            resolve: Duration::from_secs(5),
            traces: PathBuf::from("traces"),
        }
    }
}

/// Where the realm of a challenge comes from (`challenge-realm`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Realm {
    /// Host of To.
    To,
    /// Host of From.
    From,
    /// This text.
    Fixed(String),
}

/// One profile, as its calls need it.
#[derive(Debug, Clone)]
pub struct ProfileSettings {
    /// Its name.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// Context of callers that are not known.
    pub context: String,
    /// Dialplan of its callers.
    pub dialplan: String,
    /// Text of User-Agent; none: the switch's own.
    pub user_agent: Option<String>,
    /// Codecs taken from callers.
    pub codecs_inbound: Arc<str>,
    /// Codecs offered to called parties.
    pub codecs_outbound: Arc<str>,
    /// `generous`, `greedy` or `scrooge`.
    pub negotiation: Arc<str>,
    /// Payload number of telephone events.
    pub dtmf_payload: u8,
    /// Session timers (`enable-timer`, `session-timeout`, `minimum-session-expires`).
    pub session: SessionRules,
    /// Telephones behind NAT are sent OPTIONS (`nat-options-ping`).
    pub nat_options_ping: bool,
    /// Quiet TCP connections are sent a keep-alive this often (`tcp-pingpong`, ms); of several profiles the shortest counts.
    pub tcp_ping: Option<Duration>,
    /// One that does not answer them is no longer registered (`unregister-on-options-fail`).
    pub unregister_on_options_fail: bool,
    /// NAPTR records are not asked for (`disable-naptr`).
    pub disable_naptr: bool,
    /// SRV records are not asked for (`disable-srv`).
    pub disable_srv: bool,
    /// A 503 does not make the next server be tried (`disable-srv503`).
    pub disable_srv503: bool,
    /// Callers may leave the offer to us (`enable-3pcc`), as by default.
    pub late_offers: bool,
    /// Callers' media passes by us (`inbound-bypass-media`), or through us untouched (`inbound-proxy-media`).
    pub inbound_bypass: bool,
    /// See above.
    pub inbound_proxy: bool,
    /// Reliable provisional responses (`enable-100rel`).
    pub reliable: bool,
    /// Seconds without RTP that end a call, 0 never.
    pub rtp_timeout_s: u32,
    /// The same while held.
    pub rtp_hold_timeout_s: u32,
    /// Address of RTP sockets; none: that of SIP towards the peer.
    pub rtp_ip: Option<IpAddr>,
    /// Our address for peers outside the local network, in SIP.
    pub ext_sip_ip: Option<IpAddr>,
    /// The same in SDP.
    pub ext_rtp_ip: Option<IpAddr>,
    /// Which callers must prove who they are (`auth-calls`).
    pub auth_calls: AuthCalls,
    /// Callers are not asked all the same (`accept-blind-auth`).
    pub accept_blind_auth: bool,
    /// Realm of challenges.
    pub realm: Realm,
    /// Directory domain of all callers; none: the realm (`force-register-domain`).
    pub domain: Option<String>,
    /// How long a nonce is good (`nonce-ttl`), T1x64 not counted.
    pub nonce_ttl: Duration,
    /// Address lists and networks whose callers need no credentials (`apply-inbound-acl`).
    pub inbound_acl: Vec<String>,
    /// The called identity is the whole URI of the request (`full-id-in-dialplan`).
    pub full_id: bool,
    /// Anybody may register (`accept-blind-reg`).
    pub accept_blind_reg: bool,
    /// Who subscribes must prove who it is (`auth-subscriptions`), as by default.
    pub auth_subscriptions: bool,
    /// Nobody may (`disable-register`).
    pub disable_register: bool,
    /// Lists and networks that may register without credentials, and nobody else (`apply-register-acl`).
    pub register_acl: Vec<String>,
    /// Hashes that are asked for, most wanted first (`rfc8760-auth-algorithms`).
    pub algorithms: Vec<Algorithm>,
    /// Domain that registrations are kept under; none: that of To (`force-register-db-domain`).
    pub binding_domain: Option<String>,
    /// Rules of registrations, those of users apart.
    pub registration: Rules,
    /// When sources are shut out (`ban-failures`, `ban-requests-per-second`, `ban-seconds`).
    pub ban: BanRules,
    /// Lists and networks that never are (`ban-exempt`).
    pub ban_exempt: Vec<String>,
    /// Its gateways.
    pub gateways: Vec<Arc<Gateway>>,
}

impl ProfileSettings {
    /// Whether an extension is used here; those that no profile decides about are.
    pub fn supports(&self, extension: &str) -> bool {
        match extension {
            "timer" => self.session.enabled,
            "100rel" => self.reliable,
            _ => true,
        }
    }

    /// Supported and Allow, where they are not those of the stack.
    pub fn capabilities(&self, stack: &StackConfig) -> Headers {
        let mut headers = Headers::new();
        let usual: Vec<&str> = stack.supported.iter().map(String::as_str).collect();
        let mut own: Vec<&str> = usual.iter().copied().filter(|name| self.supports(name)).collect();
        if self.reliable {
            own.push("100rel");
            headers.push(("Allow".to_owned(), format!("{}, PRACK", stack.allow.join(", "))));
        }
        if own != usual {
            headers.push(("Supported".to_owned(), own.join(", ")));
        }
        headers
    }

    /// What a request requires and this profile does not do.
    pub fn unsupported(&self, request: &Message) -> Vec<&'static str> {
        OPTIONAL.into_iter().filter(|name| !self.supports(name) && request.lists(HeaderId::Require, name)).collect()
    }

    /// Whether it goes by this name, any case.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}

impl From<&SipProfile> for ProfileSettings {
    fn from(profile: &SipProfile) -> Self {
        let named = |name: &'static str| {
            let of_name = move |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
            profile.params.iter().filter(of_name).map(|(_, value)| value.trim())
        };
        let last = |name| named(name).next_back().filter(|value| !value.is_empty());
        let number = |name| last(name).and_then(|text: &str| text.parse::<u32>().ok());
        let nonce_ttl = number("nonce-ttl").unwrap_or(60);
        Self {
            name: profile.name.clone(),
            aliases: profile.aliases.clone(),
            listen: profile.listen.clone(),
            context: profile.context.clone(),
            dialplan: profile.dialplan.clone(),
            user_agent: profile.user_agent.clone(),
            codecs_inbound: Arc::from(&*profile.codecs_inbound),
            codecs_outbound: Arc::from(&*profile.codecs_outbound),
            negotiation: Arc::from(&*profile.negotiation),
            dtmf_payload: profile.dtmf_payload,
            session: SessionRules {
                enabled: last("enable-timer").is_none_or(truthy),
                interval_s: number("session-timeout").unwrap_or(0),
                shortest_s: number("minimum-session-expires").map_or(SHORTEST_SESSION_S, |s| s.max(LEAST_SESSION_S)),
            },
            nat_options_ping: last("nat-options-ping").is_some_and(truthy),
            tcp_ping: number("tcp-pingpong")
                .filter(|ms| *ms > 0)
                .map(|ms| Duration::from_millis(u64::from(ms).max(SHORTEST_PING_MS))),
            unregister_on_options_fail: last("unregister-on-options-fail").is_some_and(truthy),
            disable_naptr: last("disable-naptr").is_some_and(truthy),
            disable_srv: last("disable-srv").is_some_and(truthy),
            disable_srv503: last("disable-srv503").is_some_and(truthy),
            late_offers: last("enable-3pcc").is_none_or(|text| !falsy(text)),
            inbound_bypass: last("inbound-bypass-media").is_some_and(truthy),
            inbound_proxy: last("inbound-proxy-media").is_some_and(truthy),
            reliable: last("enable-100rel").is_some_and(truthy),
            rtp_timeout_s: profile.rtp_timeout_s,
            rtp_hold_timeout_s: profile.rtp_hold_timeout_s,
            rtp_ip: profile.rtp_ip,
            ext_sip_ip: profile.ext_sip_ip,
            ext_rtp_ip: profile.ext_rtp_ip,
            auth_calls: profile.auth_calls,
            accept_blind_auth: last("accept-blind-auth").is_some_and(truthy),
            realm: match last("challenge-realm") {
                None => Realm::To,
                Some(text) if text.eq_ignore_ascii_case("auto_to") => Realm::To,
                Some(text) if text.eq_ignore_ascii_case("auto_from") => Realm::From,
                Some(text) => Realm::Fixed(text.to_owned()),
            },
            domain: last("force-register-domain").map(str::to_owned),
            nonce_ttl: Duration::from_secs(u64::from(u32::max(nonce_ttl, 1))),
            inbound_acl: named("apply-inbound-acl").map(str::to_owned).collect(),
            full_id: last("full-id-in-dialplan").is_some_and(truthy),
            accept_blind_reg: last("accept-blind-reg").is_some_and(truthy),
            auth_subscriptions: last("auth-subscriptions").is_none_or(truthy),
            disable_register: last("disable-register").is_some_and(truthy),
            register_acl: named("apply-register-acl").map(str::to_owned).collect(),
            algorithms: algorithms(last("rfc8760-auth-algorithms")),
            binding_domain: last("force-register-db-domain").map(str::to_owned),
            registration: registration(|name| last(name).map(str::to_owned)),
            ban: ban(|name| last(name).and_then(|text| text.parse().ok())),
            ban_exempt: match named("ban-exempt").map(str::to_owned).collect::<Vec<_>>() {
                lists if lists.is_empty() => vec!["loopback.auto".to_owned()],
                lists => lists,
            },
            gateways: profile.gateways.iter().cloned().map(Arc::new).collect(),
        }
    }
}

/// Hashes by name; none that is known: MD5.
fn algorithms(names: Option<&str>) -> Vec<Algorithm> {
    let wanted = names.into_iter().flat_map(|names| names.split(',')).filter_map(|name| match name.trim() {
        name if name.eq_ignore_ascii_case("MD5") => Some(Algorithm::Md5),
        name if name.eq_ignore_ascii_case("SHA-256") => Some(Algorithm::Sha256),
        _ => None,
    });
    let found: Vec<Algorithm> = wanted.collect();
    if found.is_empty() { vec![Algorithm::Md5] } else { found }
}

/// `multiple-registrations`: `contact`, `call-id`, or a true word for the latter.
pub(super) fn multiple(text: &str) -> Multiple {
    match text {
        text if text.eq_ignore_ascii_case("contact") => Multiple::Contact,
        text if text.eq_ignore_ascii_case("call-id") || truthy(text) => Multiple::CallId,
        _ => Multiple::No,
    }
}

fn registration(param: impl Fn(&'static str) -> Option<String>) -> Rules {
    let number = |name: &'static str| param(name).and_then(|text| text.parse::<u32>().ok());
    Rules {
        multiple: param("multiple-registrations").map(|text| multiple(&text)).unwrap_or_default(),
        most: number("max-registrations-per-extension").filter(|most| *most > 0),
        shortest: number("registration-min-expires").unwrap_or(0),
        force: number("sip-force-expires").filter(|seconds| *seconds > 0),
        floor: number("sip-force-expires-min").filter(|seconds| *seconds > 0),
        ceiling: number("sip-force-expires-max").filter(|seconds| *seconds > 0),
        margin: number("sip-expires-late-margin").unwrap_or(60),
        aggressive_nat: param("aggressive-nat-detection").is_some_and(|text| truthy(&text)),
    }
}

fn ban(number: impl Fn(&'static str) -> Option<u32>) -> BanRules {
    let usual = BanRules::default();
    BanRules {
        failures: number("ban-failures").unwrap_or(usual.failures),
        requests: number("ban-requests-per-second").unwrap_or(usual.requests),
        duration: number("ban-seconds").map_or(usual.duration, |seconds| Duration::from_secs(u64::from(seconds))),
        ..usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_of_a_profile_are_read() {
        let params = [
            ("accept-blind-auth", "true"),
            ("Challenge-Realm", "auto_from"),
            ("force-register-domain", "example.org"),
            ("nonce-ttl", "5"),
            ("apply-inbound-acl", "domains"),
            ("apply-inbound-acl", "10.0.0.0/8"),
        ];
        let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let profile = SipProfile { aliases: vec!["In".to_owned()], params, ..SipProfile::default() };
        let settings = ProfileSettings::from(&profile);
        assert!(settings.accept_blind_auth && settings.is_called("INTERNAL") && settings.is_called("in"));
        assert_eq!((&settings.realm, settings.domain.as_deref()), (&Realm::From, Some("example.org")));
        assert_eq!((settings.nonce_ttl.as_secs(), settings.inbound_acl.len()), (5, 2));
        let plain = ProfileSettings::from(&SipProfile::default());
        assert!(
            plain.realm == Realm::From
                && plain.auth_calls == AuthCalls::OwnDomains
                && !plain.accept_blind_auth
                && plain.inbound_acl.is_empty()
        );
    }
}
