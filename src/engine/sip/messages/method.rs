//! Request methods: case-sensitive tokens, an open set (RFC 3261 7.1).

use std::fmt;

/// A request method.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261.
    Invite,
    /// RFC 3261.
    Ack,
    /// RFC 3261.
    Bye,
    /// RFC 3261.
    Cancel,
    /// RFC 3261.
    Options,
    /// RFC 3261.
    Register,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 6086.
    Info,
    /// RFC 3515.
    Refer,
    /// RFC 6665.
    Notify,
    /// RFC 6665.
    Subscribe,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// Any other token.
    Other(Box<str>),
}

const KNOWN: &[(&str, Method)] = &[
    ("INVITE", Method::Invite),
    ("ACK", Method::Ack),
    ("BYE", Method::Bye),
    ("CANCEL", Method::Cancel),
    ("OPTIONS", Method::Options),
    ("REGISTER", Method::Register),
    ("PRACK", Method::Prack),
    ("UPDATE", Method::Update),
    ("INFO", Method::Info),
    ("REFER", Method::Refer),
    ("NOTIFY", Method::Notify),
    ("SUBSCRIBE", Method::Subscribe),
    ("MESSAGE", Method::Message),
    ("PUBLISH", Method::Publish),
];

/// Longest method token taken.
const LONGEST: usize = 64;

impl Method {
    /// Reads a token; none when the bytes are not one.
    pub fn from_bytes(token: &[u8]) -> Option<Self> {
        if let Some((_, method)) = KNOWN.iter().find(|(name, _)| name.as_bytes() == token) {
            return Some(method.clone());
        }
        if token.len() > LONGEST || !super::scan::is_token(token) {
            return None;
        }
        std::str::from_utf8(token).ok().map(|text| Self::Other(text.into()))
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => KNOWN.iter().find(|(_, method)| method == known).map_or("", |(name, _)| name),
        }
    }

    /// Whether some RFC defines it (an unknown one is answered 501, a known one that is not served 405).
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_case_sensitive_and_open() {
        for (text, method) in KNOWN {
            assert_eq!(Method::from_bytes(text.as_bytes()).as_ref(), Some(method));
            assert_eq!(method.as_str(), *text);
        }
        assert_eq!(Method::from_bytes(b"invite"), Some(Method::Other("invite".into())));
        assert!(!Method::from_bytes(b"invite").unwrap().is_known());
        assert_eq!(Method::from_bytes(b""), None);
        assert_eq!(Method::from_bytes(b"IN VITE"), None);
        assert_eq!(Method::from_bytes(&[b'A'; 65]), None);
    }
}
