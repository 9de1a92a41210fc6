//! The texts of an event: plain, JSON, XML (spec: event socket, formats).

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{ARRAY_PREFIX, Event, items};

impl Event {
    /// `Name: value` lines with encoded values, a blank line, the body with its length.
    pub fn plain(&self) -> String {
        let mut text = String::with_capacity(self.plain_length());
        self.write_plain(|piece| text.push_str(piece));
        text
    }

    /// How many bytes [`Event::plain`] has.
    pub fn plain_length(&self) -> usize {
        let mut length = 0usize;
        self.write_plain(|piece| length = length.saturating_add(piece.len()));
        length
    }

    /// Gives [`Event::plain`] away in pieces that are there already.
    pub fn write_plain<'a>(&'a self, mut take: impl FnMut(&'a str)) {
        self.lines().for_each(&mut take);
        match (self.body(), self.body_length()) {
            (Some(body), Some(length)) => {
                take("Content-Length: ");
                take(length);
                take("\n\n");
                take(body);
            }
            _ => take("\n"),
        }
    }

    /// One object of strings; arrays as arrays, the body as `_body`. All who ask share one text.
    pub fn json(&self) -> Arc<str> {
        Arc::clone(self.kept_json().get_or_init(|| self.written_json().into()))
    }

    fn written_json(&self) -> String {
        let mut text = String::with_capacity(self.plain_length().saturating_mul(5) / 4);
        let mut known = HashSet::new();
        let mut separator = '{';
        let mut key = |name: &'_ str, text: &mut String| {
            text.push(separator);
            separator = ',';
            json_string(name, text);
            text.push(':');
        };
        // The body's own headers take the place of those of the same name.
        let own = ["Content-Length", "_body"].map(|name| (name, self.body().is_some()));
        for (name, value) in self.headers() {
            if own.contains(&(name, true)) || !known.insert(name) {
                continue;
            }
            key(name, &mut text);
            if value.starts_with(ARRAY_PREFIX) {
                let mut before = '[';
                for item in items(value) {
                    text.push(before);
                    before = ',';
                    json_string(item, &mut text);
                }
                text.push(']');
            } else {
                json_string(value, &mut text);
            }
        }
        if let (Some(body), Some(length)) = (self.body(), self.body_length()) {
            key("Content-Length", &mut text);
            json_string(length, &mut text);
            key("_body", &mut text);
            json_string(body, &mut text);
        }
        text.push_str(if text.is_empty() { "{}" } else { "}" });
        text
    }

    /// `<event>` with `<headers>` of encoded values, and `<body>`.
    pub fn xml(&self) -> String {
        let mut text = "<event>\n  <headers>\n".to_owned();
        for (name, value) in self.headers() {
            let name = element(name);
            let _ = writeln!(text, "    <{name}>{}</{name}>", url_encoded(value));
        }
        text.push_str("  </headers>\n");
        if let Some(body) = self.body() {
            let _ =
                writeln!(text, "  <Content-Length>{}</Content-Length>\n  <body>{}</body>", body.len(), escaped(body));
        }
        text.push_str("</event>\n");
        text
    }
}

/// A value as URLs and event lines show it: everything unsafe in a URL as `%XX`. What is encoded already stays.
pub fn url_encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    encode_into(value, &mut text);
    text
}

pub(super) fn encode_into(value: &str, text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().map_or('0', char::from);
    // What is safe goes over in one piece.
    let mut begin = 0;
    for (at, byte) in value.bytes().enumerate() {
        if is_safe(byte) || (byte == b'%' && is_encoded(value, at)) {
            continue;
        }
        text.push_str(value.get(begin..at).unwrap_or_default());
        text.push('%');
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
        begin = at.saturating_add(1);
    }
    text.push_str(value.get(begin..).unwrap_or_default());
}

/// Whether a value is its own encoding.
pub(super) fn is_plain(value: &str) -> bool {
    value.bytes().all(is_safe)
}

/// The bytes that stay as they are.
#[expect(clippy::indexing_slicing, reason = "a constant: a wrong index stops the compilation")]
const SAFE: [bool; 256] = {
    let mut safe = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        safe[byte as usize] = true;
        byte += 1;
    }
    let unsafe_bytes = b"#%&+:;<=>?@[\\]^`{|}\"";
    let mut at = 0;
    while at < unsafe_bytes.len() {
        safe[unsafe_bytes[at] as usize] = false;
        at += 1;
    }
    safe
};

fn is_safe(byte: u8) -> bool {
    SAFE.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Adds a text as a JSON string.
pub fn json_string(value: &str, text: &mut String) {
    text.push('"');
    let mut begin = 0;
    for (at, byte) in value.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        text.push_str(value.get(begin..at).unwrap_or_default());
        begin = at.saturating_add(1);
        let letter = match byte {
            b'"' | b'\\' => char::from(byte),
            b'\n' => 'n',
            b'\r' => 'r',
            b'\t' => 't',
            8 => 'b',
            12 => 'f',
            _ => {
                let _ = write!(text, "\\u{byte:04x}");
                continue;
            }
        };
        text.push('\\');
        text.push(letter);
    }
    text.push_str(value.get(begin..).unwrap_or_default());
    text.push('"');
}

fn is_encoded(text: &str, at: usize) -> bool {
    let digit = |b: &u8| matches!(b, b'0'..=b'9' | b'A'..=b'F');
    text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(digit))
}

/// A header's name as that of an element: what XML does not take becomes `_`.
fn element(name: &str) -> String {
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let text: String = name.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
    if text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') { text } else { format!("_{text}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::EventName;
    use super::*;

    fn event() -> Event {
        let mut event = Event::bare(EventName::CUSTOM);
        event.add("Event-Name", "CUSTOM");
        event.add("X", "p q%2F\u{e9}");
        event.add("L", "ARRAY::a|:b");
        event.add("Empty", "");
        event
    }

    #[test]
    fn three_forms() {
        let mut event = event();
        assert_eq!(event.plain(), "Event-Name: CUSTOM\nX: p%20q%2F%C3%A9\nL: ARRAY%3A%3Aa%7C%3Ab\n\n");
        assert_eq!(
            &*event.json(),
            "{\"Event-Name\":\"CUSTOM\",\"X\":\"p q%2F\u{e9}\",\"L\":[\"a\",\"b\"],\"Empty\":\"\"}"
        );
        event.set_body("b<");
        assert!(event.plain().ends_with("\nContent-Length: 2\n\nb<"), "{}", event.plain());
        assert!(event.json().ends_with(",\"Content-Length\":\"2\",\"_body\":\"b<\"}"), "{}", event.json());
        assert!(event.xml().starts_with("<event>\n  <headers>\n    <Event-Name>CUSTOM</Event-Name>\n"));
        assert!(event.xml().ends_with("  <Content-Length>2</Content-Length>\n  <body>b&lt;</body>\n</event>\n"));
    }

    proptest! {
        #[test]
        fn json_and_encoding_as_written_by_others(value in "[ -~\u{e9}\u{1F600}\n\t\u{1}\u{c}\u{7f}]{0,12}") {
            let mut quoted = String::new();
            json_string(&value, &mut quoted);
            prop_assert_eq!(quoted, serde_json::Value::from(value.as_str()).to_string());
            let plainly = value.bytes().enumerate().map(|(at, byte)| {
                if is_safe(byte) || (byte == b'%' && is_encoded(&value, at)) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            });
            prop_assert_eq!(url_encoded(&value), plainly.collect::<String>());
        }
    }

    #[test]
    fn values_and_names_that_need_care() {
        for (value, text) in
            [("a:b c", "a%3Ab%20c"), ("100%", "100%25"), ("%2f", "%252f"), ("/,()!*'$~._-", "/,()!*'$~._-")]
        {
            assert_eq!(url_encoded(value), text);
        }
        assert_eq!((element("a b"), element("1x"), element("")), ("a_b".to_owned(), "_1x".to_owned(), "_".to_owned()));
    }
}
