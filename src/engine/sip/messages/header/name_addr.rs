//! `name-addr` and `addr-spec` values (RFC 3261 20.10): From, To, Contact, Route, Refer-To, P-Asserted-Identity …

use std::borrow::Cow;

use super::super::scan::{Params, cut, find_outside, quote, text, trim, unquote};
use super::super::uri::{Uri, UriError};

/// `"Display" <sip:user@host>;param=value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The display name as written (quotes kept); empty when absent.
    pub display: &'a [u8],
    /// The URI without brackets; `*` for a wildcard Contact.
    pub uri: &'a [u8],
    /// Header parameters.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value (not a list); none when the brackets or quotes do not fit or there is no URI.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        let Some(open) = find_outside(value, b'<') else {
            // Without brackets all parameters belong to the header (RFC 3261 20.10).
            let (uri, params) = match value.iter().position(|byte| *byte == b';') {
                Some(at) => value.split_at_checked(at)?,
                None => (value, &[][..]),
            };
            let uri = trim(uri);
            let plain = !uri.is_empty() && !uri.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'<' | b'>'));
            return plain.then_some(Self { display: &[], uri, params: Params(params) });
        };
        let (display, rest) = cut(value, open);
        let close = rest.iter().position(|byte| *byte == b'>')?;
        let (uri, params) = cut(rest, close);
        let (uri, params) = (trim(uri), trim(params));
        if uri.is_empty() || uri.contains(&b'<') || !matches!(params.first(), None | Some(b';')) {
            return None;
        }
        Some(Self { display: trim(display), uri, params: Params(params) })
    }

    /// The display name for people: without quotes and escapes.
    pub fn display_text(&self) -> String {
        text(&unquote(self.display)).into_owned()
    }

    /// The URI as text.
    pub fn uri_text(&self) -> Cow<'a, str> {
        text(self.uri)
    }

    /// The URI's parts.
    pub fn parsed_uri(&self) -> Result<Uri<'a>, UriError> {
        Uri::parse(self.uri)
    }

    /// The `tag` parameter; none when absent or empty.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }
}

/// Prints `"Display" <uri>`, or `<uri>` without display name.
pub fn name_addr(display: &str, uri: &str) -> String {
    if display.is_empty() { format!("<{uri}>") } else { format!("{} <{uri}>", quote(display)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, display: &str, uri: &str, tag: Option<&str>) {
        let parsed = NameAddr::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value}"));
        assert_eq!(
            (parsed.display_text().as_str(), &*parsed.uri_text(), parsed.tag()),
            (display, uri, tag.map(str::as_bytes)),
            "{value}"
        );
    }

    #[test]
    fn forms() {
        check("<sip:a@b>;tag=1", "", "sip:a@b", Some("1"));
        check("sip:a@b;tag=1", "", "sip:a@b", Some("1"));
        check(r#""A <B>, \"C\"" <sip:a@b;user=phone> ; tag=x"#, r#"A <B>, "C""#, "sip:a@b;user=phone", Some("x"));
        check("Plain Words  <sip:a@b>", "Plain Words", "sip:a@b", None);
        check("*", "", "*", None);
        check("<tel:+49123>;tag=", "", "tel:+49123", None);
        for bad in ["", "<sip:a@b", "<>", "\"x\"", "\"open <sip:a@b>", "a b", "<sip:a> junk", "<<sip:a>>"] {
            assert!(NameAddr::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn printed_values_read_back() {
        for display in ["", "Bob", r#"Bob "the \ builder""#] {
            let printed = name_addr(display, "sip:b@h");
            check(&printed, display, "sip:b@h", None);
        }
    }
}
