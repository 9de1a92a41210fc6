//! Files of traced calls: pcap for Wireshark and sngrep, or text. Written by a thread that starts with the first message.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;

/// Messages that may wait for the disk.
const QUEUE: usize = 4_096;
/// Largest file, octets; what comes later is left out.
const MAX_FILE: u64 = 64 << 20;
/// What fits into a datagram, octets.
const MAX_PAYLOAD: usize = 65_000;
/// Raw IP (LINKTYPE_RAW), microseconds, little-endian.
const PCAP_HEADER: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0];

/// A message on its way into a file.
pub(super) struct Packet {
    pub(super) file: String,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) bytes: Bytes,
}

/// The thread that writes.
pub(super) struct Writer {
    folder: PathBuf,
    queue: OnceLock<Option<SyncSender<(u64, Packet)>>>,
}

impl Writer {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, queue: OnceLock::new() }
    }

    /// Takes a message. False: it is left out.
    pub(super) fn write(&self, packet: Packet) -> bool {
        let queue = self.queue.get_or_init(|| {
            let (queue, packets) = sync_channel(QUEUE);
            let folder = self.folder.clone();
            let thread = std::thread::Builder::new().name("siptrace".to_owned());
            let started = thread.spawn(move || run(&folder, &packets));
            started.inspect_err(|error| tracing::error!(%error, "no thread for traces")).ok().map(|_| queue)
        });
        queue.as_ref().is_some_and(|queue| queue.try_send((now_us(), packet)).is_ok())
    }
}

#[expect(clippy::disallowed_methods, reason = "the time at which a message was seen")]
fn now_us() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

fn run(folder: &Path, packets: &Receiver<(u64, Packet)>) {
    while let Ok(first) = packets.recv() {
        let mut texts: HashMap<String, Vec<u8>> = HashMap::new();
        for (at, packet) in std::iter::once(first).chain(packets.try_iter().take(QUEUE)) {
            let text = texts.entry(packet.file.clone()).or_default();
            if is_pcap(Path::new(&packet.file)) {
                record(text, at, &packet);
            } else {
                lines(text, at, &packet);
            }
        }
        for (file, text) in texts {
            if let Err(error) = append(&folder.join(&file), &text) {
                tracing::error!(file, %error, "a trace cannot be written");
            }
        }
    }
}

fn is_pcap(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "pcap")
}

fn append(path: &Path, text: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    if length.saturating_add(text.len() as u64) > MAX_FILE {
        return Err(std::io::Error::other("it is full"));
    }
    if length == 0 && is_pcap(path) {
        file.write_all(&PCAP_HEADER)?;
    }
    file.write_all(text)
}

fn lines(out: &mut Vec<u8>, at: u64, packet: &Packet) {
    let stamp = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok()).unwrap_or_default();
    let mut head = String::new();
    let _ = writeln!(head, "{stamp} {} -> {} {} octets", packet.source, packet.destination, packet.bytes.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&packet.bytes);
    out.extend_from_slice(b"\n\n");
}

/// One record: an IP packet with a UDP datagram, whatever the message came in.
fn record(out: &mut Vec<u8>, at: u64, packet: &Packet) {
    let payload = packet.bytes.get(..MAX_PAYLOAD).unwrap_or(&packet.bytes);
    let mut datagram = Vec::with_capacity(payload.len() + 8);
    datagram.extend_from_slice(&packet.source.port().to_be_bytes());
    datagram.extend_from_slice(&packet.destination.port().to_be_bytes());
    // Both fit: the payload is bounded.
    let length = (payload.len() + 8) as u16;
    datagram.extend_from_slice(&length.to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(payload);
    let ip = match (packet.source.ip(), packet.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut ip = vec![0x45, 0];
            ip.extend_from_slice(&(length + 20).to_be_bytes());
            ip.extend_from_slice(&[0, 0, 0x40, 0, 64, 17, 0, 0]);
            ip.extend_from_slice(&source.octets());
            ip.extend_from_slice(&destination.octets());
            let [high, low] = checksum(&[&ip]).to_be_bytes();
            if let Some(place) = ip.get_mut(10..12) {
                place.copy_from_slice(&[high, low]);
            }
            ip
        }
        (source, destination) => {
            let v6 = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let (source, destination) = (v6(source), v6(destination));
            // UDP over IPv6 must have a checksum.
            let pseudo = [0, 0, (length >> 8) as u8, length as u8, 0, 0, 0, 17];
            let sum = checksum(&[&source, &destination, &pseudo, &datagram]);
            if let Some(place) = datagram.get_mut(6..8) {
                place.copy_from_slice(&if sum == 0 { 0xffff } else { sum }.to_be_bytes());
            }
            let mut ip = vec![0x60, 0, 0, 0];
            ip.extend_from_slice(&length.to_be_bytes());
            ip.extend_from_slice(&[17, 64]);
            ip.extend_from_slice(&source);
            ip.extend_from_slice(&destination);
            ip
        }
    };
    let size = (ip.len() + datagram.len()) as u32;
    for word in [(at / 1_000_000) as u32, (at % 1_000_000) as u32, size, size] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&ip);
    out.extend_from_slice(&datagram);
}

/// The checksum of the Internet (RFC 1071) over parts of even length, the last one excepted.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        let (high, low) = (pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0));
        sum += u64::from(u16::from_be_bytes([high, low]));
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(file: &str, source: &str, destination: &str, bytes: &'static [u8]) -> Packet {
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        Packet { file: file.to_owned(), source, destination, bytes: Bytes::from_static(bytes) }
    }

    #[test]
    fn records_are_packets_with_right_checksums() {
        let mut four = Vec::new();
        record(&mut four, 1_700_000_000_000_005, &packet("", "10.0.0.1:5060", "10.0.0.2:5070", b"abc"));
        assert_eq!(four[..16], [0x00, 0xf1, 0x53, 0x65, 5, 0, 0, 0, 31, 0, 0, 0, 31, 0, 0, 0]);
        assert_eq!((four[16], checksum(&[&four[16..36]])), (0x45, 0), "the sum over a right header is 0");
        assert_eq!((&four[36..40], &four[44..]), (&[0x13, 0xc4, 0x13, 0xce][..], &b"abc"[..]));
        let mut six = Vec::new();
        record(&mut six, 0, &packet("", "[::1]:5060", "[::1]:5070", b"abc"));
        let pseudo = [0, 0, 0, 11, 0, 0, 0, 17];
        assert_eq!(checksum(&[&six[24..56], &pseudo, &six[56..]]), 0);
    }

    #[test]
    fn messages_too_large_are_cut() {
        let mut out = Vec::new();
        let bytes: &'static [u8] = vec![b'x'; 100_000].leak();
        record(&mut out, 0, &packet("", "10.0.0.1:1", "10.0.0.2:2", bytes));
        assert_eq!(out.len(), 16 + 28 + MAX_PAYLOAD);
    }

    #[test]
    fn files_of_both_kinds() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("traces");
        let (queue, packets) = sync_channel(8);
        for file in ["a.pcap", "a.txt", "a.pcap"] {
            queue.send((5, packet(file, "10.0.0.1:5060", "10.0.0.2:5070", b"BYE"))).unwrap();
        }
        drop(queue);
        run(&place, &packets);
        let pcap = std::fs::read(place.join("a.pcap")).unwrap();
        assert_eq!((pcap.len(), &pcap[..24]), (24 + 2 * (16 + 28 + 3), &PCAP_HEADER[..]));
        let text = std::fs::read_to_string(place.join("a.txt")).unwrap();
        assert_eq!(text, "1970-01-01T00:00:00.000005Z 10.0.0.1:5060 -> 10.0.0.2:5070 3 octets\nBYE\n\n");
    }

    #[test]
    fn a_file_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::File::create(&path).unwrap().set_len(MAX_FILE - 1).unwrap();
        assert!(append(&path, b"ab").is_err() && append(&path, b"a").is_ok());
    }
}
