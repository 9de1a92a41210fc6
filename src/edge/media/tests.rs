//! Ports of a running engine, with real sockets on 127.0.0.1.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::testing::free_range;
use super::{MediaConfig, MediaThreads};
use crate::call::leg::{CallEvent, EventSink, LegId};
use crate::call::media::{
    MediaCommand, MediaEngine, MediaEvent, MediaPort, PlayEnd, PlayId, PlaySource, StreamCodec, StreamSetup,
};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(5);

/// A port of the engine and the far end's socket.
struct Far {
    port: Box<dyn MediaPort>,
    socket: UdpSocket,
    sequence: u16,
}

fn engine(threads: usize) -> Arc<MediaThreads> {
    let (rtp_low, rtp_high) = free_range(4);
    let sounds = concat!(env!("CARGO_MANIFEST_DIR"), "/sounds").into();
    MediaThreads::start(MediaConfig { threads, rtp_low, rtp_high, sounds, ..MediaConfig::default() }).unwrap()
}

fn far(engine: &MediaThreads, sink: &EventSink, leg: u32, payload: u8) -> Far {
    let port = engine.open(LOCALHOST, None, sink.for_leg(LegId(leg))).unwrap();
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let far = Far { port, socket, sequence: 100 };
    far.set_up(payload, 0);
    far
}

impl Far {
    fn set_up(&self, payload: u8, timeout_ms: u32) {
        self.port.command(MediaCommand::Setup(StreamSetup {
            remote: self.socket.local_addr().unwrap(),
            rtcp: None,
            codec: StreamCodec {
                name: if payload == 0 { "PCMU" } else { "PCMA" }.to_owned(),
                payload,
                rate: 8000,
                ptime: 20,
            },
            dtmf: Some(101),
            send: true,
            receive: true,
            auto_adjust: true,
            timeout_ms,
        }));
    }

    /// Sends a packet to the port.
    fn send(&mut self, payload_type: u8, payload: &[u8]) {
        self.sequence += 1;
        let mut packet = vec![0x80, payload_type];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&(u32::from(self.sequence) * 160).to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 9]);
        packet.extend_from_slice(payload);
        self.socket.send_to(&packet, self.port.local()).unwrap();
    }

    /// Sends until the other side hears it; then what is under way is let go.
    fn until_joined(&mut self, other: &Self, payload: u8) {
        let mut buffer = [0; 2048];
        for (wait, heard) in [(20, true), (60, false)] {
            other.socket.set_read_timeout(Some(Duration::from_millis(wait))).unwrap();
            for _ in 0..100 {
                if heard {
                    self.send(payload, &[0x55; 160]);
                }
                if other.socket.recv_from(&mut buffer).is_ok() == heard {
                    break;
                }
            }
        }
        other.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    /// The next packet from the port: payload type, sequence, payload.
    fn receive(&self) -> (u8, u16, Vec<u8>) {
        let mut buffer = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from, self.port.local());
        (buffer[1] & 0x7f, u16::from_be_bytes([buffer[2], buffer[3]]), buffer[12..length].to_vec())
    }
}

async fn media(events: &mut Receiver<CallEvent>) -> (u32, MediaEvent) {
    let event = timeout(PATIENCE, events.recv()).await.expect("an event in time").expect("a sink");
    let CallEvent::Media { leg, event } = event else { panic!("{event:?}") };
    (leg.0, event)
}

#[tokio::test]
async fn a_prompt_is_heard_and_its_end_told_once() {
    let (sink, mut events) = EventSink::new();
    let engine = engine(1);
    let far = far(&engine, &sink, 1, 0);
    let source = PlaySource::File { name: "ivr/ivr-user_busy.wav".into(), start_sample: 0 };
    far.port.command(MediaCommand::Play { id: PlayId(1), source });
    let mut loud = 0;
    for _ in 0..25 {
        let (payload_type, _, payload) = far.receive();
        assert_eq!((payload_type, payload.len()), (0, 160));
        loud += usize::from(payload.iter().any(|octet| *octet != 0xff && *octet != 0x7f));
    }
    assert!(loud > 5, "speech, not silence");
    far.port.command(MediaCommand::Stop { id: PlayId(1) });
    let (leg, event) = media(&mut events).await;
    assert!(matches!(event, MediaEvent::PlayEnded { id: PlayId(1), end: PlayEnd::Stopped, .. }), "{event:?}");
    assert_eq!(leg, 1);
    let missing = PlaySource::File { name: "no/such.wav".into(), start_sample: 0 };
    far.port.command(MediaCommand::Play { id: PlayId(2), source: missing });
    let (_, event) = media(&mut events).await;
    assert!(matches!(event, MediaEvent::PlayEnded { id: PlayId(2), end: PlayEnd::NotFound, .. }), "{event:?}");
    let short = PlaySource::Silence { ms: 60, level: 0 };
    far.port.command(MediaCommand::Play { id: PlayId(3), source: short });
    let (_, event) = media(&mut events).await;
    assert!(
        matches!(event, MediaEvent::PlayEnded { id: PlayId(3), end: PlayEnd::Finished, played_ms: 60 }),
        "{event:?}"
    );
    drop(far);
    engine.stop();
    assert_eq!(engine.open_ports(), 0);
}

async fn relayed(threads: usize, codec_a: u8, codec_b: u8) {
    let (sink, mut events) = EventSink::new();
    let engine = engine(threads);
    let (mut a, mut b) = (far(&engine, &sink, 1, codec_a), far(&engine, &sink, 2, codec_b));
    a.port.command(MediaCommand::Join { with: b.port.id() });
    a.until_joined(&b, codec_a);
    let mut last = None;
    for n in 0..20_u8 {
        a.send(codec_a, &[n | 0x80; 160]);
        let (payload_type, sequence, payload) = b.receive();
        assert_eq!(payload_type, codec_b);
        assert_eq!(payload.len(), 160);
        if codec_a == codec_b {
            assert_eq!(payload, [n | 0x80; 160]);
        }
        assert!(last.is_none_or(|last: u16| sequence == last.wrapping_add(1)), "no gap");
        last = Some(sequence);
        b.send(codec_b, &[n; 160]);
        assert_eq!(a.receive().0, codec_a);
    }
    // A digit crosses and is told: begin, end, end, end.
    for end in [0, 0x80, 0x80, 0x80] {
        a.send(101, &[5, end | 0x0a, 0, 160]);
    }
    assert_eq!(b.receive().0, 101);
    loop {
        match media(&mut events).await {
            (1, MediaEvent::Dtmf { digit, .. }) => {
                assert_eq!(digit, '5');
                break;
            }
            (_, MediaEvent::FirstPacket) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(a.port.stats().received >= 20 && b.port.stats().sent >= 20);
    drop((a, b));
    engine.stop();
    assert_eq!(engine.open_ports(), 0);
}

#[tokio::test]
async fn packets_are_relayed_both_ways() {
    relayed(1, 0, 0).await;
}

#[tokio::test]
async fn ports_of_different_threads_come_together() {
    relayed(2, 8, 8).await;
}

#[tokio::test]
async fn other_codecs_are_transcoded() {
    relayed(1, 0, 8).await;
}

#[tokio::test]
async fn strangers_are_not_heard() {
    let (sink, mut events) = EventSink::new();
    let engine = engine(1);
    let mut far = far(&engine, &sink, 1, 0);
    far.port.command(MediaCommand::Echo(true));
    far.send(0, &[1; 160]);
    assert_eq!(far.receive().2, [1; 160]);
    assert_eq!(media(&mut events).await, (1, MediaEvent::FirstPacket));
    let stranger = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let target: SocketAddr = far.port.local();
    stranger.send_to(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 7], target).unwrap();
    stranger.send_to(b"junk", target).unwrap();
    far.send(0, &[2; 160]);
    assert_eq!(far.receive().2, [2; 160], "the stranger's packet is not echoed");
    assert_eq!(far.port.stats().foreign, 1);
    engine.stop();
}

#[tokio::test]
async fn silence_of_the_far_end_is_told() {
    let (sink, mut events) = EventSink::new();
    let engine = engine(1);
    let far = far(&engine, &sink, 1, 0);
    far.set_up(0, 50);
    assert_eq!(media(&mut events).await, (1, MediaEvent::Timeout));
    engine.stop();
}
