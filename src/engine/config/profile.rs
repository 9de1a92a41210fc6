//! SIP profiles: `sofia.conf`, read into typed settings once at load.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Gateway;
use crate::engine::xml::{Element, Text};
use crate::words::model::truthy;
use crate::words::text::Diagnostic;

/// Codecs of a profile that names none.
const CODECS: &str = "PCMU,PCMA";

/// Which callers must prove who they are (`auth-calls`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthCalls {
    /// None.
    #[default]
    Never,
    /// All but those of an access list.
    Always,
    /// Who claims to be of a domain of the directory, once that holds a user, and is not on this machine. The default
    /// profile does so: nobody can speak as one of our users, and a carrier need not be configured.
    OwnDomains,
}

/// One SIP profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipProfile {
    /// Attribute `name`.
    pub name: String,
    /// Other names, `all` excepted.
    pub aliases: Vec<String>,
    /// Where it listens, UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// Context of its inbound calls (`context`).
    pub context: String,
    /// Dialplan of its inbound calls (`dialplan`).
    pub dialplan: String,
    /// Text of User-Agent (`user-agent-string`); none: the switch's own.
    pub user_agent: Option<String>,
    /// Codecs taken from callers, most wanted first (`inbound-codec-prefs`).
    pub codecs_inbound: String,
    /// Codecs offered to called parties (`outbound-codec-prefs`).
    pub codecs_outbound: String,
    /// `generous`, `greedy` or `scrooge` (`inbound-codec-negotiation`).
    pub negotiation: String,
    /// Payload number offered for telephone events, 96..=127 (`rfc2833-pt`).
    pub dtmf_payload: u8,
    /// Seconds without RTP that end a call, 0 never (`rtp-timeout-sec`).
    pub rtp_timeout_s: u32,
    /// The same while held (`rtp-hold-timeout-sec`).
    pub rtp_hold_timeout_s: u32,
    /// Address of the RTP sockets; none: that of SIP (`rtp-ip`).
    pub rtp_ip: Option<IpAddr>,
    /// Address written into SIP messages instead of our own (`ext-sip-ip`).
    pub ext_sip_ip: Option<IpAddr>,
    /// Address written into SDP instead of our own (`ext-rtp-ip`).
    pub ext_rtp_ip: Option<IpAddr>,
    /// Which callers must prove who they are (`auth-calls`).
    pub auth_calls: AuthCalls,
    /// Its gateways.
    pub gateways: Vec<Gateway>,
    /// Every param as it was written, in order.
    pub params: Vec<(String, String)>,
}

impl Default for SipProfile {
    /// What is used without any profile: `internal`, also called `external`, on port 5060 of all addresses, context
    /// `public`, credentials asked of who speaks as one of our users.
    fn default() -> Self {
        Self {
            name: "internal".to_owned(),
            aliases: vec!["external".to_owned()],
            listen: vec![
                SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 5060),
                SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 5060),
            ],
            context: "public".to_owned(),
            dialplan: "XML".to_owned(),
            user_agent: None,
            codecs_inbound: CODECS.to_owned(),
            codecs_outbound: CODECS.to_owned(),
            negotiation: "generous".to_owned(),
            dtmf_payload: 101,
            rtp_timeout_s: 0,
            rtp_hold_timeout_s: 0,
            rtp_ip: None,
            ext_sip_ip: None,
            ext_rtp_ip: None,
            auth_calls: AuthCalls::OwnDomains,
            gateways: Vec::new(),
            params: vec![("challenge-realm".to_owned(), "auto_from".to_owned())],
        }
    }
}

impl SipProfile {
    /// The profiles of a document's `sofia.conf`, in order; of equal names the first counts. None there: the default one.
    /// Values that cannot be used are reported and leave the default.
    pub fn read(root: &Element, found: &mut Vec<Diagnostic>) -> Vec<Self> {
        let configuration = root
            .find("section", "name", "configuration")
            .and_then(|section| section.find("configuration", "name", "sofia.conf"));
        let mut profiles: Vec<Self> = Vec::new();
        let elements = configuration.into_iter().flat_map(|configuration| configuration.named("profiles"));
        for element in elements.flat_map(|profiles| profiles.named("profile")) {
            let Some(name) = element.attribute("name") else {
                let message = "a profile without a name is not started";
                found.push(Diagnostic::error("nameless-profile", element.span, message).remedy("give it a name"));
                continue;
            };
            if profiles.iter().any(|known| known.name.eq_ignore_ascii_case(&name.text)) {
                let message = format!("profile \"{}\" is defined above; this one is dead", name.text);
                found.push(Diagnostic::error("duplicate-profile", name.span, message).remedy("give it another name"));
                continue;
            }
            profiles.push(Self::of(&name.text, element, found));
        }
        if profiles.is_empty() {
            profiles.push(Self::default());
        }
        profiles
    }

    fn of(name: &str, element: &Element, found: &mut Vec<Diagnostic>) -> Self {
        let mut profile = Self {
            name: name.to_owned(),
            auth_calls: AuthCalls::Never,
            gateways: Gateway::read_all(element, found),
            params: Vec::new(),
            ..Self::default()
        };
        let aliases = element.named("aliases").flat_map(|aliases| aliases.named("alias"));
        profile.aliases = aliases.filter_map(|alias| alias.attribute("name")).map(|name| name.text.clone()).collect();
        let (mut ip, mut port) = (None, 5060);
        for param in element.named("settings").flat_map(|settings| settings.named("param")) {
            let (Some(name), Some(value)) = (param.attribute("name"), param.attribute("value")) else { continue };
            let text = value.text.trim();
            profile.params.push((name.text.clone(), value.text.clone()));
            let mut bad = |wanted: &str| {
                let message = format!("\"{text}\" is no value of {}", name.text);
                found.push(Diagnostic::error("bad-param", value.span, message).remedy(wanted.to_owned()));
            };
            match name.text.to_ascii_lowercase().as_str() {
                "sip-ip" => match address(value) {
                    None => bad("write an IP address"),
                    known => ip = known,
                },
                "sip-port" => match text.parse() {
                    Ok(number) => port = number,
                    Err(_) => bad("write a port, 0 to 65535 (0: chosen by the system)"),
                },
                "context" => text.clone_into(&mut profile.context),
                "dialplan" => text.clone_into(&mut profile.dialplan),
                "user-agent-string" => profile.user_agent = Some(text.to_owned()),
                "codec-prefs" => {
                    text.clone_into(&mut profile.codecs_inbound);
                    text.clone_into(&mut profile.codecs_outbound);
                }
                "inbound-codec-prefs" => text.clone_into(&mut profile.codecs_inbound),
                "outbound-codec-prefs" => text.clone_into(&mut profile.codecs_outbound),
                "inbound-codec-negotiation" => match text.to_ascii_lowercase() {
                    known if ["generous", "greedy", "scrooge"].contains(&known.as_str()) => profile.negotiation = known,
                    _ => bad("write generous, greedy or scrooge"),
                },
                "rfc2833-pt" => match text.parse() {
                    Ok(number @ 96..=127) => profile.dtmf_payload = number,
                    _ => bad("write a payload number, 96 to 127"),
                },
                "rtp-timeout-sec" => match text.parse() {
                    Ok(seconds) => profile.rtp_timeout_s = seconds,
                    Err(_) => bad("write a number of seconds; 0 never ends a call"),
                },
                "rtp-hold-timeout-sec" => match text.parse() {
                    Ok(seconds) => profile.rtp_hold_timeout_s = seconds,
                    Err(_) => bad("write a number of seconds; 0 never ends a call"),
                },
                "rtp-ip" => match address(value) {
                    None => bad("write an IP address"),
                    known => profile.rtp_ip = known,
                },
                "ext-sip-ip" if !automatic(text) => match address(value) {
                    None => bad("write an IP address"),
                    known => profile.ext_sip_ip = known,
                },
                "ext-rtp-ip" if !automatic(text) => match address(value) {
                    None => bad("write an IP address"),
                    known => profile.ext_rtp_ip = known,
                },
                "auth-calls" if truthy(text) => profile.auth_calls = AuthCalls::Always,
                _ => {}
            }
        }
        profile.listen = match ip {
            Some(ip) => vec![SocketAddr::new(ip, port)],
            None => profile.listen.iter().map(|address| SocketAddr::new(address.ip(), port)).collect(),
        };
        profile
    }
}

fn address(value: &Text) -> Option<IpAddr> {
    value.text.trim().trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Words that ask for discovery of the outside address, which stays our own until there is any.
fn automatic(text: &str) -> bool {
    text.to_ascii_lowercase().starts_with("auto") || text.starts_with("stun:") || text.starts_with("host:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::Variables;

    fn profiles(text: &str) -> (Vec<SipProfile>, Vec<&'static str>) {
        let text = format!(
            "<document><section name=\"configuration\"><configuration name=\"sofia.conf\"><profiles>{text}</profiles>\
             </configuration></section></document>"
        );
        let root = load("p.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
        let mut found = Vec::new();
        let profiles = SipProfile::read(&root, &mut found);
        (profiles, found.iter().map(|found| found.code).collect())
    }

    fn with(param: &str, value: &str) -> (SipProfile, Vec<&'static str>) {
        let text =
            format!("<profile name=\"p\"><settings><param name=\"{param}\" value=\"{value}\"/></settings></profile>");
        let (mut profiles, found) = profiles(&text);
        (profiles.remove(0), found)
    }

    #[test]
    fn without_any_there_is_the_default_one() {
        assert_eq!(profiles(""), (vec![SipProfile::default()], vec![]));
    }

    #[test]
    fn params_are_read() {
        let (profiles, found) = profiles(
            "<profile name=\"external\"><aliases><alias name=\"out\"/></aliases><settings>\
             <param name=\"sip-ip\" value=\"127.0.0.1\"/><param name=\"SIP-port\" value=\"5080\"/>\
             <param name=\"auth-calls\" value=\"true\"/><param name=\"rfc2833-pt\" value=\"96\"/>\
             <param name=\"inbound-codec-negotiation\" value=\"Greedy\"/><param name=\"ext-rtp-ip\" value=\"auto-nat\"/>\
             <param name=\"codec-prefs\" value=\"PCMA\"/><param name=\"rtp-timeout-sec\" value=\"300\"/>\
             </settings></profile><profile name=\"External\"/><profile/>",
        );
        assert_eq!(found, ["duplicate-profile", "nameless-profile"]);
        let [profile] = profiles.as_slice() else { panic!("{profiles:?}") };
        assert_eq!(profile.listen, ["127.0.0.1:5080".parse().unwrap()]);
        assert_eq!((profile.auth_calls, profile.dtmf_payload, profile.rtp_timeout_s), (AuthCalls::Always, 96, 300));
        assert_eq!(
            (&*profile.negotiation, &*profile.codecs_inbound, &*profile.codecs_outbound),
            ("greedy", "PCMA", "PCMA")
        );
        assert_eq!((profile.ext_rtp_ip, profile.aliases.len(), profile.params.len()), (None, 1, 8));
    }

    #[test]
    fn bad_values_are_reported_and_leave_the_default() {
        let default = SipProfile {
            aliases: Vec::new(),
            auth_calls: AuthCalls::Never,
            params: Vec::new(),
            ..SipProfile::default()
        };
        for (param, value) in [
            ("sip-ip", "localhost"),
            ("sip-port", "65536"),
            ("rfc2833-pt", "0"),
            ("inbound-codec-negotiation", "mean"),
            ("rtp-timeout-sec", "-1"),
            ("rtp-hold-timeout-sec", "x"),
            ("rtp-ip", ""),
            ("ext-sip-ip", "1.2.3"),
        ] {
            let (profile, found) = with(param, value);
            assert_eq!(found, ["bad-param"], "{param}");
            let kept = SipProfile { name: "internal".to_owned(), params: Vec::new(), ..profile };
            assert_eq!(kept, default, "{param}");
        }
        assert_eq!(with("sip-ip", "[::1]").0.listen, ["[::1]:5060".parse().unwrap()]);
    }
}
