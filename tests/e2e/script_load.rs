//! Many scripts at once: what a script costs that plays a prompt, against the same prompt played by the dialplan, and how
//! long a call waits for its prompt while other scripts compute for ever.
//!
//! `LOAD_CALLS=1000 cargo test --release --test e2e -- --ignored script_load --nocapture --test-threads 1`; 200 calls
//! unless it says otherwise. The callers are one socket that says no more than it must, and nobody hears the prompts, so
//! the processor time is the switch's own.

use std::net::SocketAddr;
use std::time::Duration;

use switch::engine::audio::wav_bytes;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout};

use super::support::{LOOPBACK, PASSWORD, PATIENCE, Switch, client, context};

/// Calls that set up at a time.
const BATCH: u64 = 20;
/// For how long processor time is counted.
const SPAN: Duration = Duration::from_secs(10);
/// A script may cost so much memory and so many times the processor time of the same prompt without it.
const MOST_KIB: u64 = 100;
const MOST_TIMES: f64 = 1.2;
/// Endless loops, and by how much later a prompt may begin beside them.
const LOOPS: u64 = 200;
const MOST_LATE: Duration = Duration::from_millis(50);
/// Calls whose prompts are timed.
const PROBES: u64 = 40;

fn calls_wanted() -> u64 {
    std::env::var("LOAD_CALLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

/// A switch whose extensions play a prompt of two minutes, from the dialplan and from a script.
fn start() -> (Switch, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let prompt = folder.path().join("long.wav");
    // Not silence: what is told is encoded like any prompt.
    let samples: Vec<i16> = (0..120 * 8000_u32).map(|at| ((at * 37) % 4000) as i16).collect();
    std::fs::write(&prompt, wav_bytes(&samples, 8000)).expect("a file");
    let prompt = prompt.display().to_string();
    let plan = context(
        "public",
        &[
            ("^plain$", &[("answer", ""), ("playback", &prompt)]),
            ("^script$", &[("answer", ""), ("lua", "play.lua")]),
            ("^loop$", &[("answer", ""), ("lua", "loop.lua")]),
        ],
    );
    let files = [
        ("dialplan/a.xml", &*format!("<include>\n{plan}</include>\n")),
        ("scripts/play.lua", &*format!("session:setVariable('mood', 'calm')\nsession:streamFile('{prompt}')\n")),
        ("scripts/loop.lua", "while true do end\n"),
        (
            "autoload_configs/lua.conf.xml",
            "<configuration name=\"lua.conf\"><settings><param name=\"lua-max-instructions\" value=\"0\"/></settings></configuration>",
        ),
    ];
    let arguments = ["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD];
    (Switch::start_with(&arguments, &files), folder)
}

/// A caller for many calls: INVITE, ACK, nothing else.
struct Caller {
    socket: UdpSocket,
    /// Where the prompts go. Its queue runs full, which costs the switch nothing.
    media: UdpSocket,
    switch: SocketAddr,
}

impl Caller {
    async fn new(switch: &Switch) -> Self {
        let bind = || UdpSocket::bind((LOOPBACK, 0));
        Self { socket: bind().await.expect("a socket"), media: bind().await.expect("a socket"), switch: switch.address }
    }

    async fn invite(&self, number: &str, call: u64) {
        let own = self.socket.local_addr().expect("an address");
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\n",
            self.media.local_addr().expect("an address").port()
        );
        let invite = format!(
            "INVITE sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{number}{call}-{}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:v@h>;tag={call}\r\nTo: <sip:{number}@127.0.0.1>\r\nCall-ID: {number}-{call}@{own}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:v@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            own.port(),
            sdp.len()
        );
        self.socket.send_to(invite.as_bytes(), self.switch).await.expect("sent");
    }

    /// Waits for one 200 and acknowledges it.
    async fn answered(&self) {
        let mut buffer = vec![0; 4096];
        loop {
            let (length, _) =
                timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.expect("in time").expect("read");
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
            if !text.starts_with("SIP/2.0 200") {
                assert!(text.starts_with("SIP/2.0 1"), "{text}");
                continue;
            }
            let header = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
            let own = self.socket.local_addr().expect("an address");
            let contact = header("Contact:");
            let target = contact.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(uri, _)| uri);
            let ack = format!(
                "ACK {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bKack\r\nMax-Forwards: 70\r\n{}\r\n{}\r\n\
                 {}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
                header("From:"),
                header("To:"),
                header("Call-ID:")
            );
            self.socket.send_to(ack.as_bytes(), self.switch).await.expect("sent");
            return;
        }
    }

    async fn calls(&self, number: &str, count: u64) {
        for batch in 0..count.div_ceil(BATCH) {
            let these = batch * BATCH..((batch + 1) * BATCH).min(count);
            for call in these.clone() {
                self.invite(number, call).await;
            }
            for _ in these {
                self.answered().await;
            }
        }
    }

    /// Time from an INVITE to the first packet of its prompt.
    async fn time_to_prompt(&mut self, number: &str, call: u64) -> Duration {
        self.media = UdpSocket::bind((LOOPBACK, 0)).await.expect("a socket");
        let (start, mut buffer) = (Instant::now(), [0; 2048]);
        self.invite(number, call).await;
        let heard = async {
            self.answered().await;
            self.media.recv_from(&mut buffer).await.expect("read");
        };
        timeout(PATIENCE, heard).await.expect("a prompt");
        start.elapsed()
    }
}

/// KiB of memory of the switch.
fn memory(switch: &Switch) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", switch.pid())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// Processor time of the switch, ticks of 10 ms.
fn ticks(switch: &Switch) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", switch.pid())).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    number(11) + number(12)
}

async fn hang_up_all(switch: &Switch) {
    let mut client = client(switch.control.expect("an event socket")).await;
    client.command("hupall", |_| ()).await.expect("an answer");
    let wait = async {
        while client.command("show channels count", |_| ()).await.expect("an answer") != "\n0 total.\n" {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("all are gone");
}

/// Memory that so many calls take, KiB, and their processor time in [`SPAN`], ticks.
async fn cost(number: &str, calls: u64) -> (u64, u64) {
    let (switch, _folder) = start();
    let caller = Caller::new(&switch).await;
    // What is made once for all is there then.
    caller.calls(number, BATCH).await;
    hang_up_all(&switch).await;
    let before = memory(&switch);
    // A caller of its own: the one before is still being told that its calls are over.
    let caller = Caller::new(&switch).await;
    caller.calls(number, calls).await;
    sleep(Duration::from_secs(2)).await;
    let start = ticks(&switch);
    sleep(SPAN).await;
    let (used, grown) = (ticks(&switch) - start, memory(&switch).saturating_sub(before));
    let log = switch.log();
    assert!(!log.contains("panicked"), "{log}");
    (grown, used)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; LOAD_CALLS says how many calls"]
async fn script_load_of_prompts() {
    let calls = calls_wanted();
    let (plain_kib, plain_ticks) = cost("plain", calls).await;
    let (script_kib, script_ticks) = cost("script", calls).await;
    let each = script_kib.saturating_sub(plain_kib) / calls;
    let times = script_ticks as f64 / plain_ticks.max(1) as f64;
    eprintln!(
        "{calls} calls: dialplan {plain_kib} KiB, {plain_ticks} ticks; scripts {script_kib} KiB, {script_ticks} ticks; \
         {each} KiB a script, {times:.2} times the processor time"
    );
    assert!(each <= MOST_KIB, "{each} KiB a script");
    assert!(times <= MOST_TIMES, "{times:.2} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn script_load_of_endless_loops() {
    let (switch, _folder) = start();
    let mut caller = Caller::new(&switch).await;
    let mut figures = Vec::new();
    let mut call = 0;
    for loops in [0, LOOPS] {
        caller.calls("loop", loops).await;
        for number in ["plain", "script"] {
            let mut times = Vec::new();
            for _ in 0..PROBES {
                call += 1;
                times.push(caller.time_to_prompt(number, 10_000 + call).await);
            }
            times.sort();
            let at = |tenths: usize| times.get(times.len() * tenths / 10).copied().unwrap_or_default();
            let (median, late) = (at(5), at(9));
            eprintln!("{loops} loops, {number}: median {median:?}, 90th percentile {late:?}");
            figures.push(median);
        }
    }
    let log = switch.log();
    assert!(!log.contains("panicked"), "{log}");
    for (before, after) in figures.iter().zip(figures.iter().skip(2)) {
        assert!(*after <= *before + MOST_LATE, "{before:?}, then {after:?}");
    }
}
