//! What the media engine costs: processor time of its threads per relayed call, and the delay of prompts.
//!
//! `cargo bench --bench media [calls]`. The far ends run in the same process but are not counted.
//!
//! Baseline, 200 calls on a virtual machine of two cores, opt-level 2: relayed 0.041 % of a core per call (4.1 us per
//! packet, in and out), transcoded 0.044 %; first packet of a prompt in memory after 12 us, of a file after 1 ms.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use switch::call::leg::EventSink;
use switch::call::media::{MediaCommand, MediaEngine, MediaPort, PlayId, PlaySource, StreamCodec, StreamSetup};
use switch::edge::media::{MediaConfig, MediaThreads};
use switch::engine::rtp::Header;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const TICK: Duration = Duration::from_millis(20);
/// Packets each far end sends.
const PACKETS: u16 = 500;

struct Side {
    port: Box<dyn MediaPort>,
    phone: UdpSocket,
    to: SocketAddr,
    heard: u64,
}

fn main() {
    let calls = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(200);
    let media = MediaThreads::start(MediaConfig { threads: 1, ..MediaConfig::default() }).expect("media threads");
    let (sink, events) = EventSink::new();
    relay(&media, &sink, calls, "PCMU", "PCMU");
    relay(&media, &sink, calls, "PCMU", "PCMA");
    play(&media, &sink, calls);
    drop(events);
}

/// Calls whose two sides speak all the time.
fn relay(media: &MediaThreads, sink: &EventSink, calls: usize, a: &str, b: &str) {
    let mut sides: Vec<Side> = Vec::new();
    for _ in 0..calls {
        let (one, two) = (side(media, sink, a), side(media, sink, b));
        one.port.command(MediaCommand::Join { with: two.port.id() });
        sides.extend([one, two]);
    }
    settle(&sides);
    let (before, start) = (processor_time(), Instant::now());
    let mut buffer = [0; 2048];
    for sequence in 0..PACKETS {
        for (at, side) in sides.iter_mut().enumerate() {
            let payload_type = if at % 2 == 0 { payload(a) } else { payload(b) };
            let timestamp = u32::from(sequence) * 160;
            let header = Header { marker: false, payload_type, sequence, timestamp, ssrc: at as u32 };
            let mut packet = Vec::with_capacity(172);
            header.write(&[0x55; 160], &mut packet);
            side.phone.send_to(&packet, side.to).expect("a packet sent");
            while side.phone.recv_from(&mut buffer).is_ok() {
                side.heard += 1;
            }
        }
        let next = start + TICK * u32::from(sequence + 1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let (spent, wall) = (processor_time().saturating_sub(before), start.elapsed());
    for side in &mut sides {
        while side.phone.recv_from(&mut buffer).is_ok() {
            side.heard += 1;
        }
    }
    let sent: u64 = sides.iter().map(|side| side.port.stats().sent).sum();
    let heard: u64 = sides.iter().map(|side| side.heard).sum();
    let per_call = spent.as_secs_f64() / wall.as_secs_f64() / calls as f64 * 100.0;
    let per_packet = spent.as_secs_f64() * 1e6 / sent as f64;
    let expected = u64::from(PACKETS) * sides.len() as u64;
    println!(
        "{calls} calls {a}-{b}: {per_call:.3} % of a core per call, {per_packet:.2} us per packet, \
         {sent} of {expected} relayed, {heard} heard"
    );
}

/// Prompts on all ports: delay of the first packet, and the cost of playing.
fn play(media: &MediaThreads, sink: &EventSink, calls: usize) {
    let sides: Vec<Side> = (0..calls).map(|_| side(media, sink, "PCMU")).collect();
    settle(&sides);
    let (mut worst, mut sum, mut buffer) = (Duration::ZERO, Duration::ZERO, [0; 2048]);
    let before = (processor_time(), Instant::now());
    for (at, side) in sides.iter().enumerate() {
        side.phone.set_nonblocking(false).expect("a blocking socket");
        let start = Instant::now();
        let source = PlaySource::File { name: "ivr/ivr-user_busy.wav".into(), start_sample: 0 };
        side.port.command(MediaCommand::Play { id: PlayId(at as u32), source });
        side.phone.recv_from(&mut buffer).expect("the first packet");
        let delay = start.elapsed();
        (worst, sum) = (worst.max(delay), sum + delay);
    }
    std::thread::sleep(Duration::from_secs(2));
    let (spent, wall) = (processor_time().saturating_sub(before.0), before.1.elapsed());
    let sent: u64 = sides.iter().map(|side| side.port.stats().sent).sum();
    println!(
        "{calls} prompts: first packet after {:?} on average, {worst:?} at worst; {:.2} us per packet, {sent} in {wall:?}",
        sum / calls as u32,
        spent.as_secs_f64() * 1e6 / sent as f64
    );
}

fn side(media: &MediaThreads, sink: &EventSink, name: &str) -> Side {
    let phone = UdpSocket::bind((HOST, 0)).expect("a socket");
    phone.set_nonblocking(true).expect("a non-blocking socket");
    let port = media.open(HOST, None, sink.clone()).expect("a port");
    let codec = StreamCodec { name: name.to_owned(), payload: payload(name), rate: 8000, ptime: 20 };
    port.command(MediaCommand::Setup(StreamSetup {
        remote: phone.local_addr().expect("an address"),
        rtcp: None,
        codec,
        dtmf: Some(101),
        send: true,
        receive: true,
        auto_adjust: true,
        timeout_ms: 30_000,
        raw: false,
    }));
    let to = port.local();
    Side { port, phone, to, heard: 0 }
}

/// Waits until all commands are carried out: the last port plays a moment.
fn settle(sides: &[Side]) {
    let Some(side) = sides.last() else { return };
    side.phone.set_nonblocking(false).expect("a blocking socket");
    side.port.command(MediaCommand::Play { id: PlayId(0), source: PlaySource::Silence { ms: 20, level: 0 } });
    side.phone.recv_from(&mut [0; 2048]).expect("a packet");
    side.phone.set_nonblocking(true).expect("a non-blocking socket");
    std::thread::sleep(Duration::from_millis(100));
}

fn payload(name: &str) -> u8 {
    if name == "PCMA" { 8 } else { 0 }
}

/// What the media threads spent so far.
fn processor_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        name.starts_with("media-").then(|| times.split_whitespace().next()?.parse::<u64>().ok())?
    });
    Duration::from_nanos(spent.sum())
}
