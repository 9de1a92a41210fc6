//! Scanning header text: blanks, tokens, quoted strings, lists. Works on bytes, since headers need not be UTF-8.

use std::borrow::Cow;

/// Header bytes as text: UTF-8, or else Latin-1. For people and variables; forwarding keeps the bytes.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// A character of `token` (RFC 3261 25.1).
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// A whole token.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_token_byte)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without blanks at both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

/// Parts at `position`: before it, and after the byte there.
pub(crate) fn cut(bytes: &[u8], position: usize) -> (&[u8], &[u8]) {
    (bytes.get(..position).unwrap_or(bytes), bytes.get(position.saturating_add(1)..).unwrap_or_default())
}

/// First `wanted` that is neither inside a quoted string nor inside angle brackets.
pub(crate) fn find_outside(bytes: &[u8], wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (index, &byte) in bytes.iter().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        if byte == wanted && !angle {
            return Some(index);
        }
        match byte {
            b'"' if !angle => quoted = true,
            b'<' => angle = true,
            b'>' => angle = false,
            _ => {}
        }
    }
    None
}

/// Pieces between separators outside quotes and brackets, trimmed; empty pieces are left out.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    rest: &'a [u8],
    separator: u8,
}

impl<'a> Pieces<'a> {
    pub(crate) const fn new(text: &'a [u8], separator: u8) -> Self {
        Self { rest: text, separator }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (piece, rest) = match find_outside(self.rest, self.separator) {
                Some(at) => cut(self.rest, at),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let piece = trim(piece);
            if !piece.is_empty() {
                return Some(piece);
            }
        }
        None
    }
}

/// The content of a quoted string without its escapes; other text as it stands.
pub fn unquote(bytes: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = bytes else { return Cow::Borrowed(bytes) };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        if byte == b'\\' && !escaped {
            escaped = true;
        } else {
            out.push(byte);
            escaped = false;
        }
    }
    Cow::Owned(out)
}

/// Text as a quoted string.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\r' | '\n' | '\0' => out.push(' '),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A number of at most `most`, digits only.
pub(crate) fn number(bytes: &[u8], most: u32) -> Option<u32> {
    if bytes.is_empty() || bytes.len() > 20 {
        return None;
    }
    let mut value: u32 = 0;
    for byte in bytes {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?;
    }
    (value <= most).then_some(value)
}

/// The parameters behind a value: `;name=value;name`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Params<'a>(pub &'a [u8]);

impl<'a> Params<'a> {
    /// Name and value pairs as written (quotes kept).
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        Pieces::new(self.0, b';').map(|piece| match find_outside(piece, b'=') {
            Some(at) => {
                let (name, value) = cut(piece, at);
                (trim(name), Some(trim(value)))
            }
            None => (piece, None),
        })
    }

    /// Whether a parameter of this name is there.
    pub fn has(self, name: &str) -> bool {
        self.iter().any(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Its value as written; empty when it has none.
    pub fn value(self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_respect_quotes_and_brackets() {
        let list: Vec<_> = Pieces::new(br#""a, b" <sip:x@y;p=1,2>;q=1 , , <sip:z>,"#, b',').collect();
        assert_eq!(list, [&br#""a, b" <sip:x@y;p=1,2>;q=1"#[..], b"<sip:z>"]);
        assert_eq!(Pieces::new(b"", b',').count(), 0);
        assert_eq!(Pieces::new(br#""never closed, x"#, b',').count(), 1);
    }

    #[test]
    fn parameters() {
        let params = Params(br#"; tag = abc;lr;x="a;b=c""#);
        assert_eq!(params.value("TAG"), Some(&b"abc"[..]));
        assert_eq!(params.value("lr"), Some(&b""[..]));
        assert_eq!(params.value("x"), Some(&br#""a;b=c""#[..]));
        assert!(!params.has("b"));
    }

    #[test]
    fn quoting_round_trips() {
        for text in ["", "plain", r#"say "hi" \ there"#] {
            assert_eq!(unquote(quote(text).as_bytes()).as_ref(), text.as_bytes());
        }
        assert_eq!(quote("a\r\nb"), "\"a  b\"");
        assert_eq!(unquote(b"\"").as_ref(), b"\"");
    }

    #[test]
    fn numbers_are_bounded() {
        assert_eq!(number(b"65535", 65535), Some(65535));
        for bad in [&b""[..], b"65536", b"-1", b"+1", b"99999999999", b"1 "] {
            assert_eq!(number(bad, 65535), None);
        }
    }

    #[test]
    fn text_is_utf8_or_latin1() {
        assert_eq!(text("ä".as_bytes()), "ä");
        assert_eq!(text(b"\xe4"), "ä");
    }
}
