//! Figures of the registrar under load. Ignored by default: it takes minutes and wants a quiet machine.
//!
//! `SWITCH_BINARY=target/release/switch cargo test --release --test e2e load -- --ignored --nocapture`; `LOAD_USERS` (100,000)
//! is the number of users.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::time::Duration;

use tokio::time::Instant;

use super::peer::{Message, prove};
use super::registrar::{DOMAIN, profile};
use super::support::{LOOPBACK, Switch};

/// Requests under way at one time.
const WINDOW: usize = 128;
/// After this time a request is sent again.
const REPEAT: Duration = Duration::from_millis(500);

/// A user, its request under way and its challenge.
struct User {
    number: usize,
    cseq: u32,
    sent: Instant,
    challenge: Option<String>,
    nonces: u32,
}

struct Load {
    socket: UdpSocket,
    under_way: Vec<User>,
    repeats: usize,
    refused: usize,
}

impl Load {
    fn send(&self, user: &User) {
        let (port, number, cseq) = (self.socket.local_addr().expect("an address").port(), user.number, user.cseq);
        let uri = format!("sip:{DOMAIN}");
        let proof = user.challenge.as_ref().map(|challenge| {
            let name = format!("u{number}");
            format!("Authorization: {}\r\n", prove(challenge, "REGISTER", &uri, (&name, "secret"), user.nonces))
        });
        let text = format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-{number}-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:u{number}@{DOMAIN}>;tag=t{number}\r\nTo: <sip:u{number}@{DOMAIN}>\r\n\
             Call-ID: load-{number}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:u{number}@127.0.0.1:{port}>\r\n\
             Expires: 3600\r\n{}Content-Length: 0\r\n\r\n",
            proof.unwrap_or_default()
        );
        let _ = self.socket.send(text.as_bytes());
    }

    /// Takes in what has come; those that are through, with what they know.
    fn receive(&mut self) -> Vec<User> {
        let (mut buffer, mut done) = ([0; 4096], Vec::new());
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let message = Message(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned());
            let number =
                message.header("Call-ID").strip_prefix("load-").and_then(|number| number.parse::<usize>().ok());
            let cseq = message.header("CSeq").split(' ').next().and_then(|number| number.parse::<u32>().ok());
            let own = |user: &User| Some(user.number) == number && Some(user.cseq) == cseq;
            let Some(at) = self.under_way.iter().position(own) else { continue };
            let mut user = self.under_way.swap_remove(at);
            match message.code() {
                401 => {
                    user.challenge = Some(message.header("WWW-Authenticate").to_owned());
                    (user.cseq, user.nonces, user.sent) = (user.cseq + 1, 1, Instant::now());
                    self.send(&user);
                    self.under_way.push(user);
                }
                200 => done.push(user),
                _ => {
                    self.refused += 1;
                    assert!(self.refused > 1, "{}", message.0);
                }
            }
        }
        done
    }

    fn repeat(&mut self) {
        let now = Instant::now();
        let late: Vec<usize> = (0..self.under_way.len())
            .filter(|at| self.under_way.get(*at).is_some_and(|user| now - user.sent > REPEAT))
            .collect();
        for at in late {
            self.repeats += 1;
            if let Some(user) = self.under_way.get_mut(at) {
                user.sent = now;
            }
            if let Some(user) = self.under_way.get(at) {
                self.send(user);
            }
        }
    }

    /// Registers all of them; the time it took, and what they know now.
    #[expect(clippy::disallowed_methods, reason = "nothing has come: the socket is looked at again a little later")]
    fn register(&mut self, mut waiting: Vec<User>) -> (Duration, Vec<User>) {
        let (begun, mut done) = (Instant::now(), Vec::new());
        while !waiting.is_empty() || !self.under_way.is_empty() {
            while self.under_way.len() < WINDOW
                && let Some(mut user) = waiting.pop()
            {
                (user.cseq, user.nonces, user.sent) = (user.cseq + 1, user.nonces + 1, Instant::now());
                self.send(&user);
                self.under_way.push(user);
            }
            let through = self.receive();
            if through.is_empty() {
                std::thread::sleep(Duration::from_micros(100));
                self.repeat();
            }
            done.extend(through);
            assert!(begun.elapsed() < Duration::from_mins(10), "it takes too long");
        }
        (begun.elapsed(), done)
    }
}

/// KiB of memory that a process has.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its size");
    line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).expect("a number")
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[test]
#[ignore = "a measurement of minutes"]
#[expect(clippy::disallowed_methods, reason = "the life of transactions is a time")]
fn registrations() {
    let count = std::env::var("LOAD_USERS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let mut directory = format!("<include>\n<domain name=\"{DOMAIN}\">\n<groups>\n<group name=\"all\">\n<users>\n");
    for number in 0..count {
        let _ = writeln!(
            directory,
            "<user id=\"u{number}\"><params><param name=\"password\" value=\"secret\"/></params></user>"
        );
    }
    directory.push_str("</users>\n</group>\n</groups>\n</domain>\n</include>\n");
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().to_str().expect("a path").to_owned();
    let profile = profile(&[("multiple-registrations", "contact")], "");
    let files = [("sip_profiles/a.xml", &*profile), ("directory/a.xml", &directory)];
    let switch = Switch::start_with(&["--data", &path], &files);
    let before = resident(switch.pid());
    let socket = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
    socket.connect(switch.address).expect("an address");
    socket.set_nonblocking(true).expect("it does not wait");
    let mut load = Load { socket, under_way: Vec::new(), repeats: 0, refused: 0 };
    let user = |number| User { number, cseq: 0, sent: Instant::now(), challenge: None, nonces: 0 };
    let (first, known) = load.register((0..count).map(user).collect());
    println!("{count} registrations with a challenge each: {first:.1?}, {:.0}/s", rate(count, first));
    println!("memory: {} KiB before, {} KiB after", before, resident(switch.pid()));
    // Transactions are kept for 32 s.
    let pause = std::env::var("LOAD_PAUSE").ok().and_then(|pause| pause.parse().ok()).unwrap_or(40);
    std::thread::sleep(Duration::from_secs(pause));
    println!("memory: {} KiB {pause} s later", resident(switch.pid()));
    // The challenge holds for the next ones.
    let (second, _) = load.register(known);
    println!("{count} refreshes with a known challenge: {second:.1?}, {:.0}/s", rate(count, second));
    println!("sent again: {}, refused: {}", load.repeats, load.refused);
    println!("memory: {} KiB", resident(switch.pid()));
    assert_eq!(load.refused, 0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stopped = Instant::now();
    assert_eq!(runtime.block_on(switch.interrupt()), Some(0));
    println!("it ended within {:.1?}", stopped.elapsed());
    let begun = Instant::now();
    let again = Switch::start_with(&["--data", &path], &files);
    let listening = begun.elapsed();
    let (from, to) = (data.path().join("event_socket.password"), again.folder().join("data"));
    std::fs::create_dir_all(&to).expect("a folder");
    std::fs::copy(from, to.join("event_socket.password")).expect("a copy");
    let total = super::siptrace::api(&again, "show registrations count");
    println!(
        "listening again after {listening:.1?}, registrations known after {:.1?}: {}",
        begun.elapsed(),
        total.trim()
    );
    println!("memory: {} KiB", resident(again.pid()));
    assert!(total.contains(&format!("{count} total")), "{total}");
}
