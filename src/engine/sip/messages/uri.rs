//! URIs (RFC 3261 19.1, RFC 3966): `sip:`, `sips:`, `tel:`; everything else is kept whole.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use super::scan::{Params, cut, number, text};

/// The scheme of a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other.
    Other,
}

/// Why bytes are no URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Nothing before a colon that could be a scheme.
    #[error("no scheme")]
    NoScheme,
    /// The host is missing or has characters no host has.
    #[error("bad host")]
    BadHost,
    /// Not a number up to 65 535.
    #[error("bad port")]
    BadPort,
    /// Blanks, control characters, quotes or brackets.
    #[error("a character that no URI has")]
    BadCharacter,
}

/// A URI's parts, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The scheme as written, without the colon.
    pub scheme_text: &'a [u8],
    /// User part, or the number of a `tel:` URI; still percent-encoded.
    pub user: Option<&'a [u8]>,
    /// Password behind the user.
    pub password: Option<&'a [u8]>,
    /// Host, brackets of IPv6 kept; empty for `tel:`; all behind the colon for other schemes.
    pub host: &'a [u8],
    /// Port.
    pub port: Option<u16>,
    /// URI parameters, from the semicolon on.
    pub params: Params<'a>,
    /// Headers, behind the question mark.
    pub headers: Option<&'a [u8]>,
}

impl<'a> Uri<'a> {
    /// Reads a URI.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, UriError> {
        if bytes.iter().any(|byte| *byte <= b' ' || *byte == 0x7f || matches!(byte, b'<' | b'>' | b'"')) {
            return Err(UriError::BadCharacter);
        }
        let colon = bytes.iter().position(|byte| *byte == b':').ok_or(UriError::NoScheme)?;
        let (scheme_text, rest) = cut(bytes, colon);
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !scheme_text.first().is_some_and(u8::is_ascii_alphabetic) || !scheme_text.iter().all(plain) {
            return Err(UriError::NoScheme);
        }
        let scheme = match scheme_text {
            text if text.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            text if text.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            text if text.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            _ => Scheme::Other,
        };
        let empty = Uri {
            scheme,
            scheme_text,
            user: None,
            password: None,
            host: &[],
            port: None,
            params: Params(&[]),
            headers: None,
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => sip(empty, rest),
            Scheme::Tel => {
                let (number, params) = split_at_byte(rest, b';');
                if number.is_empty() {
                    return Err(UriError::BadHost);
                }
                Ok(Uri { user: Some(number), params: Params(params), ..empty })
            }
            Scheme::Other if rest.is_empty() => Err(UriError::BadHost),
            Scheme::Other => Ok(Uri { host: rest, ..empty }),
        }
    }

    /// User part with `%XX` decoded; empty when absent.
    pub fn user_text(&self) -> String {
        text(&percent_decode(self.user.unwrap_or_default())).into_owned()
    }

    /// Host as text, brackets of IPv6 kept.
    pub fn host_text(&self) -> Cow<'a, str> {
        text(self.host)
    }

    /// The host when it is an address.
    pub fn ip(&self) -> Option<IpAddr> {
        let host = std::str::from_utf8(self.host).ok()?;
        match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => host.parse().ok(),
        }
    }

    /// Writes the parts back.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.scheme_text);
        out.push(b':');
        if let Some(user) = self.user {
            out.extend_from_slice(user);
            if let Some(password) = self.password {
                out.push(b':');
                out.extend_from_slice(password);
            }
            if self.scheme != Scheme::Tel {
                out.push(b'@');
            }
        }
        out.extend_from_slice(self.host);
        if let Some(port) = self.port {
            out.extend_from_slice(format!(":{port}").as_bytes());
        }
        out.extend_from_slice(self.params.0);
        if let Some(headers) = self.headers {
            out.push(b'?');
            out.extend_from_slice(headers);
        }
    }
}

fn sip<'a>(empty: Uri<'a>, rest: &'a [u8]) -> Result<Uri<'a>, UriError> {
    let (userinfo, rest) = match rest.iter().position(|byte| *byte == b'@') {
        Some(at) => {
            let (userinfo, rest) = cut(rest, at);
            (Some(userinfo), rest)
        }
        None => (None, rest),
    };
    let (user, password) = match userinfo.map(|info| (info, info.iter().position(|byte| *byte == b':'))) {
        Some((info, Some(colon))) => {
            let (user, password) = cut(info, colon);
            (Some(user), Some(password))
        }
        Some((info, None)) => (Some(info), None),
        None => (None, None),
    };
    let (rest, headers) = match rest.iter().position(|byte| *byte == b'?') {
        Some(at) => {
            let (rest, headers) = cut(rest, at);
            (rest, Some(headers))
        }
        None => (rest, None),
    };
    let (hostport, params) = split_at_byte(rest, b';');
    let (host, port) = host_port(hostport)?;
    Ok(Uri { user, password, host, port, params: Params(params), headers, ..empty })
}

/// The part before the byte, and the rest with it.
fn split_at_byte(bytes: &[u8], wanted: u8) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|byte| *byte == wanted).unwrap_or(bytes.len());
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

fn host_port(bytes: &[u8]) -> Result<(&[u8], Option<u16>), UriError> {
    let colon = if bytes.first() == Some(&b'[') {
        let close = bytes.iter().position(|byte| *byte == b']').ok_or(UriError::BadHost)?;
        match bytes.get(close.saturating_add(1)) {
            None => None,
            Some(b':') => Some(close.saturating_add(1)),
            Some(_) => return Err(UriError::BadHost),
        }
    } else {
        bytes.iter().position(|byte| *byte == b':')
    };
    let (host, port) = match colon {
        Some(at) => {
            let (host, port) = cut(bytes, at);
            (host, Some(number(port, u32::from(u16::MAX)).ok_or(UriError::BadPort)? as u16))
        }
        None => (bytes, None),
    };
    let good = match host {
        [b'[', inner @ .., b']'] => std::str::from_utf8(inner).is_ok_and(|inner| inner.parse::<Ipv6Addr>().is_ok()),
        _ => {
            !host.is_empty()
                && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        }
    };
    if good { Ok((host, port)) } else { Err(UriError::BadHost) }
}

/// Decodes `%XX`; malformed escapes stay as they are.
pub fn percent_decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if let [b'%', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            out.push((high << 4) | low);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    Cow::Owned(out)
}

/// Encodes what a SIP user part may not hold (RFC 3261 25.1 `user`).
pub fn percent_encode_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (Scheme, Option<&str>, &str, Option<u16>, &str, Option<&str>) {
        let uri = Uri::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let s = |bytes| std::str::from_utf8(bytes).unwrap();
        let found = (uri.scheme, uri.user.map(s), s(uri.host), uri.port, s(uri.params.0), uri.headers.map(s));
        // Leaking is fine in a test; the parts borrow from `text` anyway.
        (found.0, found.1, found.2, found.3, found.4, found.5)
    }

    #[test]
    fn forms() {
        assert_eq!(parts("sip:h"), (Scheme::Sip, None, "h", None, "", None));
        assert_eq!(
            parts("sip:1;phone-context=x@h.example:5070;lr;transport=tcp?Subject=a"),
            (Scheme::Sip, Some("1;phone-context=x"), "h.example", Some(5070), ";lr;transport=tcp", Some("Subject=a"))
        );
        assert_eq!(parts("SIPS:a:b@[2001:db8::1]:1"), (Scheme::Sips, Some("a"), "[2001:db8::1]", Some(1), "", None));
        assert_eq!(parts("tel:+49-123;ext=1"), (Scheme::Tel, Some("+49-123"), "", None, ";ext=1", None));
        assert_eq!(parts("urn:service:sos"), (Scheme::Other, None, "service:sos", None, "", None));
        assert_eq!(parts("sip:a%23b@h").1, Some("a%23b"));
        assert_eq!(Uri::parse(b"sip:a%23b%4@h").unwrap().user_text(), "a#b%4");
        assert_eq!(Uri::parse(b"sip:[::1]").unwrap().ip(), Some("::1".parse().unwrap()));
        for bad in [
            "",
            "sip",
            "sip:",
            "sip:a@",
            "sip:h:",
            "sip:h:x",
            "sip:h:65536",
            "sip:[::1",
            "sip:[x]",
            "1:2",
            "sip:a b@h",
            "sip:a@b@c",
            "tel:",
            "x:",
        ] {
            assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn user_encoding() {
        assert_eq!(percent_encode_user("1000"), "1000");
        assert_eq!(percent_encode_user("a b#@ä"), "a%20b%23%40%C3%A4");
        assert_eq!(percent_decode(percent_encode_user("a b#@ä").as_bytes()).as_ref(), "a b#@ä".as_bytes());
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(uri) = Uri::parse(&bytes) {
                let _ = (uri.user_text(), uri.ip(), uri.params.has("lr"));
            }
        }

        #[test]
        fn printing_is_stable(text in "(sip|sips|tel|urn):[a-z0-9%;:@?&=.\\[\\]-]{0,40}") {
            if let Ok(uri) = Uri::parse(text.as_bytes()) {
                let mut printed = Vec::new();
                uri.write(&mut printed);
                let again = Uri::parse(&printed);
                prop_assert_eq!(again.as_ref(), Ok(&uri), "{:?}", String::from_utf8_lossy(&printed));
            }
        }
    }
}
