//! The variables that an INVITE sets on the caller's channel: names and values as FreeSWITCH has them.
//!
//! All text comes from the network, so it passes [`clean`]: it cannot smuggle an expansion into a dialplan. Pure: a
//! message and its flow go in.

use std::fmt::Write as _;

use super::headers::{MOST_SHOWN, sdp_of};
use super::settings::ProfileSettings;
use crate::engine::sip::messages::{NameAddr, Uri, text};
use crate::engine::sip::registrar::is_behind_nat;
use crate::engine::sip::{Flow, HeaderId, Message};
use crate::words::model::{Variables, clean};

/// Headers copied whole, with the variable's name.
const WHOLE: [(HeaderId, &str); 11] = [
    (HeaderId::UserAgent, "sip_user_agent"),
    (HeaderId::Subject, "sip_subject"),
    (HeaderId::AcceptLanguage, "sip_accept_language"),
    (HeaderId::HistoryInfo, "sip_history_info"),
    (HeaderId::CallInfo, "sip_call_info"),
    (HeaderId::PAssertedIdentity, "sip_P-Asserted-Identity"),
    (HeaderId::PPreferredIdentity, "sip_P-Preferred-Identity"),
    (HeaderId::RemotePartyId, "sip_Remote-Party-ID"),
    (HeaderId::Privacy, "sip_Privacy"),
    (HeaderId::Diversion, "sip_h_Diversion"),
    (HeaderId::AlertInfo, "alert_info"),
];

/// Variables from all that the INVITE says and from where it came. `received_us`: microseconds since 1970.
pub(super) fn of_invite(
    invite: &Message,
    flow: &Flow,
    profile: &ProfileSettings,
    looped: bool,
    received_us: u64,
) -> Variables {
    let mut out = Writer::default();
    out.variables.show("sip_received_ip", flow.remote.ip());
    out.variables.show("sip_received_port", flow.remote.port());
    out.variables.show("sip_network_ip", flow.remote.ip());
    out.variables.show("sip_network_port", flow.remote.port());
    out.variables.show("sip_local_network_addr", flow.local.ip());
    out.set("sip_via_protocol", &flow.transport.name().to_ascii_lowercase());
    out.variables.show("sip_invite_stamp", received_us);
    out.set("sip_call_id", &text(invite.call_id()));
    out.variables.show("sip_cseq", invite.cseq());
    out.set("sofia_profile_name", &profile.name);
    out.set("recovery_profile_name", &profile.name);
    out.variables.show("sofia_profile_url", format_args!("sip:mod_sofia@{}", flow.local));
    if looped {
        out.set("sip_looped_call", "true");
    }
    out.party(invite, HeaderId::From, "from");
    out.party(invite, HeaderId::To, "to");
    out.uri("req", invite.uri());
    if let Some(contact) = invite.address(HeaderId::Contact) {
        out.uri("contact", contact.uri);
    }
    if let Some(expires) = invite.text(HeaderId::SessionExpires) {
        out.set("sip_session_expires", &expires);
    }
    if [HeaderId::Supported, HeaderId::Require].iter().any(|id| invite.lists(*id, "timer")) {
        out.set("sip_supports_timer", "true");
    }
    if is_natted(invite, flow, profile) {
        out.set("sip_nat_detected", "true");
    }
    if let Some(replaces) = invite.text(HeaderId::Replaces) {
        out.set("sip_replaces", &replaces);
    }
    if let Some(by) = invite.address(HeaderId::ReferredBy) {
        out.set("sip_referred_by_full", &invite.text(HeaderId::ReferredBy).unwrap_or_default());
        out.uri("referred_by", by.uri);
    }
    out.via(invite);
    out.joined(invite, HeaderId::Route, "sip_full_route");
    out.joined(invite, HeaderId::Allow, "sip_allow");
    for (id, name) in WHOLE {
        if let Some(value) = invite.text(id) {
            out.set(name, &value);
        }
    }
    let custom = invite.headers().filter(|header| header.id == HeaderId::Other && is_custom(header.name));
    for header in custom.take(MOST_SHOWN) {
        out.set(&format!("sip_h_{}", text(header.name)), &text(header.value));
    }
    if let Some(number) = invite.number(HeaderId::MaxForwards) {
        out.variables.show("max_forwards", number);
    }
    if let Some(sdp) = sdp_of(invite) {
        out.variables.set("switch_r_sdp", &clean(&text(&sdp)));
    }
    out.variables
}

/// Whether a caller cannot be reached where its Contact says.
pub(super) fn is_natted(invite: &Message, flow: &Flow, profile: &ProfileSettings) -> bool {
    let contact = invite.address(HeaderId::Contact);
    let contact = contact.as_ref().and_then(|contact| contact.parsed_uri().ok());
    let aggressive = profile.registration.aggressive_nat;
    contact.is_some_and(|contact| is_behind_nat(&contact, invite.via().as_ref(), flow.remote, aggressive))
}

/// Whether an unknown header is shown as `sip_h_…`: `X-` (not `X-FS-`), `P-`, `On`.
pub(super) fn is_custom(name: &[u8]) -> bool {
    let starts = |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    (starts(b"X-") && !starts(b"X-FS-")) || starts(b"P-") || starts(b"On")
}

/// Sets cleaned text; names and lists are put together in buffers that are kept.
#[derive(Default)]
struct Writer {
    variables: Variables,
    name: String,
    list: String,
}

impl Writer {
    fn set(&mut self, name: &str, value: &str) {
        set_clean(&mut self.variables, name, value);
    }

    /// Sets `sip_<part>_<detail>`.
    fn detail(&mut self, part: &str, detail: &str, value: &str) {
        self.name.clear();
        for piece in ["sip_", part, "_", detail] {
            self.name.push_str(piece);
        }
        set_clean(&mut self.variables, &self.name, value);
    }

    /// `sip_from_user`, `sip_full_from` … of From or To.
    fn party(&mut self, invite: &Message, id: HeaderId, part: &str) {
        self.detail("full", part, &invite.text(id).unwrap_or_default());
        let Some(address) = invite.address(id) else { return };
        self.detail(part, "display", &address.display_text());
        self.uri(part, address.uri);
        if part == "from" {
            let user = user_of(&address);
            self.set("sip_from_user_stripped", user.strip_prefix('+').unwrap_or(&user));
        }
        self.detail(part, "tag", &text(address.tag().unwrap_or_default()));
    }

    /// `sip_<part>_user`, `_host`, `_port`, `_params`, `_uri` (which has no scheme).
    fn uri(&mut self, part: &str, bytes: &[u8]) {
        let Ok(uri) = Uri::parse(bytes) else { return };
        self.detail(part, "params", text(uri.params.0).trim_start_matches(';'));
        self.detail(part, "user", &uri.user_text());
        if let Some(port) = uri.port {
            self.detail(part, "port", &port.to_string());
        }
        self.detail(part, "uri", &bare(&uri));
        self.detail(part, "host", &uri.host_text());
    }

    fn via(&mut self, invite: &Message) {
        self.joined(invite, HeaderId::Via, "sip_full_via");
        let Some(via) = invite.via() else { return };
        self.set("sip_via_host", &text(via.host));
        if let Some(port) = via.port {
            self.variables.show("sip_via_port", port);
        }
        if via.params.has("rport") {
            let rport = text(via.params.value("rport").unwrap_or_default());
            let port = self.variables.get("sip_network_port").unwrap_or_default().to_owned();
            self.set("sip_via_rport", if rport.is_empty() { &port } else { &rport });
        }
    }

    /// All lines of a list header as one.
    fn joined(&mut self, invite: &Message, id: HeaderId, name: &str) {
        self.list.clear();
        for (at, line) in invite.values(id).enumerate() {
            if at > 0 {
                self.list.push(',');
            }
            self.list.push_str(&text(line));
        }
        set_clean(&mut self.variables, name, &self.list);
    }
}

/// Sets text from the network; nothing where there is none.
fn set_clean(variables: &mut Variables, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let value = clean(value);
    if value.contains(['\r', '\n']) {
        variables.set(name, &value.replace(['\r', '\n'], " "));
    } else {
        variables.set(name, &value);
    }
}

/// `user@host[:port]`.
pub(super) fn bare(uri: &Uri<'_>) -> String {
    let mut bare = String::with_capacity(uri.user.map_or(0, |user| user.len() + 1) + uri.host.len() + 6);
    if let Some(user) = uri.user {
        bare.push_str(&text(user));
        bare.push('@');
    }
    bare.push_str(&uri.host_text());
    if let Some(port) = uri.port {
        // Writing to a string does not fail.
        let _ = write!(bare, ":{port}");
    }
    bare
}

/// User part of an address; empty when there is none.
pub(super) fn user_of(address: &NameAddr<'_>) -> String {
    address.parsed_uri().map(|uri| uri.user_text()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{flow, invite, profile};
    use super::*;

    fn variables(headers: &str) -> Variables {
        of_invite(&invite(headers), &flow(), &profile(), false, 17)
    }

    #[test]
    fn an_ordinary_invite() {
        let variables =
            variables("X-Foo: bar\r\nX-FS-Support: x\r\nFoo: y\r\nUser-Agent: peer/1\r\nP-Charge-Info: ${a}\r\n");
        for (name, value) in [
            ("sip_from_user", "+1000"),
            ("sip_from_user_stripped", "1000"),
            ("sip_from_host", "example.org"),
            ("sip_from_uri", "+1000@example.org"),
            ("sip_from_display", "Alice"),
            ("sip_from_tag", "t1"),
            ("sip_full_from", "\"Alice\" <sip:+1000@example.org>;tag=t1"),
            ("sip_to_user", "2000"),
            ("sip_to_uri", "2000@example.org"),
            ("sip_req_user", "2000"),
            ("sip_req_host", "192.0.2.9"),
            ("sip_req_port", "5070"),
            ("sip_req_uri", "2000@192.0.2.9:5070"),
            ("sip_contact_user", "1000"),
            ("sip_contact_host", "192.0.2.1"),
            ("sip_contact_port", "5066"),
            ("sip_contact_params", "ob"),
            ("sip_call_id", "c1@x"),
            ("sip_cseq", "4"),
            ("sip_via_host", "192.0.2.1"),
            ("sip_via_port", "5066"),
            ("sip_via_rport", "5066"),
            ("sip_via_protocol", "udp"),
            ("sip_full_via", "SIP/2.0/UDP 192.0.2.1:5066;rport;branch=z9hG4bK1"),
            ("sip_network_ip", "192.0.2.1"),
            ("sip_network_port", "5066"),
            ("sip_received_ip", "192.0.2.1"),
            ("sip_user_agent", "peer/1"),
            ("sip_h_X-Foo", "bar"),
            ("sip_h_P-Charge-Info", "%{a}"),
            ("sofia_profile_name", "internal"),
            ("sip_invite_stamp", "17"),
            ("switch_r_sdp", "v=0\r\n"),
        ] {
            assert_eq!(variables.get(name), Some(value), "{name}");
        }
        for name in ["sip_h_X-FS-Support", "sip_h_Foo", "sip_to_tag", "sip_looped_call", "sip_full_route"] {
            assert_eq!(variables.get(name), None, "{name}");
        }
    }

    #[test]
    fn lists_are_joined_and_identities_copied() {
        let variables = variables(
            "Allow: INVITE, ACK\r\nAllow: BYE\r\nP-Asserted-Identity: <sip:7@h>\r\nReferred-By: <sip:9@h>\r\n",
        );
        assert_eq!(variables.get("sip_allow"), Some("INVITE, ACK,BYE"));
        assert_eq!(variables.get("sip_P-Asserted-Identity"), Some("<sip:7@h>"));
        assert_eq!(variables.get("sip_h_P-Asserted-Identity"), None);
        assert_eq!(variables.get("sip_referred_by_user"), Some("9"));
    }
}
