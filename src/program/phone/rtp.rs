//! RTP packets and telephone events as the phone sends and reads them (RFC 3550 5.1, RFC 4733 2.3).

/// A received packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Payload number.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
    /// Payload without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` when it is none.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3, rest @ ..] = bytes else { return None };
        if first >> 6 != 2 {
            return None;
        }
        let mut payload = rest.get(usize::from(first & 15) * 4..)?;
        if first & 0x10 != 0 {
            let words = u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]);
            payload = payload.get(4 + usize::from(words) * 4..)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            payload = payload.get(..payload.len().checked_sub(padding)?)?;
        }
        Some(Self {
            payload_type: second & 0x7F,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([*s0, *s1]),
            timestamp: u32::from_be_bytes([*t0, *t1, *t2, *t3]),
            ssrc: u32::from_be_bytes([*c0, *c1, *c2, *c3]),
            payload,
        })
    }

    /// The packet as bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12 + self.payload.len());
        out.push(0x80);
        out.push(self.payload_type & 0x7F | u8::from(self.marker) << 7);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(self.payload);
        out
    }
}

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// The event number of a digit.
pub(super) fn event_of(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    DIGITS.iter().position(|known| char::from(*known) == digit).and_then(|at| u8::try_from(at).ok())
}

/// The payload of a telephone event.
pub(super) fn event_payload(event: u8, end: bool, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    // Volume -10 dBm0.
    [event, 0x0A | u8::from(end) << 7, high, low]
}

/// Digit and end bit of a telephone event payload.
pub(super) fn read_event(payload: &[u8]) -> Option<(char, bool)> {
    let [event, flags, _, _, ..] = payload else { return None };
    Some((char::from(*DIGITS.get(usize::from(*event))?), flags & 0x80 != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn extension_csrc_and_padding_are_skipped() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 1, 0x80, 0, 9, 0, 0, 0, 8, 0, 0, 0, 7];
        bytes.extend([1, 1, 1, 1]);
        bytes.extend([0xBE, 0xDE, 0, 1, 2, 2, 2, 2]);
        bytes.extend([42, 43, 0, 2]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.sequence, packet.timestamp, packet.ssrc, packet.marker), (9, 8, 7, true));
        assert_eq!(packet.payload, [42, 43]);
    }

    #[test]
    fn digits_go_both_ways() {
        for digit in "0123456789*#ABCD".chars() {
            let payload = event_payload(event_of(digit).unwrap(), true, 800);
            assert_eq!(read_event(&payload), Some((digit, true)));
        }
        assert_eq!(event_of('x'), None);
        assert_eq!(read_event(&[99, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(packet) = Packet::parse(&bytes) {
                let _ = read_event(packet.payload);
            }
        }
    }
}
