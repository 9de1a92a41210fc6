//! The texts of an event: plain, JSON, XML (spec: event socket, formats).

use std::fmt::Write as _;

use super::{ARRAY_PREFIX, Event, items};

impl Event {
    /// `Name: value` lines with encoded values, a blank line, the body with its length.
    pub fn plain(&self) -> String {
        let length =
            self.headers().iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(8));
        let mut text = String::with_capacity(length.sum());
        for (name, value) in self.headers().iter().filter(|(_, value)| !value.is_empty()) {
            text.push_str(name);
            text.push_str(": ");
            encode_into(value, &mut text);
            text.push('\n');
        }
        match self.body() {
            Some(body) => {
                let _ = write!(text, "Content-Length: {}\n\n{body}", body.len());
            }
            None => text.push('\n'),
        }
        text
    }

    /// One object of strings; arrays as arrays, the body as `_body`.
    pub fn json(&self) -> String {
        let mut object = serde_json::Map::new();
        for (name, value) in self.headers() {
            let value = if value.starts_with(ARRAY_PREFIX) {
                items(value).map(str::to_owned).collect::<Vec<_>>().into()
            } else {
                value.as_str().into()
            };
            object.entry(name.clone()).or_insert(value);
        }
        if let Some(body) = self.body() {
            object.insert("Content-Length".to_owned(), body.len().to_string().into());
            object.insert("_body".to_owned(), body.into());
        }
        serde_json::Value::Object(object).to_string()
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

fn encode_into(value: &str, text: &mut String) {
    if value.bytes().all(is_safe) {
        text.push_str(value);
        return;
    }
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase();
    for (at, byte) in value.bytes().enumerate() {
        if is_safe(byte) || (byte == b'%' && is_encoded(value, at)) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

fn is_safe(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"#%&+:;<=>?@[\\]^`{|}\"".contains(&byte)
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
            event.json(),
            "{\"Event-Name\":\"CUSTOM\",\"X\":\"p q%2F\u{e9}\",\"L\":[\"a\",\"b\"],\"Empty\":\"\"}"
        );
        event.set_body("b<");
        assert!(event.plain().ends_with("\nContent-Length: 2\n\nb<"), "{}", event.plain());
        assert!(event.json().ends_with(",\"Content-Length\":\"2\",\"_body\":\"b<\"}"), "{}", event.json());
        assert!(event.xml().starts_with("<event>\n  <headers>\n    <Event-Name>CUSTOM</Event-Name>\n"));
        assert!(event.xml().ends_with("  <Content-Length>2</Content-Length>\n  <body>b&lt;</body>\n</event>\n"));
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
