//! A soak: calls of all kinds over a network that loses, doubles and reorders, with peers that give up, hang up and vanish,
//! and scripts without an end. Afterwards nothing is left: no channels, ports, descriptors or threads, and no more memory
//! than in the middle.
//!
//! `SOAK_SECONDS=600 cargo test --test e2e -- --ignored soak --nocapture`; a minute unless it says otherwise.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use switch::program::phone::{CallPlan, FarEnd, FarScript, Phone, Sound};
use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::support::{LOOPBACK, PASSWORD, PATIENCE, Switch, client, context, until};

/// Calls at once.
const WORKERS: u64 = 16;
/// Everything a transaction keeps is gone after this (64 T1), and a little.
const LINGER: Duration = Duration::from_secs(40);
/// Memory that may come on top of that in the middle: allocators keep some, KiB.
const SLACK_KIB: u64 = 8 * 1024;
/// The numbers that are called; `vanish` is played by hand.
const NUMBERS: [&str; 10] =
    ["talk", "busy", "ring", "early", "endless", "prompt", "late", "failover", "bypass", "vanish"];

/// What happens to a datagram.
fn fate(random: &mut SmallRng) -> (u32, Duration) {
    let delay = if random.random_bool(0.1) { random.random_range(1..60) } else { 0 };
    let copies = match random.random_range(0..100) {
        0..5 => 0,
        5..10 => 2,
        _ => 1,
    };
    (copies, Duration::from_millis(delay))
}

fn carry(random: &mut SmallRng, from: &Arc<UdpSocket>, to: SocketAddr, bytes: &[u8]) {
    let (copies, delay) = fate(random);
    for _ in 0..copies {
        if delay.is_zero() {
            let _ = from.try_send_to(bytes, to);
            continue;
        }
        let (socket, bytes) = (Arc::clone(from), bytes.to_vec());
        tokio::spawn(async move {
            sleep(delay).await;
            let _ = socket.send_to(&bytes, to).await;
        });
    }
}

/// A socket of its own for a sender, whose answers go back through the front.
async fn way_back(front: &Arc<UdpSocket>, sender: SocketAddr, seed: u64) -> (Arc<UdpSocket>, JoinHandle<()>) {
    let socket = Arc::new(UdpSocket::bind((LOOPBACK, 0)).await.expect("a socket"));
    let (back, front) = (Arc::clone(&socket), Arc::clone(front));
    let answers = tokio::spawn(async move {
        let (mut random, mut buffer) = (SmallRng::seed_from_u64(seed), vec![0; 65_536]);
        loop {
            if let Ok((length, _)) = back.recv_from(&mut buffer).await {
                carry(&mut random, &front, sender, buffer.get(..length).unwrap_or_default());
            }
        }
    });
    (socket, answers)
}

/// A bad network in front of an address. Each sender gets a socket of its own behind it, as behind NAT.
async fn bad_network(target: SocketAddr, seed: u64) -> (SocketAddr, JoinHandle<()>) {
    let front = Arc::new(UdpSocket::bind((LOOPBACK, 0)).await.expect("a socket"));
    let address = front.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut behind: HashMap<SocketAddr, (Arc<UdpSocket>, JoinHandle<()>)> = HashMap::new();
        let mut buffer = vec![0; 65_536];
        while let Ok((length, sender)) = front.recv_from(&mut buffer).await {
            if behind.len() > 512 {
                for (_, (_, task)) in behind.drain() {
                    task.abort();
                }
            }
            let (socket, _) = match behind.entry(sender) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(way_back(&front, sender, random.random()).await),
            };
            carry(&mut random, socket, target, buffer.get(..length).unwrap_or_default());
        }
    });
    (address, task)
}

fn far_scripts() -> HashMap<String, FarScript> {
    let ms = Duration::from_millis;
    HashMap::from([
        ("talk".to_owned(), FarScript::answer_then_bye(ms(100), Sound::Silence, ms(1500))),
        ("busy".to_owned(), FarScript::ring_then_refuse(ms(50), 486)),
        ("ring".to_owned(), FarScript::ring()),
        ("early".to_owned(), FarScript::early_then_refuse(Sound::Silence, ms(400), 603)),
    ])
}

fn start(far: SocketAddr) -> Switch {
    let to = |user: &str| format!("sofia/internal/sip:{user}@{far}");
    let (talk, busy, ring, early) = (to("talk"), to("busy"), to("ring"), to("early"));
    let failover = format!("{busy}|sofia/internal/sip:x@127.0.0.1:9|{talk}");
    let plan = context(
        "public",
        &[
            ("^talk$", &[("bridge", &talk)]),
            ("^busy$", &[("set", "continue_on_fail=true"), ("bridge", &busy), ("playback", "ivr/ivr-user_busy.wav")]),
            ("^ring$", &[("set", "call_timeout=3"), ("bridge", &ring)]),
            ("^early$", &[("bridge", &early)]),
            ("^endless$", &[("set", "lua_max_seconds=1"), ("lua", "endless.lua")]),
            ("^prompt$", &[("answer", ""), ("playback", "ivr/ivr-user_busy.wav")]),
            ("^late$", &[("answer", ""), ("sleep", "500")]),
            ("^failover$", &[("bridge", &failover)]),
            ("^bypass$", &[("set", "bypass_media=true"), ("bridge", &talk)]),
            ("^vanish$", &[("set", "media_timeout=1500"), ("answer", ""), ("park", "")]),
        ],
    );
    let arguments = ["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD];
    let files = [
        ("dialplan/a.xml", &*format!("<include>\n{plan}</include>\n")),
        ("scripts/endless.lua", "session:preAnswer()\nwhile true do end"),
    ];
    Switch::start_with(&arguments, &files)
}

/// A caller that says no more than its INVITE.
async fn vanish(proxy: SocketAddr, number: u64, after: Duration) {
    let Ok(socket) = UdpSocket::bind((LOOPBACK, 0)).await else { return };
    let own = socket.local_addr().expect("an address");
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\n",
        own.port()
    );
    let invite = format!(
        "INVITE sip:vanish@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:v@h>;tag={number}\r\nTo: <sip:vanish@127.0.0.1>\r\nCall-ID: vanish-{number}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:v@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    let _ = socket.send_to(invite.as_bytes(), proxy).await;
    sleep(after).await;
}

/// One call after the other until the end.
async fn worker(seed: u64, proxy: SocketAddr, until: Instant, calls: Arc<AtomicU64>) {
    let mut random = SmallRng::seed_from_u64(seed);
    while Instant::now() < until {
        let number = NUMBERS.get(random.random_range(0..NUMBERS.len())).copied().unwrap_or_default();
        let count = calls.fetch_add(1, Ordering::Relaxed);
        let sometimes = |random: &mut SmallRng, most: u64| {
            random.random_bool(0.4).then(|| Duration::from_millis(random.random_range(0..most)))
        };
        if number == "vanish" {
            vanish(proxy, count, Duration::from_millis(random.random_range(0..400))).await;
            continue;
        }
        let mut plan = CallPlan::to(&format!("sip:{number}@127.0.0.1"));
        plan.proxy = Some(proxy);
        plan.deadline = Duration::from_secs(8);
        plan.cancel_after = sometimes(&mut random, 1500);
        plan.hang_up_after = sometimes(&mut random, 1500);
        if number == "late" {
            plan.codecs.clear();
        }
        let _ = Phone::bind(LOOPBACK).call(plan).await;
    }
}

/// Waits until the switch has no channel.
async fn no_channels(switch: &Switch) {
    let mut client = client(switch.control.expect("an event socket")).await;
    let wait = async {
        while client.command("show channels count", |_| ()).await.expect("an answer") != "\n0 total.\n" {
            sleep(Duration::from_millis(100)).await;
        }
    };
    if timeout(PATIENCE, wait).await.is_err() {
        let left = client.command("show channels", |_| ()).await.unwrap_or_default();
        panic!("channels are left over:\n{left}\n{}", switch.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; SOAK_SECONDS says how long"]
async fn soak() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let length = Duration::from_secs(seconds);
    let seed = std::env::var("SOAK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("{seconds} s, SOAK_SEED={seed}");
    let mut far = FarEnd::bind(LOOPBACK, far_scripts()).await.expect("a far end");
    let (behind, far_network) = bad_network(far.local(), seed).await;
    let reports = tokio::spawn(async move { while far.report(Duration::from_hours(1)).await.is_some() {} });
    let switch = start(behind);
    let fresh = switch.descriptors();
    let (proxy, network) = bad_network(switch.address, seed + 1).await;
    let calls = Arc::new(AtomicU64::new(0));
    let run = async |length: Duration, seed: u64| {
        let until = Instant::now() + length;
        let mut workers = JoinSet::new();
        for at in 0..WORKERS {
            workers.spawn(worker(seed + at, proxy, until, Arc::clone(&calls)));
        }
        workers.join_all().await;
        no_channels(&switch).await;
    };
    // What is made when it is first needed, is there after the first half.
    run(length / 2, seed + 100).await;
    let in_the_middle = switch.memory();
    sleep(LINGER.min(length)).await;
    // Sockets and files of calls are gone; what is made once for all may be there.
    until("hardly more descriptors than at first", || switch.descriptors() <= fresh + 4).await;
    let (descriptors, threads) = (switch.descriptors(), switch.threads());
    run(length / 2, seed + 200).await;
    let at_the_end = switch.memory();
    until("no more descriptors than before", || switch.descriptors() <= descriptors).await;
    until("no more threads than before", || switch.threads() <= threads).await;
    let calls = calls.load(Ordering::Relaxed);
    eprintln!(
        "{calls} calls; {descriptors} descriptors ({fresh} at first) and {threads} threads left; {in_the_middle} KiB in the middle, {at_the_end} at the end"
    );
    assert!(calls > seconds, "hardly any calls: {calls}");
    assert!(at_the_end <= in_the_middle + in_the_middle / 10 + SLACK_KIB, "{in_the_middle} KiB, then {at_the_end}");
    let log = switch.log();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(switch.interrupt().await, Some(0));
    for task in [far_network, network, reports] {
        task.abort();
    }
}
