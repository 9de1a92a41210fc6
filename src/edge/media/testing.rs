//! Help for the tests of this module.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::call::leg::{CallEvent, EventSink};
use crate::call::media::{
    MediaCommand, MediaEngine, MediaEvent, MediaPort, PlayId, PlaySource, PortId, StreamCodec, StreamSetup,
};
use crate::engine::rtp::rtcp::{self, Rtcp};
use crate::engine::rtp::{Header, Packet};

use super::{MediaConfig, MediaThreads};

/// A range of `pairs` pairs of ports that are free now. Below those the kernel hands out by itself, and no two tests of
/// a process get the same: they run at the same time.
pub(super) fn free_range(pairs: u16) -> (u16, u16) {
    static START: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));
    for _ in 0..1000 {
        let low = (10_000 + START.fetch_add(pairs * 2, Ordering::Relaxed) % 22_000) & !1;
        let high = low + pairs * 2 - 1;
        if (low..=high).all(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return (low, high);
        }
    }
    panic!("no free range of ports");
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(5);

/// An engine with a folder of sounds.
pub(super) struct Rig {
    pub(super) media: Arc<MediaThreads>,
    pub(super) sounds: TempDir,
    runtime: Runtime,
}

/// A port, what it tells, and the phone it talks to.
pub(super) struct Line {
    pub(super) port: Box<dyn MediaPort>,
    events: mpsc::Receiver<CallEvent>,
    pub(super) phone: Phone,
}

/// A far end.
pub(super) struct Phone {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    to: SocketAddr,
    pub(super) next: Header,
}

impl Rig {
    pub(super) fn new(threads: usize, pairs: u16) -> Self {
        let (rtp_low, rtp_high) = free_range(pairs);
        let sounds = tempfile::tempdir().unwrap();
        let config = MediaConfig { threads, rtp_low, rtp_high, sounds: sounds.path().to_owned(), cache_bytes: 1 << 20 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { media: MediaThreads::start(config).unwrap(), sounds, runtime }
    }

    /// A port with a phone, not set up yet.
    pub(super) fn line(&self, near: Option<PortId>) -> Line {
        let (sink, events) = EventSink::new();
        let port = self.media.open(Ipv4Addr::LOCALHOST.into(), near, sink).unwrap();
        let phone = Phone::new(port.local());
        Line { port, events, phone }
    }

    /// A port with a phone and a stream, up to the first packet that arrived.
    pub(super) fn talking(&self, name: &str, dtmf: Option<u8>) -> Line {
        let mut line = self.line(None);
        line.setup(name, dtmf, |_| {});
        line.phone.next.payload_type = payload(name);
        self.wait_for(&mut line, &MediaEvent::FirstPacket);
        line
    }

    /// Sends audio until the event comes.
    pub(super) fn wait_for(&self, line: &mut Line, event: &MediaEvent) {
        loop {
            line.phone.speak(0);
            if self.event_within(line, Duration::from_millis(5)).is_some_and(|told| told == *event) {
                return;
            }
        }
    }

    /// What the port tells next.
    pub(super) fn event(&self, line: &mut Line) -> MediaEvent {
        self.event_within(line, PATIENCE).expect("an event in time")
    }

    fn event_within(&self, line: &mut Line, time: Duration) -> Option<MediaEvent> {
        let next = async { tokio::time::timeout(time, line.events.recv()).await };
        match self.runtime.block_on(next).ok()?? {
            CallEvent::Media { event, .. } => Some(event),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until all ports are closed.
    pub(super) fn wait_until_closed(&self) {
        self.wait_until("all ports are closed", || self.media.open_ports() == 0);
    }

    pub(super) fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let waited = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, waited).await }).expect(what);
    }
}

impl Line {
    /// Sets up a stream to the phone; `change` adapts it.
    pub(super) fn setup(&self, name: &str, dtmf: Option<u8>, change: impl FnOnce(&mut StreamSetup)) {
        let codec = StreamCodec { name: name.to_owned(), payload: payload(name), rate: 8000, ptime: 20 };
        let remote = self.phone.rtp.local_addr().unwrap();
        let rtcp = Some(self.phone.rtcp.local_addr().unwrap());
        let mut setup = StreamSetup {
            remote,
            rtcp,
            codec,
            dtmf,
            send: true,
            receive: true,
            auto_adjust: true,
            timeout_ms: 0,
            raw: false,
        };
        change(&mut setup);
        self.port.command(MediaCommand::Setup(setup));
    }

    pub(super) fn play(&self, id: u32, source: PlaySource) {
        self.port.command(MediaCommand::Play { id: PlayId(id), source });
    }

    pub(super) fn play_file(&self, id: u32, name: &str) {
        self.play(id, PlaySource::File { name: name.into(), start_sample: 0 });
    }

    pub(super) fn play_silence(&self, id: u32, ms: i64) {
        self.play(id, PlaySource::Silence { ms, level: 0 });
    }

    pub(super) fn join(&self, with: &Self) {
        self.port.command(MediaCommand::Join { with: with.port.id() });
    }
}

impl Phone {
    pub(super) fn new(to: SocketAddr) -> Self {
        let bind = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let next = Header { marker: false, payload_type: 0, sequence: 65_530, timestamp: 77, ssrc: 5 };
        Self { rtp: bind(), rtcp: bind(), to, next }
    }

    /// Sends a packet of audio whose octets are `octet`.
    pub(super) fn speak(&mut self, octet: u8) {
        self.send(self.next.payload_type, &[octet; 160]);
        self.next.timestamp = self.next.timestamp.wrapping_add(160);
    }

    /// Sends a packet.
    pub(super) fn send(&mut self, payload_type: u8, payload: &[u8]) {
        let mut packet = Vec::new();
        Header { payload_type, ..self.next }.write(payload, &mut packet);
        self.rtp.send_to(&packet, self.to).unwrap();
        self.next.sequence = self.next.sequence.wrapping_add(1);
    }

    /// The next packet.
    pub(super) fn hear(&self) -> (Header, Vec<u8>) {
        self.heard().expect("a packet in time")
    }

    /// The next packet with these octets; those before are passed over.
    pub(super) fn hear_octet(&self, octet: u8) -> Header {
        loop {
            let (header, payload) = self.hear();
            if payload.first() == Some(&octet) {
                return header;
            }
        }
    }

    /// Whether nothing comes for a while.
    pub(super) fn is_quiet(&self, time: Duration) -> bool {
        self.hear_within(time).is_none()
    }

    /// The next packet, if it comes in time.
    pub(super) fn hear_within(&self, time: Duration) -> Option<Header> {
        self.rtp.set_read_timeout(Some(time)).unwrap();
        let heard = self.heard();
        self.rtp.set_read_timeout(Some(PATIENCE)).unwrap();
        heard.map(|(header, _)| header)
    }

    /// Passes over what arrived so far.
    pub(super) fn flush(&self) {
        while !self.is_quiet(Duration::from_millis(1)) {}
    }

    /// The packets of the next RTCP compound.
    pub(super) fn hear_rtcp(&self) -> Vec<Rtcp> {
        let mut buffer = [0; 1500];
        let (len, _) = self.rtcp.recv_from(&mut buffer).expect("RTCP in time");
        rtcp::parse(&buffer[..len]).unwrap().collect()
    }

    fn heard(&self) -> Option<(Header, Vec<u8>)> {
        let mut buffer = [0; 1500];
        let (len, from) = self.rtp.recv_from(&mut buffer).ok()?;
        assert_eq!(from, self.to, "sent from the port that was announced");
        let packet = Packet::parse(&buffer[..len]).unwrap();
        Some((packet.header, packet.payload.to_vec()))
    }
}

fn payload(name: &str) -> u8 {
    match name {
        "PCMU" => 0,
        "PCMA" => 8,
        _ => 111,
    }
}
