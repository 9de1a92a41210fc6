//! RTP packets (RFC 3550 5.1): read without copying, written into the caller's buffer.

/// Bytes of the fixed header, which is all we write.
pub const HEADER_LEN: usize = 12;

/// A packet that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The fixed header.
    pub header: Header,
    /// Payload, without contributors, extension and padding.
    pub payload: &'a [u8],
}

/// The fixed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Marker bit: the beginning of a talk spurt or event.
    pub marker: bool,
    /// Payload number, 0..=127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// Why a datagram is no RTP packet. All of them are the peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtpError {
    /// Shorter than the header, the contributors or the extension it announces.
    #[error("the packet is cut short")]
    Short,
    /// Another version than 2.
    #[error("the packet has version {0}, not 2")]
    Version(u8),
    /// More padding than payload, or padding of length 0.
    #[error("the padding is impossible")]
    Padding,
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let Some(([first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3], rest)) =
            bytes.split_first_chunk::<HEADER_LEN>()
        else {
            return Err(RtpError::Short);
        };
        if first >> 6 != 2 {
            return Err(RtpError::Version(first >> 6));
        }
        let mut payload = rest.get(usize::from(first & 0x0F) * 4..).ok_or(RtpError::Short)?;
        if first & 0x10 != 0 {
            let ([_, _, high, low], rest) = payload.split_first_chunk::<4>().ok_or(RtpError::Short)?;
            payload = rest.get(usize::from(u16::from_be_bytes([*high, *low])) * 4..).ok_or(RtpError::Short)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last().ok_or(RtpError::Padding)?);
            let kept = payload.len().checked_sub(padding).filter(|_| padding != 0).ok_or(RtpError::Padding)?;
            payload = payload.get(..kept).ok_or(RtpError::Padding)?;
        }
        let header = Header {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7F,
            sequence: u16::from_be_bytes([*s0, *s1]),
            timestamp: u32::from_be_bytes([*t0, *t1, *t2, *t3]),
            ssrc: u32::from_be_bytes([*c0, *c1, *c2, *c3]),
        };
        Ok(Self { header, payload })
    }
}

impl Header {
    /// The header as bytes: no contributors, no extension, no padding.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        [0x80, self.second(), s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }

    /// Writes header and payload into `out`, which keeps its memory from packet to packet.
    pub fn write(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.to_bytes());
        out.extend_from_slice(payload);
    }

    /// Puts this header over that of a packet, in place, for relays: contributors, extension, padding and payload of the
    /// packet stay. False, and nothing changes, when the bytes are too few for a header.
    pub fn overwrite(&self, packet: &mut [u8]) -> bool {
        let Some(fixed) = packet.first_chunk_mut::<HEADER_LEN>() else { return false };
        let [first, ..] = *fixed;
        *fixed = self.to_bytes();
        let [kept, ..] = fixed;
        *kept = first;
        true
    }

    fn second(&self) -> u8 {
        (u8::from(self.marker) << 7) | (self.payload_type & 0x7F)
    }
}

/// Whether a datagram on a shared port is RTCP rather than RTP (RFC 5761 4: types 192 to 223).
pub fn looks_like_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [first, 192..=223, ..] if first >> 6 == 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: Header = Header { marker: true, payload_type: 8, sequence: 0xFFFE, timestamp: 0x0102_0304, ssrc: 7 };

    #[test]
    fn contributors_extension_and_padding_are_skipped() {
        let mut bytes = HEADER.to_bytes().to_vec();
        bytes[0] = 0x80 | 0x20 | 0x10 | 2;
        bytes.extend([1; 8]);
        bytes.extend([0xBE, 0xDE, 0, 1, 9, 9, 9, 9]);
        bytes.extend([42, 43, 0, 2]);
        assert_eq!(Packet::parse(&bytes), Ok(Packet { header: HEADER, payload: &[42, 43] }));
        let other = Header { marker: false, payload_type: 0, sequence: 1, timestamp: 2, ssrc: 3 };
        assert!(other.overwrite(&mut bytes));
        assert_eq!(Packet::parse(&bytes), Ok(Packet { header: other, payload: &[42, 43] }));
    }

    #[test]
    fn faulty_packets_are_told() {
        let plain = HEADER.to_bytes();
        let with = |first: u8, rest: &[u8]| {
            let mut bytes = plain.to_vec();
            bytes[0] = first;
            bytes.extend(rest);
            bytes
        };
        for (bytes, expected) in [
            (plain[..11].to_vec(), RtpError::Short),
            (vec![], RtpError::Short),
            (with(0x40, &[]), RtpError::Version(1)),
            (with(0x81, &[0; 3]), RtpError::Short),
            (with(0x90, &[0; 3]), RtpError::Short),
            (with(0x90, &[0, 0, 0, 2, 1, 1, 1, 1]), RtpError::Short),
            (with(0xA0, &[]), RtpError::Padding),
            (with(0xA0, &[1, 0]), RtpError::Padding),
            (with(0xA0, &[1, 3]), RtpError::Padding),
        ] {
            assert_eq!(Packet::parse(&bytes), Err(expected), "{bytes:?}");
        }
        assert!(!HEADER.overwrite(&mut [0; 11]));
    }

    #[test]
    fn rtcp_is_told_apart() {
        assert!(looks_like_rtcp(&[0x80, 200, 0, 0]) && looks_like_rtcp(&[0x81, 201]));
        assert!(!looks_like_rtcp(&[0x80, 0x80 | 8]) && !looks_like_rtcp(&[0x40, 200]) && !looks_like_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload.len() + HEADER_LEN <= bytes.len());
            }
        }

        #[test]
        fn what_is_written_reads_back(
            marker: bool, payload_type in 0_u8..128, sequence: u16, timestamp: u32, ssrc: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            let header = Header { marker, payload_type, sequence, timestamp, ssrc };
            let mut bytes = vec![1, 2, 3];
            header.write(&payload, &mut bytes);
            prop_assert_eq!(Packet::parse(&bytes), Ok(Packet { header, payload: &payload }));
        }
    }
}
