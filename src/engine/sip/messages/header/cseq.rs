//! CSeq (RFC 3261 20.16), RSeq numbers and RAck (RFC 3262 7.2).

use super::super::method::Method;
use super::super::scan::{number, trim};

/// `CSeq: 4711 INVITE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³¹.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// Reads a value; none when it is malformed.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        let number = number(words.next()?, i32::MAX as u32)?;
        let method = Method::from_bytes(trim(words.next()?))?;
        words.next().is_none().then_some(Self { number, method })
    }
}

/// `RAck: 776656 1 INVITE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RAck {
    /// RSeq of the response.
    pub rseq: u32,
    /// CSeq of the response.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads a value; none when it is malformed.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let at = value.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
        let (first, rest) = super::super::scan::cut(value, at);
        Some(Self { rseq: number(first, u32::MAX)?, cseq: CSeq::parse(rest)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(CSeq::parse(b" 1  INVITE "), Some(CSeq { number: 1, method: Method::Invite }));
        for bad in
            [&b""[..], b"INVITE", b"x INVITE", b"1", b"2147483648 INVITE", b"1 INVITE x", b"36893488147419103232 ACK"]
        {
            assert_eq!(CSeq::parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(
            RAck::parse(b"776656 1 INVITE"),
            Some(RAck { rseq: 776_656, cseq: CSeq { number: 1, method: Method::Invite } })
        );
        assert_eq!(RAck::parse(b"1 INVITE"), None);
    }
}
