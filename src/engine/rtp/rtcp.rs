//! RTCP (RFC 3550 6): sender and receiver reports, names, goodbyes, in compound packets.
//!
//! ```
//! use switch::engine::rtp::rtcp::{Rtcp, compound, parse};
//! let bytes = compound(&[Rtcp::ReceiverReport { ssrc: 7, blocks: vec![] }, Rtcp::Bye { sources: vec![7] }]);
//! let packets: Vec<Rtcp> = parse(&bytes).unwrap().collect();
//! assert_eq!(packets.len(), 2);
//! ```

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;

/// SDES item CNAME.
const CNAME: u8 = 1;
/// The count field has five bits.
const MAX_COUNT: usize = 31;

/// One packet of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rtcp {
    /// SR.
    SenderReport {
        /// Who reports.
        ssrc: u32,
        /// What was sent.
        sender: SenderInfo,
        /// What was received, one block per source, at most 31.
        blocks: Vec<ReportBlock>,
    },
    /// RR.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// What was received, one block per source, at most 31.
        blocks: Vec<ReportBlock>,
    },
    /// SDES with the CNAMEs; other items are passed over.
    Description {
        /// Source and its canonical name, at most 31.
        names: Vec<(u32, String)>,
    },
    /// BYE; its reason is passed over.
    Bye {
        /// Sources that leave, at most 31.
        sources: Vec<u32>,
    },
    /// A packet of another type: only its number is known.
    Other {
        /// Packet type.
        kind: u8,
    },
}

/// Sender's half of an SR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// NTP time: seconds since 1900 in the upper half, fraction in the lower.
    pub ntp: u64,
    /// The same moment on the timestamp clock.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

impl SenderInfo {
    /// The middle 32 bits of the NTP time, which the far end sends back as `last_sr`.
    pub fn middle(&self) -> u32 {
        (self.ntp >> 16) as u32
    }
}

/// NTP time of a moment given as time since 1970.
pub fn ntp_of_unix(since_1970: std::time::Duration) -> u64 {
    const FROM_1900_TO_1970: u64 = 2_208_988_800;
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    // The era of 2036 is told by wrapping, as the format wants it.
    (since_1970.as_secs().wrapping_add(FROM_1900_TO_1970) << 32) | fraction
}

/// What a receiver says of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Loss since the last report, 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative with many duplicates. 24 bits on the wire.
    pub cumulative_lost: i32,
    /// Highest sequence number, extended by its cycles.
    pub highest_sequence: u32,
    /// Interarrival jitter, timestamp units.
    pub jitter: u32,
    /// Middle of the NTP time of the last SR; 0: none came.
    pub last_sr: u32,
    /// Time since it came, 1/65536 s.
    pub since_sr: u32,
}

impl ReportBlock {
    /// Round trip time by this block about us, 1/65536 s, when it arrives at `now` (middle of the NTP time). None when it
    /// answers no report of ours or the times contradict each other.
    pub fn round_trip(&self, now: u32) -> Option<u32> {
        let passed = now.wrapping_sub(self.last_sr);
        (self.last_sr != 0).then(|| passed.checked_sub(self.since_sr))?.filter(|trip| *trip < 1 << 31)
    }
}

/// Why a datagram is no RTCP compound. All of them are the peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtcpError {
    /// Shorter than its packets announce.
    #[error("the compound is cut short")]
    Short,
    /// Another version than 2.
    #[error("a packet has version {0}, not 2")]
    Version(u8),
    /// The first packet is no report (RFC 3550 A.2).
    #[error("the compound begins with type {0}, not with a report")]
    First(u8),
}

/// Reads a datagram: all packets are checked before the first is handed out. A packet whose inside is cut short is handed
/// out with what it has.
pub fn parse(bytes: &[u8]) -> Result<impl Iterator<Item = Rtcp> + '_, RtcpError> {
    let mut rest = bytes;
    let mut first = true;
    while first || !rest.is_empty() {
        let (packet, after) = split(rest)?;
        if first && !matches!(packet.kind, SENDER_REPORT | RECEIVER_REPORT) {
            return Err(RtcpError::First(packet.kind));
        }
        first = false;
        rest = after;
    }
    let mut rest = bytes;
    Ok(std::iter::from_fn(move || {
        let (packet, after) = split(rest).ok()?;
        rest = after;
        Some(packet.read())
    }))
}

struct Raw<'a> {
    count: usize,
    kind: u8,
    body: &'a [u8],
}

/// The first packet of a compound and what follows it.
fn split(bytes: &[u8]) -> Result<(Raw<'_>, &[u8]), RtcpError> {
    let ([first, kind, high, low], rest) = bytes.split_first_chunk::<4>().ok_or(RtcpError::Short)?;
    if first >> 6 != 2 {
        return Err(RtcpError::Version(first >> 6));
    }
    let length = usize::from(u16::from_be_bytes([*high, *low])) * 4;
    let (body, after) = rest.split_at_checked(length).ok_or(RtcpError::Short)?;
    // Padding needs no cutting: every read below is bounded by the count.
    Ok((Raw { count: usize::from(first & 0x1F), kind: *kind, body }, after))
}

impl Raw<'_> {
    fn read(&self) -> Rtcp {
        let mut reader = Reader(self.body);
        self.read_body(&mut reader).unwrap_or(Rtcp::Other { kind: self.kind })
    }

    fn read_body(&self, reader: &mut Reader<'_>) -> Option<Rtcp> {
        Some(match self.kind {
            SENDER_REPORT => {
                let ssrc = reader.u32()?;
                let ntp = u64::from(reader.u32()?) << 32 | u64::from(reader.u32()?);
                let sender =
                    SenderInfo { ntp, timestamp: reader.u32()?, packets: reader.u32()?, octets: reader.u32()? };
                Rtcp::SenderReport { ssrc, sender, blocks: self.blocks(reader) }
            }
            RECEIVER_REPORT => {
                let ssrc = reader.u32()?;
                Rtcp::ReceiverReport { ssrc, blocks: self.blocks(reader) }
            }
            DESCRIPTION => {
                let chunks = (0..self.count).map_while(|_| reader.chunk());
                let names = chunks.filter_map(|(ssrc, name)| Some((ssrc, name?))).collect();
                Rtcp::Description { names }
            }
            BYE => Rtcp::Bye { sources: (0..self.count).map_while(|_| reader.u32()).collect() },
            kind => Rtcp::Other { kind },
        })
    }

    fn blocks(&self, reader: &mut Reader<'_>) -> Vec<ReportBlock> {
        (0..self.count).map_while(|_| reader.block()).collect()
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*word))
    }

    fn block(&mut self) -> Option<ReportBlock> {
        let (ssrc, loss) = (self.u32()?, self.u32()?);
        Some(ReportBlock {
            ssrc,
            fraction_lost: (loss >> 24) as u8,
            // Sign extension of 24 bits.
            cumulative_lost: (loss << 8) as i32 >> 8,
            highest_sequence: self.u32()?,
            jitter: self.u32()?,
            last_sr: self.u32()?,
            since_sr: self.u32()?,
        })
    }

    /// A chunk of an SDES packet: source and CNAME, if it has one.
    fn chunk(&mut self) -> Option<(u32, Option<String>)> {
        let ssrc = self.u32()?;
        let (mut name, mut used) = (None, 0);
        loop {
            match self.0 {
                [0, rest @ ..] => {
                    // Zeros up to the next word.
                    used += 1;
                    let padding = (4 - used % 4) % 4;
                    self.0 = rest.get(padding..).unwrap_or_default();
                    return Some((ssrc, name));
                }
                [kind, length, rest @ ..] => {
                    let (value, after) = rest.split_at_checked(usize::from(*length))?;
                    if *kind == CNAME {
                        name = Some(String::from_utf8_lossy(value).into_owned());
                    }
                    used += 2 + value.len();
                    self.0 = after;
                }
                _ => return None,
            }
        }
    }
}

/// Writes a compound. The first packet has to be a report; what does not fit the format (the 32nd block, text of a name
/// beyond 255 bytes) is left out, and so are packets of other types.
pub fn compound(packets: &[Rtcp]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    for packet in packets {
        write(packet, &mut out);
    }
    out
}

fn write(packet: &Rtcp, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let (kind, count) = match packet {
        Rtcp::SenderReport { ssrc, sender, blocks } => {
            put(out, *ssrc);
            out.extend_from_slice(&sender.ntp.to_be_bytes());
            put(out, sender.timestamp);
            put(out, sender.packets);
            put(out, sender.octets);
            (SENDER_REPORT, put_blocks(blocks, out))
        }
        Rtcp::ReceiverReport { ssrc, blocks } => {
            put(out, *ssrc);
            (RECEIVER_REPORT, put_blocks(blocks, out))
        }
        Rtcp::Description { names } => {
            let names = names.get(..names.len().min(MAX_COUNT)).unwrap_or_default();
            for (ssrc, name) in names {
                put(out, *ssrc);
                let name = name.get(..name.floor_char_boundary(255)).unwrap_or_default();
                out.push(CNAME);
                out.push(name.len() as u8);
                out.extend_from_slice(name.as_bytes());
                // At least one zero ends the items.
                out.resize(out.len() + 4 - (out.len() - start) % 4, 0);
            }
            (DESCRIPTION, names.len())
        }
        Rtcp::Bye { sources } => {
            let sources = sources.get(..sources.len().min(MAX_COUNT)).unwrap_or_default();
            for source in sources {
                put(out, *source);
            }
            (BYE, sources.len())
        }
        Rtcp::Other { .. } => {
            out.truncate(start);
            return;
        }
    };
    let words = ((out.len() - start) / 4 - 1) as u16;
    let [high, low] = words.to_be_bytes();
    if let Some(head) = out.get_mut(start..).and_then(|bytes| bytes.first_chunk_mut::<4>()) {
        *head = [0x80 | count as u8, kind, high, low];
    }
}

fn put(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_be_bytes());
}

fn put_blocks(blocks: &[ReportBlock], out: &mut Vec<u8>) -> usize {
    let blocks = blocks.get(..blocks.len().min(MAX_COUNT)).unwrap_or_default();
    for block in blocks {
        put(out, block.ssrc);
        let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0xFF_FFFF;
        put(out, u32::from(block.fraction_lost) << 24 | lost);
        put(out, block.highest_sequence);
        put(out, block.jitter);
        put(out, block.last_sr);
        put(out, block.since_sr);
    }
    blocks.len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Rtcp>, RtcpError> {
        parse(bytes).map(Iterator::collect)
    }

    fn block() -> impl Strategy<Value = ReportBlock> {
        (any::<[u32; 5]>(), any::<u8>(), -0x80_0000_i32..0x80_0000).prop_map(
            |(words, fraction_lost, cumulative_lost)| {
                let [ssrc, highest_sequence, jitter, last_sr, since_sr] = words;
                ReportBlock { ssrc, fraction_lost, cumulative_lost, highest_sequence, jitter, last_sr, since_sr }
            },
        )
    }

    #[test]
    fn faulty_compounds_are_told() {
        let report = compound(&[Rtcp::ReceiverReport { ssrc: 1, blocks: vec![] }]);
        let with = |more: &[u8]| [report.as_slice(), more].concat();
        for (bytes, expected) in [
            (vec![], RtcpError::Short),
            (vec![0x80, 201, 0], RtcpError::Short),
            (vec![0x80, 201, 0, 1], RtcpError::Short),
            (vec![0x40, 201, 0, 0], RtcpError::Version(1)),
            (vec![0x80, 203, 0, 0], RtcpError::First(203)),
            (with(&[0x80]), RtcpError::Short),
            (with(&[0x80, 203, 0, 1]), RtcpError::Short),
        ] {
            assert_eq!(read(&bytes), Err(expected), "{bytes:?}");
        }
        // A count larger than the body: what is there is read.
        assert_eq!(read(&[0x85, 201, 0, 1, 0, 0, 0, 9]), Ok(vec![Rtcp::ReceiverReport { ssrc: 9, blocks: vec![] }]));
        assert_eq!(read(&with(&[0x80, 77, 0, 0])).unwrap().pop(), Some(Rtcp::Other { kind: 77 }));
    }

    #[test]
    fn round_trip_times() {
        let block = ReportBlock { last_sr: 0x1_0000, since_sr: 0x8000, ..ReportBlock::default() };
        assert_eq!(block.round_trip(0x2_0000), Some(0x8000));
        assert_eq!(block.round_trip(0x1_4000), None);
        assert_eq!(ReportBlock::default().round_trip(5), None);
    }

    #[test]
    fn ntp_time() {
        let ntp = ntp_of_unix(Duration::new(1, 500_000_000));
        assert_eq!((ntp >> 32, ntp as u32), (2_208_988_801, 1 << 31));
        assert_eq!(SenderInfo { ntp, ..SenderInfo::default() }.middle(), (2_208_988_801_u64 << 16) as u32 | 0x8000);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 200_u8..206) {
            let _ = read(&bytes);
            let mut framed = bytes.clone();
            framed.truncate(framed.len() / 4 * 4);
            let words = framed.len() / 4;
            let count = framed.len() as u8 & 0x1F;
            let report = compound(&[Rtcp::ReceiverReport { ssrc: 1, blocks: vec![] }]);
            let bytes = [report, vec![0x80 | count, kind, 0, words as u8], framed].concat();
            prop_assert_eq!(read(&bytes).unwrap().len(), 2);
        }

        #[test]
        fn what_is_written_reads_back(
            ssrc: u32, ntp: u64, words: [u32; 3], blocks in proptest::collection::vec(block(), 0..5),
            names in proptest::collection::vec((any::<u32>(), "[a-z@é.]{0,40}"), 0..4), sources in proptest::collection::vec(any::<u32>(), 0..31)
        ) {
            let [timestamp, packets, octets] = words;
            let sender = SenderInfo { ntp, timestamp, packets, octets };
            let written = vec![
                Rtcp::SenderReport { ssrc, sender, blocks: blocks.clone() },
                Rtcp::ReceiverReport { ssrc, blocks },
                Rtcp::Description { names },
                Rtcp::Bye { sources },
            ];
            let bytes = compound(&written);
            prop_assert!(bytes.len().is_multiple_of(4));
            prop_assert_eq!(read(&bytes).unwrap(), written);
        }
    }
}
