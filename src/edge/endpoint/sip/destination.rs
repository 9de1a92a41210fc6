//! What stands after `sofia/`: profile, Request-URI, and where the request goes. Pure.
//!
//! Forms, as in FreeSWITCH: `<profile>/sip:…` taken as it stands; `<profile>/user@host[:port][;params]`, with
//! `^touser[@host]` for another To; `gateway/<name>/<number>`. Registered contacts (`<profile>/user`, `user%domain`) are
//! put in place of their users before this is read ([`registered`]).

use std::net::IpAddr;

use crate::engine::sip::Transport;
use crate::engine::sip::messages::{Pieces, Scheme, Uri, percent_decode, percent_encode_user, text};
use crate::words::model::Cause;

/// The first cut through a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// `gateway/<name>/<number>`.
    Gateway { name: &'a str, number: &'a str },
    /// `<profile>/<destination>`.
    Profile { name: &'a str, destination: &'a str },
}

/// Cuts a destination at the profile; without anything behind it: INVALID_URL.
pub(super) fn form(destination: &str) -> Result<Form<'_>, Cause> {
    let (name, rest) = destination.split_once('/').ok_or(Cause::INVALID_URL)?;
    if name.eq_ignore_ascii_case("gateway") {
        let (name, number) = rest.split_once('/').ok_or(Cause::INVALID_URL)?;
        return Ok(Form::Gateway { name, number });
    }
    if rest.is_empty() { Err(Cause::INVALID_URL) } else { Ok(Form::Profile { name, destination: rest }) }
}

/// Whom to call and where to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// Request-URI.
    pub(super) uri: String,
    /// To URI, when it is another.
    pub(super) to: Option<String>,
    /// Called number, decoded.
    pub(super) user: String,
    /// As the channel's name shows it: `user@host`.
    pub(super) shown: String,
    /// The next hop.
    pub(super) hop: Hop,
    /// Values of Route: the proxies of a Path.
    pub(super) route: Vec<String>,
    /// A contact that cannot be reached as it is written (`fs_nat`).
    pub(super) natted: bool,
}

/// A next hop, not yet resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    /// Name or address.
    pub(super) host: Host,
    /// Its port.
    pub(super) port: u16,
    /// Its protocol.
    pub(super) transport: Transport,
    /// The port was written, and is not just the usual one.
    pub(super) port_given: bool,
    /// The protocol was written.
    pub(super) transport_given: bool,
}

/// Host of a hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// An address.
    Address(IpAddr),
    /// A name to be resolved.
    Name(String),
}

/// Variables that bear on the destination.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options<'a> {
    /// `sip_destination_prefix`.
    pub(super) prefix: &'a str,
    /// `sip_invite_params`, added to the Request-URI.
    pub(super) params: &'a str,
    /// `sip_invite_req_uri`, replacing it.
    pub(super) request_uri: Option<&'a str>,
    /// `sip_route_uri`: goes there instead.
    pub(super) route: Option<&'a str>,
    /// `sofia_suppress_url_encoding`.
    pub(super) raw: bool,
}

/// User and domain of a destination that stands for a registered contact: `user%domain`, or `user` alone.
pub(super) fn registered(destination: &str) -> Option<(&str, Option<&str>)> {
    let main = destination.split('^').next().unwrap_or_default();
    if has_scheme(main) || main.contains('@') {
        return None;
    }
    let (user, domain) = main.split_once('%').map_or((main, None), |(user, domain)| (user, Some(domain)));
    Some((user, domain.map(|domain| domain.split(';').next().unwrap_or_default())))
}

/// Reads what stands behind the profile.
pub(super) fn parse(destination: &str, options: &Options<'_>) -> Result<Destination, Cause> {
    let (main, to) = match destination.split_once('^') {
        Some((main, to)) => (main, Some(to)),
        None => (destination, None),
    };
    let given = if has_scheme(main) { main.to_owned() } else { completed(main, options)? };
    let (uri, path, natted) = without_path(&given);
    let mut uri = match options.request_uri {
        Some(whole) => strip_brackets(whole).to_owned(),
        None => uri,
    };
    let params = options.params.trim_start_matches(';');
    if !params.is_empty() {
        uri = format!("{uri};{params}");
    }
    let parsed = Uri::parse(uri.as_bytes()).map_err(|_| Cause::INVALID_URL)?;
    let route = options.route.map(str::to_owned).or(path);
    let route: Vec<String> = route.iter().flat_map(|list| Pieces::new(list.as_bytes(), b',')).map(hop_uri).collect();
    let hop = match route.first() {
        None => hop_of(&parsed)?,
        Some(route) => hop_of(&Uri::parse(route.as_bytes()).map_err(|_| Cause::INVALID_URL)?)?,
    };
    let (user, host) = (parsed.user_text(), parsed.host_text().into_owned());
    let port = parsed.port.map(|port| format!(":{port}")).unwrap_or_default();
    let shown = if user.is_empty() { format!("{host}{port}") } else { format!("{user}@{host}{port}") };
    let to = to.filter(|to| !to.is_empty()).map(|to| match to {
        to if has_scheme(to) => to.to_owned(),
        to if to.contains('@') => format!("sip:{to}"),
        to => format!("sip:{}@{host}", percent_encode_user(to)),
    });
    // A loose router reads where it comes next; an address alone is only where the request goes.
    let loose = |uri: &String| Uri::parse(uri.as_bytes()).is_ok_and(|uri| uri.params.has("lr"));
    let route = route.into_iter().filter(loose).map(|uri| format!("<{uri}>")).collect();
    Ok(Destination { uri: uri.clone(), to, user, shown, hop, route, natted })
}

/// One URI of a route set.
fn hop_uri(value: &[u8]) -> String {
    strip_brackets(&text(value)).to_owned()
}

/// The next hop that a URI names.
pub(super) fn hop_of(uri: &Uri<'_>) -> Result<Hop, Cause> {
    let wanted = text(uri.params.value("transport").unwrap_or_default()).to_ascii_lowercase();
    let transport = match (uri.scheme, &*wanted) {
        (Scheme::Sip, "" | "udp") => Transport::Udp,
        (Scheme::Sip, "tcp") => Transport::Tcp,
        // TLS and WebSocket have no listener.
        (Scheme::Sip | Scheme::Sips, _) => return Err(Cause::DESTINATION_OUT_OF_ORDER),
        (Scheme::Tel | Scheme::Other, _) => return Err(Cause::INVALID_URL),
    };
    let maddr = uri.params.value("maddr").filter(|value| !value.is_empty()).map(text);
    let host = match maddr {
        Some(maddr) => host_of(&maddr),
        None => uri.ip().map_or_else(|| host_of(&uri.host_text()), Host::Address),
    };
    let (port_given, transport_given) = (uri.port.is_some(), !wanted.is_empty());
    Ok(Hop { host, port: uri.port.unwrap_or(5060), transport, port_given, transport_given })
}

fn host_of(text: &str) -> Host {
    match text.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(ip) => Host::Address(ip),
        Err(_) => Host::Name(text.to_owned()),
    }
}

/// `user@host;params` as a URI.
fn completed(text: &str, options: &Options<'_>) -> Result<String, Cause> {
    let Some((user, rest)) = text.split_once('@') else { return Err(Cause::USER_NOT_REGISTERED) };
    if rest.is_empty() {
        return Err(Cause::INVALID_URL);
    }
    let user = format!("{}{user}", options.prefix);
    Ok(format!("sip:{}@{rest}", if options.raw { user } else { encoded(&user) }))
}

/// Encodes what a user part may not hold; what is encoded already stays.
fn encoded(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for (index, piece) in user.split('%').enumerate() {
        if index > 0 {
            let escape = piece.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            out.push_str(if escape { "%" } else { "%25" });
        }
        out.push_str(&percent_encode_user(piece));
    }
    out
}

/// Takes `;fs_path=…` and `;fs_nat=yes` out of a URI: where the request goes, and whether NAT is why.
fn without_path(uri: &str) -> (String, Option<String>, bool) {
    let (mut path, mut natted) = (None, false);
    let kept: Vec<&str> = uri
        .split(';')
        .filter(|part| match part.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("fs_path") => {
                path = Some(text(&percent_decode(value.as_bytes())).into_owned());
                false
            }
            Some((name, _)) if name.eq_ignore_ascii_case("fs_nat") => {
                natted = true;
                false
            }
            _ => true,
        })
        .collect();
    (kept.join(";"), path, natted)
}

fn has_scheme(text: &str) -> bool {
    let starts = |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    starts("sip:") || starts("sips:")
}

/// `<uri>` or `uri`.
pub(super) fn strip_brackets(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix('<').unwrap_or(text);
    inner.split('>').next().unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(destination: &str, uri: &str, hop: &str) {
        check_with(destination, &Options::default(), uri, hop);
    }

    fn check_with(destination: &str, options: &Options<'_>, uri: &str, hop: &str) {
        let parsed = parse(destination, options).unwrap_or_else(|cause| panic!("{destination}: {cause}"));
        let host = match &parsed.hop.host {
            Host::Address(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        };
        let found = format!("{host} {} {}", parsed.hop.port, parsed.hop.transport);
        assert_eq!((&*parsed.uri, &*found), (uri, hop), "{destination}");
    }

    #[test]
    fn first_cut() {
        assert_eq!(form("internal"), Err(Cause::INVALID_URL));
        assert_eq!(form("internal/"), Err(Cause::INVALID_URL));
        assert_eq!(form("gateway/x"), Err(Cause::INVALID_URL));
        assert_eq!(form("gateway/x/1/2"), Ok(Form::Gateway { name: "x", number: "1/2" }));
        assert_eq!(form("in/1@h/x"), Ok(Form::Profile { name: "in", destination: "1@h/x" }));
    }

    #[test]
    fn uris() {
        check("1000@192.0.2.1", "sip:1000@192.0.2.1", "192.0.2.1 5060 UDP");
        check("1000@example.org:5070;a=b", "sip:1000@example.org:5070;a=b", "example.org 5070 UDP");
        check("1000@[::1]:5070;transport=TCP", "sip:1000@[::1]:5070;transport=TCP", "::1 5070 TCP");
        check("sip:x%23@h", "sip:x%23@h", "h 5060 UDP");
        check("a b#%23%x@h", "sip:a%20b%23%23%25x@h", "h 5060 UDP");
        check("1@h;fs_path=%3Csip%3A10.0.0.1%3A5090%3Blr%3E;x", "sip:1@h;x", "10.0.0.1 5090 UDP");
        check("sip:1@h;maddr=192.0.2.7", "sip:1@h;maddr=192.0.2.7", "192.0.2.7 5060 UDP");
        check("sip:h", "sip:h", "h 5060 UDP");
    }

    #[test]
    fn options_change_them() {
        let options = Options { prefix: "0", params: ";intercom=true", ..Options::default() };
        check_with("1@h", &options, "sip:01@h;intercom=true", "h 5060 UDP");
        let options = Options { request_uri: Some("<sip:9@far>"), route: Some("sip:10.1.1.1:7"), ..Options::default() };
        check_with("1@h", &options, "sip:9@far", "10.1.1.1 7 UDP");
        check_with("a#@h", &Options { raw: true, ..Options::default() }, "sip:a#@h", "h 5060 UDP");
    }

    #[test]
    fn another_to() {
        let to = |text: &str| parse(text, &Options::default()).unwrap().to;
        assert_eq!(to("1@h^2"), Some("sip:2@h".to_owned()));
        assert_eq!(to("1@h^2@i"), Some("sip:2@i".to_owned()));
        assert_eq!(to("sip:1@h^sip:3@j"), Some("sip:3@j".to_owned()));
        assert_eq!(to("1@h^"), None);
    }

    #[test]
    fn who_is_looked_up() {
        assert_eq!(registered("1000"), Some(("1000", None)));
        assert_eq!(registered("1000%example.org"), Some(("1000", Some("example.org"))));
        assert_eq!((registered("1000@h"), registered("sip:1000"), registered("a%20b@h")), (None, None, None));
    }

    #[test]
    fn proxies_of_a_path_are_a_route() {
        let parsed =
            parse("sip:1@h;fs_nat=yes;fs_path=%3Csip%3Ap1%3A7%3Blr%3E%2C%3Csip%3Ap2%3Blr%3E", &Options::default());
        let parsed = parsed.unwrap();
        assert_eq!((&*parsed.uri, parsed.hop.port, parsed.natted), ("sip:1@h", 7, true));
        assert_eq!(parsed.route, ["<sip:p1:7;lr>", "<sip:p2;lr>"]);
    }

    #[test]
    fn refusals() {
        for (text, cause) in [
            ("1000", Cause::USER_NOT_REGISTERED),
            ("1000%example.org", Cause::USER_NOT_REGISTERED),
            ("1000@", Cause::INVALID_URL),
            ("1000@h:99999", Cause::INVALID_URL),
            ("1000@a b", Cause::INVALID_URL),
            ("sips:1@h", Cause::DESTINATION_OUT_OF_ORDER),
            ("1@h;transport=tls", Cause::DESTINATION_OUT_OF_ORDER),
        ] {
            assert_eq!(parse(text, &Options::default()).unwrap_err(), cause, "{text}");
        }
    }
}
