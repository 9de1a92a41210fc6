//! SIP text as the phone reads and writes it.
//!
//! Deliberately apart from [`crate::engine::sip`]: a test peer that shared the switch's parser and printer could not see
//! their mistakes. Small and plain; it need only understand what a switch sends, and may write what a switch must
//! refuse. Not for the switch itself.

use std::fmt;

/// One SIP request or response. Headers keep their order and spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// First line, without its line end.
    pub start: String,
    /// Name and value pairs.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

/// Why bytes are no SIP message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No empty line ends the headers.
    #[error("the headers have no end")]
    NoHeaderEnd,
    /// A header line without a colon.
    #[error("header line without a colon: {0:?}")]
    NoColon(String),
    /// The body is shorter than Content-Length says.
    #[error("the body has {have} bytes, Content-Length says {said}")]
    ShortBody {
        /// Bytes present.
        have: usize,
        /// Bytes announced.
        said: usize,
    },
}

/// The compact header names of RFC 3261 7.3.3 and their long forms.
const COMPACT: &[(&str, &str)] = &[
    ("c", "Content-Type"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("s", "Subject"),
    ("t", "To"),
    ("v", "Via"),
];

fn long_name(name: &str) -> &str {
    COMPACT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)).map_or(name, |(_, long)| long)
}

impl Message {
    /// A request line.
    pub fn request(method: &str, uri: &str) -> Self {
        Self { start: format!("{method} {uri} SIP/2.0"), ..Self::default() }
    }

    /// The response to a request: status line, and Via, From, To, Call-ID, CSeq, Record-Route copied. `tag` is added to
    /// To when it has none.
    pub fn response(request: &Message, status: u16, phrase: &str, tag: &str) -> Self {
        let mut out = Self { start: format!("SIP/2.0 {status} {phrase}"), ..Self::default() };
        for (name, value) in &request.headers {
            let name = long_name(name);
            if ["Via", "From", "Call-ID", "CSeq", "Record-Route"].iter().any(|kept| kept.eq_ignore_ascii_case(name)) {
                out.add(name, value);
            } else if name.eq_ignore_ascii_case("To") {
                let tagged = parameter(value, "tag").is_some() || status == 100;
                out.add("To", &if tagged { value.clone() } else { format!("{value};tag={tag}") });
            }
        }
        out
    }

    /// Appends a header.
    pub fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Sets the body and its type.
    pub fn set_body(&mut self, kind: &str, body: Vec<u8>) {
        self.add("Content-Type", kind);
        self.body = body;
    }

    /// The first header of that name, long or compact.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All headers of that name, in order.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let wanted = long_name(name).to_owned();
        let same = move |(name, _): &&(String, String)| long_name(name).eq_ignore_ascii_case(&wanted);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str())
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        let mut words = self.start.splitn(3, ' ');
        words.next().filter(|version| version.eq_ignore_ascii_case("SIP/2.0"))?;
        words.next()?.parse().ok()
    }

    /// The phrase of a response.
    pub fn phrase(&self) -> &str {
        self.start.splitn(3, ' ').nth(2).unwrap_or("")
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&str> {
        if self.status().is_some() { None } else { self.start.split(' ').next() }
    }

    /// The Request-URI of a request.
    pub fn request_uri(&self) -> Option<&str> {
        if self.status().is_some() { None } else { self.start.split(' ').nth(1) }
    }

    /// Number and method of CSeq.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        let (number, method) = self.header("CSeq")?.trim().split_once(char::is_whitespace)?;
        Some((number.parse().ok()?, method.trim()))
    }

    /// The branch of the topmost Via.
    pub fn branch(&self) -> Option<&str> {
        parameter(self.header("Via")?, "branch")
    }

    /// Whether the body is SDP.
    pub fn has_sdp(&self) -> bool {
        !self.body.is_empty()
            && self.header("Content-Type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/sdp"))
    }

    /// Reads one message. A datagram without Content-Length has its body to the end.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let end = header_end(bytes).ok_or(MessageError::NoHeaderEnd)?;
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
        let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
        let mut out = Self { start: lines.next().unwrap_or_default().to_owned(), ..Self::default() };
        for line in lines {
            if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), out.headers.last_mut()) {
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| MessageError::NoColon(line.to_owned()))?;
            out.add(name.trim(), value.trim());
        }
        let body = bytes.get(end..).unwrap_or_default();
        out.body = match content_length(&out) {
            Some(said) => body.get(..said).ok_or(MessageError::ShortBody { have: body.len(), said })?.to_vec(),
            None => body.to_vec(),
        };
        Ok(out)
    }

    /// The message as bytes; Content-Length is written when the message does not hold one.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.to_string().into_bytes();
        out.extend_from_slice(&self.body);
        out
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n", self.start)?;
        for (name, value) in &self.headers {
            write!(f, "{name}: {value}\r\n")?;
        }
        if self.header("Content-Length").is_none() {
            write!(f, "Content-Length: {}\r\n", self.body.len())?;
        }
        f.write_str("\r\n")
    }
}

/// Where the body begins.
fn header_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

fn content_length(message: &Message) -> Option<usize> {
    message.header("Content-Length")?.trim().parse().ok()
}

/// Takes one complete message off the front of a stream; `None` while more bytes are needed.
pub(super) fn take_from_stream(buffer: &mut Vec<u8>) -> Option<Result<Message, MessageError>> {
    let skip = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    buffer.drain(..skip);
    let end = header_end(buffer)?;
    let head = match Message::parse(buffer.get(..end).unwrap_or_default()) {
        Ok(head) => head,
        Err(MessageError::ShortBody { said, .. }) => {
            let whole = end.checked_add(said).filter(|whole| *whole <= buffer.len())?;
            let bytes: Vec<u8> = buffer.drain(..whole).collect();
            return Some(Message::parse(&bytes));
        }
        Err(error) => return Some(Err(error)),
    };
    buffer.drain(..end);
    Some(Ok(head))
}

/// A `;name=value` parameter of a header value, outside angle brackets and quotes.
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let tail = value.rfind('>').map_or(value, |at| value.get(at..).unwrap_or(""));
    tail.split(';').skip(1).find_map(|part| {
        let (key, text) = part.split_once('=').unwrap_or((part, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| text.trim().trim_matches('"'))
    })
}

/// The URI of a name-addr or addr-spec, without angle brackets and header parameters.
pub fn uri_of(value: &str) -> &str {
    if let Some((_, rest)) = value.split_once('<') {
        return rest.split('>').next().unwrap_or(rest);
    }
    value.split(';').next().unwrap_or(value).trim()
}

/// The user part of a SIP URI; empty when it has none.
pub fn user_of(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split_once('@').map_or("", |(user, _)| user.split(';').next().unwrap_or(user))
}

/// Cause number and text of a `Reason: Q.850;cause=17;text="USER_BUSY"` header (RFC 3326).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `Q.850`, `SIP`.
    pub protocol: String,
    /// The number.
    pub cause: u32,
    /// The text; empty when there is none.
    pub text: String,
}

impl Reason {
    /// The first Reason header of a message.
    pub fn of(message: &Message) -> Option<Self> {
        let value = message.header("Reason")?;
        Some(Self {
            protocol: value.split(';').next().unwrap_or("").trim().to_owned(),
            cause: parameter(value, "cause")?.parse().ok()?,
            text: parameter(value, "text").unwrap_or("").to_owned(),
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};cause={};text=\"{}\"", self.protocol, self.cause, self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUSY: &str = "SIP/2.0 486 Busy Here\r\nv: SIP/2.0/UDP 127.0.0.1:5;branch=z9hG4bKx;rport\r\n\
        From: <sip:a@h>;tag=1\r\nTo: \"B; tag=no\" <sip:b@h;tag=no>;tag=2\r\ni: c\r\nCSeq: 7  INVITE\r\n\
        Reason: Q.850;cause=17;text=\"USER_BUSY\"\r\nX-Long: one\r\n two\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn a_response_is_read() {
        let message = Message::parse(BUSY.as_bytes()).unwrap();
        assert_eq!(message.status(), Some(486));
        assert_eq!(message.phrase(), "Busy Here");
        assert_eq!(message.method(), None);
        assert_eq!(message.cseq(), Some((7, "INVITE")));
        assert_eq!(message.branch(), Some("z9hG4bKx"));
        assert_eq!(parameter(message.header("To").unwrap(), "tag"), Some("2"));
        assert_eq!(message.header("x-long"), Some("one two"));
        let reason = Reason::of(&message).unwrap();
        assert_eq!((reason.cause, reason.text.as_str()), (17, "USER_BUSY"));
        assert_eq!(reason.to_string(), "Q.850;cause=17;text=\"USER_BUSY\"");
    }

    #[test]
    fn uris_are_taken_apart() {
        for (text, uri, user) in [
            ("<sip:bob@h:5>;tag=x", "sip:bob@h:5", "bob"),
            ("\"Bob\" <sips:bob;p=1@h>", "sips:bob;p=1@h", "bob"),
            ("sip:h;tag=1", "sip:h", ""),
        ] {
            assert_eq!((uri_of(text), user_of(uri)), (uri, user));
        }
    }

    #[test]
    fn a_stream_gives_one_message_at_a_time() {
        let mut one = Message::request("OPTIONS", "sip:h");
        one.set_body("text/plain", b"hello".to_vec());
        let two = Message::request("BYE", "sip:h");
        let mut all = b"\r\n\r\n".to_vec();
        all.extend(one.to_bytes());
        all.extend(two.to_bytes());
        let mut buffer = Vec::new();
        let mut seen = Vec::new();
        for byte in all {
            buffer.push(byte);
            while let Some(message) = take_from_stream(&mut buffer) {
                seen.push(message.unwrap());
            }
        }
        let kinds: Vec<_> = seen.iter().map(|message| (message.method(), message.body.len())).collect();
        assert_eq!(kinds, [(Some("OPTIONS"), 5), (Some("BYE"), 0)]);
    }

    #[test]
    fn a_response_copies_what_it_must() {
        let mut invite = Message::request("INVITE", "sip:b@h");
        for (name, value) in [("v", "one"), ("Via", "two"), ("f", "<sip:a>;tag=1"), ("t", "<sip:b>"), ("X", "no")] {
            invite.add(name, value);
        }
        let ringing = Message::response(&invite, 180, "Ringing", "here");
        let names: Vec<_> = ringing.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Via", "Via", "From", "To"]);
        assert_eq!(ringing.header("To"), Some("<sip:b>;tag=here"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Message::parse(&bytes);
            let mut buffer = bytes;
            let _ = take_from_stream(&mut buffer);
        }

        #[test]
        fn what_is_written_is_read(name in "[A-Za-z-]{2,12}", value in "[!-~]{1,30}", body in "[ -~]{0,40}") {
            prop_assume!(!name.eq_ignore_ascii_case("content-length"));
            let mut message = Message::request("INFO", "sip:x@y");
            message.add(&name, &value);
            message.set_body("text/plain", body.into_bytes());
            let mut back = Message::parse(&message.to_bytes()).unwrap();
            back.headers.retain(|(name, _)| name != "Content-Length");
            prop_assert_eq!(back, message);
        }
    }
}
