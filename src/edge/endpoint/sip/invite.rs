//! The INVITE of a called leg, from the variables of the dial string. Pure: a [`Plan`] is read once, when the leg is
//! prepared, and becomes a message when our own address towards the far end is known.
//!
//! Variables: `sip_cid_type` (`rpid`, `pid`, `none`), `origination_privacy`, `sip_from_display`, `sip_from_uri`,
//! `sip_invite_from_uri`, `sip_invite_domain`, `sip_invite_full_from`, `sip_force_full_from`, `sip_invite_to_uri`,
//! `sip_contact_user`, `sip_invite_contact_params`, `sip_h_*`, `exclude_outgoing_extra_header`, `alert_info`,
//! `sip_auto_answer`.

use std::net::SocketAddr;

use bytes::Bytes;

use super::destination::{Destination, strip_brackets};
use super::gateway::Line;
use super::listeners::{host, transport_param};
use super::settings::ProfileSettings;
use crate::call::leg::{DialRequest, Headers, SessionRules};
use crate::engine::sip::messages::{name_addr, percent_encode_user};
use crate::engine::sip::{Body, HeaderId, Invite, LegId, StackConfig, Target};
use crate::words::model::{Variables, truthy};
use crate::words::pattern::Pattern;

/// User part of our Contact, as FreeSWITCH has it.
const CONTACT_USER: &str = "mod_sofia";
/// Number of a caller who has none.
const NO_NUMBER: &str = "0000000000";
/// What FreeSWITCH peers are told of each other.
const SUPPORT: &str = "update_display,send_info";
/// Session timer of a leg behind NAT, seconds: it keeps the way open.
pub(super) const NAT_SESSION_S: u32 = 90;
/// Headers of our own that a dial string may add.
const MOST_HEADERS: usize = 128;

/// How the caller is told to the far end beside From.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CidType {
    Rpid,
    Pid,
    None,
}

impl CidType {
    fn of(word: &str) -> Self {
        match word {
            word if word.eq_ignore_ascii_case("none") => Self::None,
            word if word.eq_ignore_ascii_case("pid") => Self::Pid,
            _ => Self::Rpid,
        }
    }
}

/// Privacy towards the far end.
#[derive(Debug, Clone, Copy, Default)]
struct Privacy {
    screen: bool,
    hide_name: bool,
    hide_number: bool,
}

/// All that an INVITE says, but for our own address.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) destination: Destination,
    pub(super) call_id: String,
    name: String,
    number: String,
    cid_type: CidType,
    privacy: Privacy,
    full_from: Option<String>,
    from_uri: Option<String>,
    from_display: Option<String>,
    domain: Option<String>,
    to_uri: Option<String>,
    contact_user: String,
    contact_params: String,
    headers: Headers,
    /// Seconds of the session timer that is asked for.
    pub(super) session: Option<u32>,
}

impl Plan {
    /// Reads the variables of a dial request.
    pub(super) fn read(
        request: &DialRequest<'_>,
        destination: Destination,
        call_id: String,
        settings: &ProfileSettings,
        stack: &StackConfig,
    ) -> Self {
        let variable = |name: &str| request.variables.get(name).filter(|value| !value.is_empty());
        let owned = |name: &str| variable(name).map(str::to_owned);
        let number = if request.caller_id_number.is_empty() { NO_NUMBER } else { request.caller_id_number };
        let mut headers: Headers = vec![("Max-Forwards".to_owned(), request.max_forwards.to_string())];
        if let Some(agent) = &settings.user_agent {
            headers.push(("User-Agent".to_owned(), agent.clone()));
        }
        headers.extend(settings.capabilities(stack));
        let session = session(variable("sofia_session_timeout"), destination.natted, settings.session);
        if let Some(seconds) = session {
            headers.push(("Session-Expires".to_owned(), format!("{seconds};refresher=uac")));
            headers.push(("Min-SE".to_owned(), settings.session.shortest_s.to_string()));
        }
        headers.push(("X-FS-Support".to_owned(), SUPPORT.to_owned()));
        if let Some(info) = variable("alert_info") {
            headers.push(("Alert-Info".to_owned(), info.to_owned()));
        }
        if variable("sip_auto_answer").is_some_and(truthy) {
            let value = format!("<sip:{}>;answer-after=0", destination.hop_text());
            headers.push(("Call-Info".to_owned(), value));
        }
        extra(request.variables, "sip_h_", &mut headers);
        Self {
            destination,
            call_id,
            name: request.caller_id_name.to_owned(),
            number: number.to_owned(),
            cid_type: variable("sip_cid_type").map_or(CidType::Rpid, CidType::of),
            privacy: privacy(request),
            full_from: owned("sip_force_full_from").or_else(|| owned("sip_invite_full_from")),
            from_uri: owned("sip_invite_from_uri").or_else(|| owned("sip_from_uri")),
            from_display: owned("sip_from_display"),
            domain: owned("sip_invite_domain"),
            to_uri: owned("sip_invite_to_uri"),
            contact_user: owned("sip_contact_user").unwrap_or_else(|| CONTACT_USER.to_owned()),
            contact_params: owned("sip_invite_contact_params").unwrap_or_default(),
            headers,
            session,
        }
    }

    /// Speaks as the account at a gateway does, where the dial string says nothing else.
    pub(super) fn speak_for(&mut self, line: &Line, request: &DialRequest<'_>) {
        let from = self.from_uri.get_or_insert_with(|| line.from(&self.number, request.a_variables));
        if self.domain.is_none() {
            self.domain = from.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        }
        let (user, params) = line.contact();
        if request.variables.get("sip_contact_user").is_none() {
            self.contact_user = user;
        }
        if self.contact_params.is_empty() {
            self.contact_params = params;
        }
        if request.variables.get("sip_cid_type").is_none()
            && let Some(kind) = &line.settings.cid_type
        {
            self.cid_type = CidType::of(kind);
        }
    }

    /// The INVITE, spoken as `target.local`.
    pub(super) fn invite(&self, leg: LegId, target: Target, offer: Option<Bytes>) -> Invite {
        let own = self.domain.clone().unwrap_or_else(|| host(target.local.ip()));
        let identity = format!("sip:{}@{own}", percent_encode_user(&self.number));
        let mut headers = self.headers.clone();
        self.identify(&identity, &mut headers);
        Invite {
            leg,
            uri: self.destination.uri.clone(),
            target,
            from: self.from(&identity),
            to: self.to(),
            contact: Some(self.contact(target.local, transport_param(target.transport))),
            call_id: Some(self.call_id.clone()),
            route: self.destination.route.clone(),
            headers,
            body: offer.map(Body::sdp),
        }
    }

    /// Variables of the new channel that are known before anything is sent.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let uri = strip_scheme(&self.destination.uri);
        let to = self.to_uri.as_deref().or(self.destination.to.as_deref()).map_or(uri, strip_scheme);
        vec![
            pair("sip_call_id", &self.call_id),
            pair("sip_req_uri", uri),
            pair("sip_destination_url", &self.destination.uri),
            pair("sip_to_uri", to),
            pair("sip_to_user", &self.destination.user),
        ]
    }

    fn from(&self, identity: &str) -> String {
        if let Some(full) = &self.full_from {
            return full.clone();
        }
        let display = self.from_display.as_deref().unwrap_or(&self.name);
        match &self.from_uri {
            Some(uri) => name_addr(display, &with_scheme(strip_brackets(uri))),
            None => name_addr(display, identity),
        }
    }

    fn to(&self) -> Option<String> {
        let uri = self.to_uri.as_deref().map(strip_brackets).or(self.destination.to.as_deref())?;
        Some(name_addr("", &with_scheme(uri)))
    }

    fn contact(&self, local: SocketAddr, transport: &str) -> String {
        let params = self.contact_params.trim_start_matches(';');
        let separator = if params.is_empty() { "" } else { ";" };
        let user = percent_encode_user(&self.contact_user);
        name_addr("", &format!("sip:{user}@{local}{transport}{separator}{params}"))
    }

    /// Remote-Party-ID, or P-Asserted-Identity with Privacy.
    fn identify(&self, identity: &str, headers: &mut Headers) {
        let Privacy { screen, hide_name, hide_number } = self.privacy;
        let who = name_addr(&self.name, identity);
        match self.cid_type {
            CidType::None => {}
            CidType::Rpid => {
                let level = match (hide_name, hide_number) {
                    (_, true) => "full",
                    (true, false) => "name",
                    (false, false) => "off",
                };
                let screen = if screen { "yes" } else { "no" };
                let value = format!("{who};party=calling;screen={screen};privacy={level}");
                headers.push(("Remote-Party-ID".to_owned(), value));
            }
            CidType::Pid => {
                headers.push(("P-Asserted-Identity".to_owned(), who));
                if hide_name || hide_number {
                    headers.push(("Privacy".to_owned(), "id".to_owned()));
                }
            }
        }
    }
}

impl Destination {
    fn hop_text(&self) -> String {
        match &self.hop.host {
            super::destination::Host::Address(ip) => host(*ip),
            super::destination::Host::Name(name) => name.clone(),
        }
    }
}

/// The session timer to ask for: the dial string's, that of telephones behind NAT, or the profile's; never less than the
/// shortest.
fn session(own: Option<&str>, natted: bool, rules: SessionRules) -> Option<u32> {
    let usual = if natted { NAT_SESSION_S } else { rules.interval_s };
    let seconds = own.and_then(|text| text.trim().parse().ok()).unwrap_or(usual);
    (rules.enabled && seconds > 0).then(|| seconds.max(rules.shortest_s))
}

/// `origination_privacy`, else what A's caller wants.
fn privacy(request: &DialRequest<'_>) -> Privacy {
    if let Some(words) = request.variables.get("origination_privacy") {
        let has = |word: &str| words.to_ascii_lowercase().contains(word);
        return Privacy {
            screen: has("screen"),
            hide_name: has("hide_name") || has("full"),
            hide_number: has("hide_number") || has("full"),
        };
    }
    match request.a_profile {
        Some(a) => Privacy { screen: a.screen, hide_name: a.hide_name, hide_number: a.hide_number },
        None => Privacy { screen: true, ..Privacy::default() },
    }
}

/// Headers from variables of this prefix, but for those that `exclude_outgoing_extra_header` names. A header that stands
/// in the list already is replaced.
fn extra(variables: &Variables, prefix: &str, headers: &mut Headers) {
    let excluded = variables.get("exclude_outgoing_extra_header").map(Pattern::new);
    for (variable, value) in variables.with_prefix(prefix).take(MOST_HEADERS) {
        let hidden = excluded.as_ref().is_some_and(|pattern| pattern.is_match(variable).unwrap_or(false));
        let name = variable.get(prefix.len()..).unwrap_or_default();
        // These would leave the message and what the leg is in disagreement.
        let own = matches!(HeaderId::of(name.as_bytes()), HeaderId::Contact | HeaderId::ContentType);
        if hidden || own || name.is_empty() {
            continue;
        }
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.to_owned()));
    }
}

fn strip_scheme(uri: &str) -> &str {
    let uri = strip_brackets(uri);
    uri.split_once(':').filter(|(scheme, _)| is_sip(scheme)).map_or(uri, |(_, rest)| rest)
}

fn with_scheme(uri: &str) -> String {
    match uri.split_once(':') {
        Some((scheme, _)) if is_sip(scheme) || scheme.eq_ignore_ascii_case("tel") => uri.to_owned(),
        _ => format!("sip:{uri}"),
    }
}

fn is_sip(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips")
}

#[cfg(test)]
mod tests {
    use super::super::destination::{Options, parse};
    use super::super::testing::profile;
    use super::*;
    use crate::engine::sip::Transport;
    use crate::words::model::CallerProfile;

    fn target(transport: Transport) -> Target {
        let local = "10.0.0.5:5080".parse().unwrap();
        Target { transport, destination: "192.0.2.1:5060".parse().unwrap(), local, flow: None }
    }

    fn plan(destination: &str, variables: &[(&str, &str)], a: Option<&CallerProfile>) -> Plan {
        let variables: Variables = variables.iter().copied().collect();
        let request = DialRequest {
            endpoint: "sofia",
            destination,
            variables: &variables,
            a_profile: a,
            a_variables: None,
            uuid: "u",
            max_forwards: 69,
            caller_id_name: "Alice",
            caller_id_number: "1000",
        };
        let settings = ProfileSettings { user_agent: Some("ua".to_owned()), ..profile() };
        let destination = parse(destination, &Options::default()).unwrap();
        Plan::read(&request, destination, "c1".to_owned(), &settings, &StackConfig::default())
    }

    fn invite(variables: &[(&str, &str)]) -> Invite {
        plan("2000@192.0.2.1", variables, None).invite(LegId(1), target(Transport::Udp), None)
    }

    fn header<'i>(invite: &'i Invite, name: &str) -> Option<&'i str> {
        let mut found = invite.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice");
        first
    }

    #[test]
    fn defaults() {
        let invite = invite(&[]);
        assert_eq!((&*invite.uri, &*invite.from), ("sip:2000@192.0.2.1", "\"Alice\" <sip:1000@10.0.0.5>"));
        assert_eq!(invite.contact.as_deref(), Some("<sip:mod_sofia@10.0.0.5:5080>"));
        assert_eq!((invite.to.as_deref(), invite.call_id.as_deref()), (None, Some("c1")));
        for (name, value) in [
            ("Max-Forwards", "69"),
            ("User-Agent", "ua"),
            ("X-FS-Support", "update_display,send_info"),
            ("Remote-Party-ID", "\"Alice\" <sip:1000@10.0.0.5>;party=calling;screen=yes;privacy=off"),
        ] {
            assert_eq!(header(&invite, name), Some(value));
        }
        let tcp = plan("2000@192.0.2.1", &[], None).invite(LegId(1), target(Transport::Tcp), None);
        assert_eq!(tcp.contact.as_deref(), Some("<sip:mod_sofia@10.0.0.5:5080;transport=tcp>"));
    }

    #[test]
    fn session_timers() {
        let rules = |interval_s| SessionRules { enabled: true, interval_s, shortest_s: 120 };
        for (own, natted, rules, expected) in [
            (None, false, rules(0), None),
            (None, false, rules(600), Some(600)),
            (None, false, SessionRules { enabled: false, ..rules(600) }, None),
            (None, true, rules(600), Some(120)),
            (None, true, SessionRules { shortest_s: 90, ..rules(600) }, Some(90)),
            (Some("1800"), true, rules(0), Some(1800)),
            (Some("0"), false, rules(600), None),
            (Some("x"), false, rules(600), Some(600)),
        ] {
            assert_eq!(session(own, natted, rules), expected, "{own:?} {natted}");
        }
        let invite = invite(&[("sofia_session_timeout", "300")]);
        assert_eq!(header(&invite, "Session-Expires"), Some("300;refresher=uac"));
        assert_eq!(header(&invite, "Min-SE"), Some("120"));
    }

    #[test]
    fn who_calls() {
        for (variables, from) in [
            (&[("sip_from_uri", "sip:zed@example.net")][..], "\"Alice\" <sip:zed@example.net>"),
            (&[("sip_invite_domain", "example.net")], "\"Alice\" <sip:1000@example.net>"),
            (&[("sip_from_display", "Z"), ("sip_invite_from_uri", "<sip:a@b>")], "\"Z\" <sip:a@b>"),
            (&[("sip_invite_full_from", "X <sip:x@y>")], "X <sip:x@y>"),
        ] {
            assert_eq!(invite(variables).from, from);
        }
    }

    #[test]
    fn identity_headers_and_privacy() {
        let pid = invite(&[("sip_cid_type", "pid"), ("origination_privacy", "hide_name")]);
        assert_eq!(header(&pid, "P-Asserted-Identity"), Some("\"Alice\" <sip:1000@10.0.0.5>"));
        assert_eq!((header(&pid, "Privacy"), header(&pid, "Remote-Party-ID")), (Some("id"), None));
        let none = invite(&[("sip_cid_type", "none")]);
        assert_eq!((header(&none, "P-Asserted-Identity"), header(&none, "Remote-Party-ID")), (None, None));
        for (words, tail) in [
            ("hide_number:screen", ";screen=yes;privacy=full"),
            ("hide_name:screen", ";screen=yes;privacy=name"),
            ("hide_name:hide_number", ";screen=no;privacy=full"),
        ] {
            let invite = invite(&[("origination_privacy", words)]);
            assert!(header(&invite, "Remote-Party-ID").unwrap().ends_with(tail), "{words}");
        }
        let a = CallerProfile { hide_number: true, ..CallerProfile::default() };
        let invite = plan("2@h", &[], Some(&a)).invite(LegId(1), target(Transport::Udp), None);
        assert!(header(&invite, "Remote-Party-ID").unwrap().ends_with(";screen=no;privacy=full"));
    }

    #[test]
    fn headers_of_the_dialplan() {
        let invite = invite(&[
            ("sip_h_X-One", "1"),
            ("sip_h_X-Two", "2"),
            ("exclude_outgoing_extra_header", "X-One"),
            ("sip_h_Max-Forwards", "5"),
            ("sip_h_Contact", "<sip:evil>"),
            ("alert_info", "ring"),
            ("sip_auto_answer", "true"),
            ("sip_contact_user", "sw"),
            ("sip_invite_contact_params", ";a=b"),
            ("sip_invite_to_uri", "3000@h"),
        ]);
        for (name, value) in [
            ("X-One", None),
            ("X-Two", Some("2")),
            ("Max-Forwards", Some("5")),
            ("Contact", None),
            ("Alert-Info", Some("ring")),
            ("Call-Info", Some("<sip:192.0.2.1>;answer-after=0")),
        ] {
            assert_eq!(header(&invite, name), value, "{name}");
        }
        assert_eq!(invite.contact.as_deref(), Some("<sip:sw@10.0.0.5:5080;a=b>"));
        assert_eq!(invite.to.as_deref(), Some("<sip:3000@h>"));
    }

    #[test]
    fn variables_of_the_channel() {
        let variables = plan("2000@h^9", &[], None).variables();
        let value = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!((value("sip_call_id"), value("sip_req_uri")), (Some("c1"), Some("2000@h")));
        assert_eq!((value("sip_to_uri"), value("sip_to_user")), (Some("9@h"), Some("2000")));
    }
}
