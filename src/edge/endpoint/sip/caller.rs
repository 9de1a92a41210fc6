//! The caller profile of an inbound INVITE: who calls whom. Pure.
//!
//! The number is that of P-Asserted-Identity, else P-Preferred-Identity, else From; Remote-Party-ID, when present, beats
//! them all, as in FreeSWITCH. Whether a caller may say so is for the ACL and authentication to decide.

use super::settings::ProfileSettings;
use super::variables::{bare, user_of};
use crate::engine::sip::messages::{NameAddr, Uri, percent_decode, text};
use crate::engine::sip::{HeaderId, Message};
use crate::words::model::{CallerProfile, Variables, clean};

/// Number of a caller who has none.
const NO_NUMBER: &str = "0000000000";

/// What the INVITE says of its caller.
pub(super) struct Caller {
    pub(super) profile: CallerProfile,
    /// `sip_cid_type` when the INVITE brought an identity header.
    pub(super) cid_type: Option<&'static str>,
}

/// Reads the profile out of an INVITE. `context` is where routing starts.
pub(super) fn of_invite(invite: &Message, network_ip: &str, settings: &ProfileSettings, context: &str) -> Caller {
    let from = invite.address(HeaderId::From);
    let from_user = from.map(|from| user_of(&from)).unwrap_or_default();
    let mut identity = Identity::from(from);
    let mut cid_type = None;
    for id in [HeaderId::PAssertedIdentity, HeaderId::PPreferredIdentity] {
        if cid_type.is_none()
            && let Some(asserted) = invite.address(id)
        {
            identity.replace(asserted);
            cid_type = Some("pid");
        }
    }
    let mut privacy = Privacy { screen: true, ..Privacy::default() };
    if let Some(party) = invite.address(HeaderId::RemotePartyId) {
        identity.replace(party);
        privacy.remote_party(&party);
        cid_type = Some("rpid");
    }
    privacy.header(invite);
    let number = if identity.number.is_empty() { NO_NUMBER.to_owned() } else { clean(&identity.number).into_owned() };
    let name = clean(&identity.name).into_owned();
    let from_host = from.and_then(|from| from.parsed_uri().ok().map(|uri| host_port(&uri))).unwrap_or_default();
    Caller {
        profile: CallerProfile {
            dialplan: settings.dialplan.clone(),
            context: context.to_owned(),
            destination_number: clean(&destination(invite, settings.full_id)).into_owned(),
            orig_caller_id_name: name.clone(),
            orig_caller_id_number: number.clone(),
            caller_id_name: name,
            ani: number.clone(),
            caller_id_number: number,
            username: clean(&from_user).into_owned(),
            network_addr: network_ip.to_owned(),
            source: "mod_sofia".to_owned(),
            chan_name: clean(&format!("sofia/{}/{}", settings.name, at(&from_user, &from_host))).into_owned(),
            hide_name: privacy.hide_name,
            hide_number: privacy.hide_number,
            screen: privacy.screen,
            ..CallerProfile::default()
        },
        cid_type,
    }
}

/// Sets what the profile's caller id says on the channel.
pub(super) fn describe(caller: &Caller, variables: &mut Variables) {
    if let Some(kind) = caller.cid_type {
        variables.set("sip_cid_type", kind);
    }
    variables.set("channel_name", &caller.profile.chan_name);
}

/// User of the Request-URI, else of To, else of From, else `service`.
fn destination(invite: &Message, full_id: bool) -> String {
    let request = Uri::parse(invite.uri());
    if full_id && let Ok(uri) = &request {
        return bare(uri);
    }
    let of = |id| invite.address(id).map(|address| user_of(&address));
    [request.ok().map(|uri| uri.user_text()), of(HeaderId::To), of(HeaderId::From)]
        .into_iter()
        .flatten()
        .find(|user| !user.is_empty())
        .unwrap_or_else(|| "service".to_owned())
}

fn at(user: &str, host: &str) -> String {
    if user.is_empty() { host.to_owned() } else { format!("{user}@{host}") }
}

fn host_port(uri: &Uri<'_>) -> String {
    match uri.port {
        Some(port) => format!("{}:{port}", uri.host_text()),
        None => uri.host_text().into_owned(),
    }
}

/// Display name and number; the number stands in for a missing name.
struct Identity {
    name: String,
    number: String,
}

impl Identity {
    fn from(address: Option<NameAddr<'_>>) -> Self {
        let mut identity = Self { name: String::new(), number: String::new() };
        match address {
            Some(address) => identity.replace(address),
            None => "unknown".clone_into(&mut identity.name),
        }
        identity
    }

    fn replace(&mut self, address: NameAddr<'_>) {
        self.number = user_of(&address);
        self.name = address.display_text();
        if self.name.is_empty() {
            self.name = if self.number.is_empty() { "unknown".to_owned() } else { self.number.clone() };
        }
    }
}

#[derive(Default)]
struct Privacy {
    hide_name: bool,
    hide_number: bool,
    screen: bool,
}

impl Privacy {
    /// `;privacy=full;screen=no` of Remote-Party-ID.
    fn remote_party(&mut self, party: &NameAddr<'_>) {
        let value = |name| text(&percent_decode(party.params.value(name).unwrap_or_default())).to_ascii_lowercase();
        match value("privacy").trim_matches('"') {
            "full" => (self.hide_name, self.hide_number) = (true, true),
            "name" => self.hide_name = true,
            "uri" => self.hide_number = true,
            _ => {}
        }
        self.screen = value("screen") != "no";
    }

    /// RFC 3323, 3325: `id`, `user`, `header`, `full` hide the caller.
    fn header(&mut self, invite: &Message) {
        let hides = |value: &[u8]| {
            text(value).split([';', ',']).any(|word| {
                ["id", "user", "header", "full"].iter().any(|hiding| word.trim().eq_ignore_ascii_case(hiding))
            })
        };
        if invite.values(HeaderId::Privacy).any(hides) {
            (self.hide_name, self.hide_number) = (true, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invite, message, profile};
    use super::*;

    fn caller(headers: &str) -> Caller {
        of_invite(&invite(headers), "192.0.2.1", &profile(), "public")
    }

    #[test]
    fn from_and_request_uri_are_the_default() {
        let Caller { profile, cid_type } = caller("");
        assert_eq!((&*profile.caller_id_name, &*profile.caller_id_number), ("Alice", "+1000"));
        assert_eq!((&*profile.destination_number, &*profile.context, &*profile.dialplan), ("2000", "public", "XML"));
        assert_eq!(profile.chan_name, "sofia/internal/+1000@example.org");
        assert_eq!((&*profile.source, &*profile.network_addr, &*profile.ani), ("mod_sofia", "192.0.2.1", "+1000"));
        assert!(cid_type.is_none() && profile.screen && !profile.hide_name && !profile.hide_number);
    }

    #[test]
    fn identities_beat_from() {
        for (headers, name, number, kind) in [
            ("P-Asserted-Identity: \"Eve\" <sip:7@h>\r\n", "Eve", "7", "pid"),
            ("P-Preferred-Identity: <sip:8@h>\r\n", "8", "8", "pid"),
            ("P-Asserted-Identity: <tel:+49>\r\nRemote-Party-ID: \"R\" <sip:9@h>\r\n", "R", "9", "rpid"),
        ] {
            let Caller { profile, cid_type } = caller(headers);
            assert_eq!((&*profile.caller_id_name, &*profile.caller_id_number), (name, number), "{headers}");
            assert_eq!(cid_type, Some(kind));
            assert_eq!(profile.username, "+1000");
        }
    }

    #[test]
    fn privacy_is_read() {
        for (headers, flags) in [
            ("Privacy: id;critical\r\n", (true, true, true)),
            ("Privacy: none\r\n", (false, false, true)),
            ("Remote-Party-ID: <sip:9@h>;privacy=full;screen=no\r\n", (true, true, false)),
            ("Remote-Party-ID: <sip:9@h>;privacy=name;screen=yes\r\n", (true, false, true)),
        ] {
            let profile = caller(headers).profile;
            assert_eq!((profile.hide_name, profile.hide_number, profile.screen), flags, "{headers}");
        }
    }

    #[test]
    fn a_caller_who_says_nothing() {
        let bare = message(
            "INVITE sip:192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:example.org>;tag=1\r\nTo: <sip:h>\r\n\
             Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
        );
        let profile = of_invite(&bare, "192.0.2.1", &profile(), "c").profile;
        assert_eq!((&*profile.caller_id_name, &*profile.caller_id_number), ("unknown", "0000000000"));
        assert_eq!((&*profile.destination_number, &*profile.chan_name), ("service", "sofia/internal/example.org"));
        let injected = message(
            "INVITE sip:%24%7Bx%7D@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: \"${y}\" <sip:1@h>;tag=1\r\n\
             To: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
        );
        let profile = of_invite(&injected, "192.0.2.1", &super::super::testing::profile(), "c").profile;
        assert_eq!((&*profile.destination_number, &*profile.caller_id_name), ("%{x}", "%{y}"));
    }
}
