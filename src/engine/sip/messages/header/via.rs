//! Via (RFC 3261 20.42, RFC 3581).

use super::super::scan::{Params, cut, number, trim};

/// One Via value: `SIP/2.0/UDP host:port;branch=z9hG4bK…;rport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, … as written.
    pub transport: &'a [u8],
    /// `host[:port]` as written.
    pub sent_by: &'a [u8],
    /// Host of `sent_by`, brackets kept.
    pub host: &'a [u8],
    /// Port of `sent_by`.
    pub port: Option<u16>,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads one value (not a list); none when it is malformed.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (head, params) = match value.iter().position(|byte| *byte == b';') {
            Some(at) => value.split_at_checked(at)?,
            None => (value, &[][..]),
        };
        // protocol-name SLASH protocol-version SLASH transport LWS sent-by; blanks may surround the slashes.
        let (name, rest) = cut(head, head.iter().position(|byte| *byte == b'/')?);
        let (version, rest) = cut(rest, rest.iter().position(|byte| *byte == b'/')?);
        if !trim(name).eq_ignore_ascii_case(b"SIP") || trim(version) != b"2.0" {
            return None;
        }
        let rest = trim(rest);
        let (transport, sent_by) = cut(rest, rest.iter().position(|byte| matches!(byte, b' ' | b'\t'))?);
        let sent_by = trim(sent_by);
        let (host, port) = split_port(sent_by)?;
        let plain = !host.is_empty()
            && !transport.is_empty()
            && !host.iter().any(|byte| matches!(byte, b' ' | b'\t' | b',' | b'"'));
        plain.then_some(Self { transport, sent_by, host, port, params: Params(params) })
    }

    /// The transaction's branch.
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.value("branch").filter(|branch| !branch.is_empty())
    }
}

fn split_port(sent_by: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let colon = match sent_by.first()? {
        b'[' => {
            let close = sent_by.iter().position(|byte| *byte == b']')?;
            match sent_by.get(close.saturating_add(1)) {
                None => None,
                Some(b':') => Some(close.saturating_add(1)),
                Some(_) => return None,
            }
        }
        _ => sent_by.iter().position(|byte| *byte == b':'),
    };
    let Some(colon) = colon else { return Some((sent_by, None)) };
    let (host, port) = cut(sent_by, colon);
    Some((trim(host), Some(number(trim(port), u32::from(u16::MAX))? as u16)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let via = Via::parse(b"SIP/2.0/UDP 192.0.2.1:5066;rport;branch=z9hG4bK1").unwrap();
        assert_eq!((via.transport, via.host, via.port), (&b"UDP"[..], &b"192.0.2.1"[..], Some(5066)));
        assert_eq!(via.branch(), Some(&b"z9hG4bK1"[..]));
        assert!(via.params.has("rport"));
        let via = Via::parse(b"SIP / 2.0 / TCP   [2001:db8::1]:99").unwrap();
        assert_eq!(
            (via.transport, via.host, via.port, via.branch()),
            (&b"TCP"[..], &b"[2001:db8::1]"[..], Some(99), None)
        );
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/3.0/UDP h",
            "HTTP/2.0/UDP h",
            "SIP/2.0/UDP h:70000",
            "SIP/2.0/UDP h:",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP a b",
        ] {
            assert!(Via::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
