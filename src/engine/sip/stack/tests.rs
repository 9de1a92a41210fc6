//! Stacks on a simulated network: a stepped clock, a link that loses, doubles and reorders; and messages by hand.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::super::command::{Body, Command, Headers, Invite, LegId, LegState};
use super::super::config::StackConfig;
use super::super::event::{Counts, Event, Outcome};
use super::super::flow::{Flow, FlowId, Target, Transport};
use super::super::messages::Method;
use super::Stack;

fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000 + side as u16))
}

fn flow(side: usize) -> Flow {
    Flow { id: FlowId(1), transport: Transport::Udp, local: address(side), remote: address(1 - side) }
}

#[expect(clippy::disallowed_methods, reason = "the start of a simulated clock")]
fn start() -> Instant {
    Instant::now()
}

/// What the callee does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Callee {
    Answers,
    Rings,
    Refuses,
    HangsUp,
}

/// What the caller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Waits,
    Cancels,
    HangsUp,
}

/// Two stacks, 0 calls 1.
struct World {
    now: Instant,
    stacks: [Stack; 2],
    /// Messages under way by arrival, to a side.
    link: BTreeMap<(Instant, u64), (usize, Bytes)>,
    number: u64,
    random: SmallRng,
    loss: f64,
    callee: Callee,
    caller: Caller,
    /// Things to do later.
    later: BTreeMap<(Instant, u64), (usize, Command)>,
    ends: Vec<(usize, LegId)>,
    log: Vec<String>,
}

impl World {
    fn new(seed: u64, loss: f64, callee: Callee, caller: Caller) -> Self {
        Self {
            now: start(),
            stacks: [Stack::new(StackConfig::default(), seed), Stack::new(StackConfig::default(), seed + 1000)],
            link: BTreeMap::new(),
            number: 0,
            random: SmallRng::seed_from_u64(seed),
            loss,
            callee,
            caller,
            later: BTreeMap::new(),
            ends: Vec::new(),
            log: Vec::new(),
        }
    }

    fn call(&mut self, leg: u64) {
        let target = Target { transport: Transport::Udp, destination: address(1), local: address(0), flow: None };
        let invite = Invite {
            leg: LegId(leg),
            uri: format!("sip:bob@{}", address(1)),
            target,
            from: "\"Alice\" <sip:alice@127.0.0.1>".to_owned(),
            to: None,
            contact: None,
            call_id: None,
            route: Vec::new(),
            headers: Headers::new(),
            body: Some(Body::sdp("v=0\r\n")),
        };
        self.stacks[0].command(self.now, Command::Invite(Box::new(invite))).unwrap();
        self.drain();
    }

    fn at(&mut self, ms: u64, side: usize, command: Command) {
        self.number += 1;
        self.later.insert((self.now + Duration::from_millis(ms), self.number), (side, command));
    }

    fn drain(&mut self) {
        for side in 0..2 {
            while let Some(sent) = self.stacks[side].poll_send() {
                assert_eq!(sent.destination, address(1 - side));
                if self.random.random_bool(self.loss) {
                    continue;
                }
                let copies = 1 + usize::from(self.loss > 0.0 && self.random.random_bool(0.1));
                for _ in 0..copies {
                    self.number += 1;
                    let delay =
                        Duration::from_millis(1 + self.random.random_range(0..if self.loss > 0.0 { 80 } else { 1 }));
                    self.link.insert((self.now + delay, self.number), (1 - side, sent.bytes.clone()));
                }
            }
            while let Some(event) = self.stacks[side].poll_event() {
                self.on_event(side, event);
            }
        }
    }

    fn on_event(&mut self, side: usize, event: Event) {
        self.log.push(format!("{side} {}", name(&event)));
        match event {
            Event::Invite { leg, .. } => {
                self.at(
                    20,
                    side,
                    Command::Provisional {
                        leg,
                        code: 180,
                        reason: None,
                        headers: Headers::new(),
                        reliable: false,
                        body: None,
                    },
                );
                match self.callee {
                    // Its user has patience, not eternity: the CANCEL may get lost altogether.
                    Callee::Rings => {
                        self.at(
                            100_000,
                            side,
                            Command::Reject { leg, code: 480, reason: None, headers: Headers::new() },
                        );
                    }
                    Callee::Refuses => {
                        self.at(200, side, Command::Reject { leg, code: 486, reason: None, headers: Headers::new() });
                    }
                    Callee::Answers | Callee::HangsUp => {
                        self.at(
                            200,
                            side,
                            Command::Answer { leg, headers: Headers::new(), body: Some(Body::sdp("v=0\r\n")) },
                        );
                    }
                }
                if self.callee == Callee::HangsUp {
                    self.at(900, side, Command::Bye { leg, headers: Headers::new() });
                }
            }
            Event::Success { leg, .. } if self.caller == Caller::HangsUp => {
                self.at(1000, side, Command::Bye { leg, headers: Headers::new() });
            }
            Event::Failure { leg, .. } | Event::Terminated { leg } => self.ends.push((side, leg)),
            _ => {}
        }
    }

    /// Goes on until nothing is left to happen, or the time is over.
    fn run(&mut self, most: Duration) {
        let end = self.now + most;
        loop {
            self.drain();
            let next = [
                self.link.keys().next().map(|(at, _)| *at),
                self.later.keys().next().map(|(at, _)| *at),
                self.stacks[0].next_deadline(),
                self.stacks[1].next_deadline(),
            ];
            let Some(next) = next.into_iter().flatten().min().filter(|at| *at <= end) else { return };
            assert!(next >= self.now, "time runs forward");
            self.now = next;
            while let Some(entry) = self.link.first_entry().filter(|entry| entry.key().0 <= next) {
                let (side, bytes) = entry.remove();
                self.stacks[side].on_datagram(next, flow(side), bytes);
                self.drain();
            }
            while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= next) {
                let (side, command) = entry.remove();
                // A command that crosses the end of its leg is refused; that is its sender's risk.
                let _ = self.stacks[side].command(next, command);
                self.drain();
            }
            for stack in &mut self.stacks {
                stack.on_timer(next);
                assert!(stack.next_deadline().is_none_or(|at| at > next), "a due timer is consumed");
            }
        }
    }

    fn leftover(&self) -> [Counts; 2] {
        [self.stacks[0].counts(), self.stacks[1].counts()]
    }
}

pub(super) fn name(event: &Event) -> &'static str {
    match event {
        Event::Invite { .. } => "invite",
        Event::Cancelled { .. } => "cancelled",
        Event::AckReceived { .. } => "ack",
        Event::AckTimeout { .. } => "ack-timeout",
        Event::Provisional { .. } => "provisional",
        Event::Success { .. } => "success",
        Event::Failure { outcome: Outcome::Response(_), .. } => "refused",
        Event::Failure { outcome: Outcome::Timeout, .. } => "timeout",
        Event::Failure { outcome: Outcome::Transport, .. } => "transport",
        Event::Failure { outcome: Outcome::Cancelled, .. } => "crossed",
        Event::Bye { .. } => "bye",
        Event::InDialog { .. } => "in-dialog",
        Event::OutOfDialog { .. } => "out-of-dialog",
        Event::Response { .. } => "response",
        Event::Terminated { .. } => "terminated",
    }
}

const HOURS: Duration = Duration::from_hours(1);

#[test]
fn a_call_is_answered_and_ended_from_either_side() {
    for (callee, caller, bye) in [
        (Callee::HangsUp, Caller::Waits, ["1 terminated", "0 bye"]),
        (Callee::Answers, Caller::HangsUp, ["0 terminated", "1 bye"]),
    ] {
        let mut world = World::new(1, 0.0, callee, caller);
        world.call(1);
        world.run(HOURS);
        let log = world.log.join(",");
        assert!(log.starts_with("1 invite,0 provisional,0 provisional,0 success,1 ack,"), "{log}");
        assert!(bye.iter().all(|end| world.log.iter().any(|line| line == end)), "{log}");
        assert_eq!(world.leftover(), [Counts::default(); 2]);
        assert_eq!(world.ends.len(), 2);
    }
}

#[test]
fn a_refusal_ends_both_legs() {
    let mut world = World::new(1, 0.0, Callee::Refuses, Caller::Waits);
    world.call(1);
    world.run(HOURS);
    assert!(world.log.contains(&"0 refused".to_owned()) && world.log.contains(&"1 terminated".to_owned()));
    assert_eq!(world.leftover(), [Counts::default(); 2]);
}

#[test]
fn a_cancel_ends_both_legs() {
    let mut world = World::new(1, 0.0, Callee::Rings, Caller::Cancels);
    world.call(1);
    world.at(500, 0, Command::Cancel { leg: LegId(1), headers: vec![("Reason".into(), "SIP;cause=487".into())] });
    world.run(HOURS);
    assert_eq!(world.log.join(","), "1 invite,0 provisional,0 provisional,1 cancelled,1 terminated,0 refused");
    assert_eq!(world.leftover(), [Counts::default(); 2]);
}

#[test]
fn a_cancel_that_crosses_the_answer_ends_in_a_bye() {
    let mut world = World::new(1, 0.0, Callee::Answers, Caller::Cancels);
    world.call(1);
    // The answer leaves at about 201 ms; the CANCEL just before it arrives.
    world.at(201, 0, Command::Cancel { leg: LegId(1), headers: Headers::new() });
    world.run(HOURS);
    let log = world.log.join(",");
    assert!(log.contains("0 crossed") && log.contains("1 bye"), "{log}");
    assert_eq!(world.leftover(), [Counts::default(); 2]);
}

#[test]
fn nobody_there_is_a_timeout() {
    let mut world = World::new(1, 1.0, Callee::Answers, Caller::Waits);
    let begun = world.now;
    world.call(1);
    world.run(HOURS);
    assert_eq!(world.log, ["0 timeout"]);
    assert_eq!(world.now - begun, Duration::from_secs(32));
    assert_eq!(world.stacks[0].totals().sent, 7, "the INVITE goes out seven times in 32 s");
    assert_eq!(world.leftover(), [Counts::default(); 2]);
}

#[test]
fn a_cancel_waits_for_the_first_response() {
    let mut world = World::new(1, 0.0, Callee::Rings, Caller::Cancels);
    world.call(1);
    world.stacks[0].command(world.now, Command::Cancel { leg: LegId(1), headers: Headers::new() }).unwrap();
    assert_eq!(world.stacks[0].leg_state(LegId(1)), Some(LegState::Cancelling));
    assert!(world.stacks[0].poll_send().is_none(), "nothing before the 100");
    world.run(HOURS);
    assert!(world.log.contains(&"1 cancelled".to_owned()), "{:?}", world.log);
    assert_eq!(world.leftover(), [Counts::default(); 2]);
}

#[test]
fn a_bad_link_never_leaves_anything_behind() {
    for seed in 0..150 {
        for callee in [Callee::Answers, Callee::Rings, Callee::Refuses, Callee::HangsUp] {
            for caller in [Caller::Cancels, Caller::HangsUp] {
                let mut world = World::new(seed, 0.25, callee, caller);
                for leg in 1..4 {
                    world.call(leg);
                    if caller == Caller::Cancels || callee == Callee::Rings {
                        let when = world.random.random_range(0..600);
                        world.at(when, 0, Command::Cancel { leg: LegId(leg), headers: Headers::new() });
                        // Whoever is answered all the same hangs up.
                        world.at(70_000, 0, Command::Bye { leg: LegId(leg), headers: Headers::new() });
                    }
                }
                world.run(HOURS);
                assert_eq!(world.leftover(), [Counts::default(); 2], "{seed} {callee:?} {caller:?} {:?}", world.log);
                let mut ends = world.ends.clone();
                ends.sort();
                ends.dedup();
                assert_eq!(ends.len(), world.ends.len(), "every leg ends once: {seed} {callee:?} {caller:?}");
                for leg in 1..4 {
                    assert!(ends.contains(&(0, LegId(leg))), "{seed} {callee:?} {caller:?} {:?}", world.log);
                }
            }
        }
    }
}

// --- messages by hand ---

/// A stack that is sent requests by hand.
struct Bench {
    stack: Stack,
    now: Instant,
}

impl Bench {
    fn new(config: StackConfig) -> Self {
        Self { stack: Stack::new(config, 7), now: start() }
    }

    fn send(&mut self, text: &str) -> Vec<String> {
        self.stack.on_datagram(self.now, flow(1), Bytes::from(text.replace('\n', "\r\n")));
        self.sent()
    }

    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.stack.poll_send())
            .map(|sent| String::from_utf8_lossy(&sent.bytes).into_owned())
            .collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.stack.poll_event()).collect()
    }
}

fn request(method: &str, uri: &str, more: &str) -> String {
    let contact = if more.contains("Contact") { "" } else { "Contact: <sip:a@127.0.0.1:5000>\n" };
    format!(
        "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5000;rport;branch=z9hG4bKa1\nMax-Forwards: 70\n\
         From: <sip:a@h>;tag=f1\nTo: <sip:b@h>\nCall-ID: c1\nCSeq: 1 {method}\n{contact}{more}Content-Length: 0\n\n"
    )
}

fn first_line(sent: &[String]) -> &str {
    sent.first().and_then(|text| text.lines().next()).unwrap_or_default()
}

#[test]
fn faults_are_answered_with_the_status_they_deserve() {
    for (text, expected) in [
        (request("INVITE", "sip:b@h", ""), "SIP/2.0 100 Trying"),
        (request("OPTIONS", "sip:b@h", ""), ""),
        (request("FOO", "sip:b@h", ""), "SIP/2.0 501 Not Implemented"),
        (request("PUBLISH", "sip:b@h", ""), "SIP/2.0 405 Method Not Allowed"),
        (request("INVITE", "mailto:b@h", ""), "SIP/2.0 416 Unsupported URI Scheme"),
        (request("INVITE", "sip:b@h", "Require: foo\n"), "SIP/2.0 420 Bad Extension"),
        (request("INVITE", "sip:b@h", "Contact:\n").replace("Contact:\n", ""), "SIP/2.0 400 Missing Contact Header"),
        (request("BYE", "sip:b@h", ""), "SIP/2.0 481 Call/Transaction Does Not Exist"),
        (request("CANCEL", "sip:b@h", ""), "SIP/2.0 481 Call/Transaction Does Not Exist"),
        (request("INVITE", "sip:b@h", "").replace("CSeq: 1 INVITE\n", ""), "SIP/2.0 400 Missing CSeq Header"),
        (request("INVITE", "sip:b@h", "").replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), "SIP/2.0 400 CSeq Method Mismatch"),
        (
            request("INVITE", "sip:b@h SIP/7.0", "").replace(" SIP/2.0\nVia", "\nVia"),
            "SIP/2.0 505 Version Not Supported",
        ),
        (
            request("INVITE", "sip:b@h", "").replace("To: <sip:b@h>", "To: <sip:b@h>;tag=gone"),
            "SIP/2.0 481 Call/Transaction Does Not Exist",
        ),
        (request("ACK", "sip:b@h", ""), ""),
        ("hello\n\n".to_owned(), ""),
        ("\n\n".to_owned(), ""),
    ] {
        let mut bench = Bench::new(StackConfig::default());
        let sent = bench.send(&text);
        assert_eq!(first_line(&sent), expected, "{text}");
    }
}

#[test]
fn a_full_stack_says_so_and_keeps_nothing() {
    let mut bench = Bench::new(StackConfig { max_legs: 0, retry_after: 17, ..StackConfig::default() });
    let sent = bench.send(&request("INVITE", "sip:b@h", ""));
    assert_eq!(first_line(&sent), "SIP/2.0 503 Service Unavailable");
    assert!(sent[0].contains("Retry-After: 17\r\n"));
    assert_eq!(bench.stack.counts(), Counts::default());
    assert_eq!(bench.stack.totals().overload, 1);
}

#[test]
fn a_retransmission_gets_the_last_response_and_no_second_call() {
    let mut bench = Bench::new(StackConfig::default());
    let text = request("INVITE", "sip:b@h", "");
    bench.send(&text);
    assert_eq!(bench.events().len(), 1);
    assert_eq!(first_line(&bench.send(&text)), "SIP/2.0 100 Trying");
    assert_eq!(bench.events().len(), 0);
    // By another way: merged.
    let merged = text.replace("z9hG4bKa1", "z9hG4bKa2");
    assert_eq!(first_line(&bench.send(&merged)), "SIP/2.0 482 Loop Detected");
}

#[test]
fn responses_go_where_the_request_came_from() {
    let mut bench = Bench::new(StackConfig::default());
    let sent = bench.send(&request("INVITE", "sip:b@h", ""));
    assert!(sent[0].contains(";received=127.0.0.1;rport=5000\r\n"), "{}", sent[0]);
    let plain = request("INVITE", "sip:b@h", "").replace(";rport", "").replace("Call-ID: c1", "Call-ID: c2");
    let sent = bench.send(&plain.replace("z9hG4bKa1", "z9hG4bKb"));
    assert!(sent[0].contains("Via: SIP/2.0/UDP 127.0.0.1:5000;branch=z9hG4bKb\r\n"), "{}", sent[0]);
}

#[test]
fn requests_in_a_dialog_are_told_and_answered_in_order() {
    let mut bench = Bench::new(StackConfig::default());
    bench.send(&request("INVITE", "sip:b@h", ""));
    let Some(Event::Invite { leg, .. }) = bench.events().pop() else { panic!("no call") };
    bench.stack.command(bench.now, Command::Answer { leg, headers: Headers::new(), body: None }).unwrap();
    let tag = bench.stack.local_tag(leg).unwrap().to_owned();
    assert!(bench.sent()[0].contains(&format!("To: <sip:b@h>;tag={tag}\r\n")));
    let inside = |method: &str, cseq: u32, branch: &str| {
        request(method, "sip:b@h", "")
            .replace("CSeq: 1", &format!("CSeq: {cseq}"))
            .replace("To: <sip:b@h>", &format!("To: <sip:b@h>;tag={tag}"))
            .replace("z9hG4bKa1", branch)
    };
    // A re-INVITE before the ACK must wait; after it, it is told.
    assert_eq!(first_line(&bench.send(&inside("INVITE", 2, "z9hG4bKb2"))), "SIP/2.0 500 Server Internal Error");
    bench.send(&inside("ACK", 1, "z9hG4bKb3"));
    assert!(matches!(bench.events()[..], [Event::AckReceived { .. }]));
    bench.send(&inside("INVITE", 3, "z9hG4bKb4"));
    let Some(Event::InDialog { tx, .. }) = bench.events().pop() else { panic!("no re-INVITE") };
    // A second one while the first is open, and ours, which has to wait.
    assert_eq!(first_line(&bench.send(&inside("INVITE", 4, "z9hG4bKb5"))), "SIP/2.0 500 Server Internal Error");
    assert!(
        bench
            .stack
            .command(bench.now, Command::Reinvite { leg, token: 1, headers: Headers::new(), body: None })
            .is_err()
    );
    let respond = Command::Respond { tx, code: 200, reason: None, headers: Headers::new(), body: None };
    bench.stack.command(bench.now, respond).unwrap();
    assert_eq!(first_line(&bench.sent()), "SIP/2.0 200 OK");
    bench.send(&inside("ACK", 3, "z9hG4bKb6"));
    assert_eq!(first_line(&bench.send(&inside("INFO", 2, "z9hG4bKb7"))), "SIP/2.0 500 Server Internal Error");
    // Glare: ours is under way.
    let ours = Command::Reinvite { leg, token: 1, headers: Headers::new(), body: Some(Body::sdp("v=0\r\n")) };
    bench.stack.command(bench.now, ours).unwrap();
    assert!(first_line(&bench.sent()).starts_with("INVITE sip:a@127.0.0.1:5000 "));
    assert_eq!(first_line(&bench.send(&inside("INVITE", 9, "z9hG4bKb8"))), "SIP/2.0 491 Request Pending");
    assert_eq!(first_line(&bench.send(&inside("BYE", 10, "z9hG4bKb9"))), "SIP/2.0 200 OK");
    assert_eq!(bench.stack.counts().legs, 0);
}

#[test]
fn an_answer_nobody_acknowledges_ends_the_leg() {
    let mut bench = Bench::new(StackConfig::default());
    bench.send(&request("INVITE", "sip:b@h", ""));
    let Some(Event::Invite { leg, .. }) = bench.events().pop() else { panic!("no call") };
    bench.stack.command(bench.now, Command::Answer { leg, headers: Headers::new(), body: None }).unwrap();
    let mut answers = 0;
    while let Some(at) = bench.stack.next_deadline() {
        bench.now = at;
        bench.stack.on_timer(at);
        answers += bench.sent().iter().filter(|text| text.starts_with("SIP/2.0 200")).count();
    }
    assert_eq!(answers, 11, "0.5, 1, 2 and then every 4 s, the first one included");
    let names: Vec<&str> = bench.events().iter().map(name).collect();
    assert_eq!(names, ["ack-timeout", "terminated"]);
    assert_eq!(bench.stack.counts(), Counts::default());
}

/// A call that rings reliably, with its answer's tag; what was sent is fetched.
fn reliable(bench: &mut Bench, code: u16) -> (LegId, String) {
    bench.send(&request("INVITE", "sip:b@h", "Supported: 100rel\n"));
    let Some(Event::Invite { leg, .. }) = bench.events().pop() else { panic!("no call") };
    provisional(bench, leg, code);
    (leg, bench.stack.local_tag(leg).unwrap().to_owned())
}

fn provisional(bench: &mut Bench, leg: LegId, code: u16) {
    let (headers, body) = (Headers::new(), Some(Body::sdp("v=0\r\n")));
    let command = Command::Provisional { leg, code, reason: None, headers, body, reliable: true };
    bench.stack.command(bench.now, command).unwrap();
}

fn prack(tag: &str, rack: &str, cseq: u32) -> String {
    request("PRACK", "sip:b@h", &format!("RAck: {rack}\n"))
        .replace("CSeq: 1", &format!("CSeq: {cseq}"))
        .replace("To: <sip:b@h>", &format!("To: <sip:b@h>;tag={tag}"))
        .replace("z9hG4bKa1", &format!("z9hG4bKp{cseq}"))
}

fn rseq(sent: &[String]) -> u32 {
    let text = sent.last().expect("a response");
    assert!(text.contains("Require: 100rel\r\n"), "{text}");
    let value = text.lines().find_map(|line| line.strip_prefix("RSeq: ")).expect("an RSeq");
    value.parse().expect("a number")
}

#[test]
fn reliable_responses_wait_for_one_another_and_the_answer_for_all() {
    let mut bench = Bench::new(StackConfig::default());
    let (leg, tag) = reliable(&mut bench, 183);
    let first = rseq(&bench.sent());
    provisional(&mut bench, leg, 180);
    assert!(bench.sent().is_empty(), "the second waits");
    for stray in
        [format!("{} 1 INVITE", first + 1), format!("{first} 2 INVITE"), format!("{first} 1 BYE"), String::new()]
    {
        let mut bench = Bench::new(StackConfig::default());
        let (_, tag) = reliable(&mut bench, 183);
        bench.sent();
        let sent = bench.send(&prack(&tag, &stray, 2));
        assert_eq!(first_line(&sent), "SIP/2.0 481 Call/Transaction Does Not Exist", "{stray}");
    }
    let sent = bench.send(&prack(&tag, &format!("{first} 1 INVITE"), 2));
    assert_eq!(first_line(&sent), "SIP/2.0 200 OK");
    assert_eq!((sent.len(), rseq(&sent)), (2, first + 1));
    bench.stack.command(bench.now, Command::Answer { leg, headers: Headers::new(), body: None }).unwrap();
    assert!(bench.sent().is_empty(), "the answer waits");
    assert_eq!(bench.stack.leg_state(leg), Some(LegState::Incoming));
    let sent = bench.send(&prack(&tag, &format!("{} 1 INVITE", first + 1), 3));
    assert!(sent[1].contains("CSeq: 1 INVITE\r\n") && sent[1].starts_with("SIP/2.0 200 OK"), "{}", sent[1]);
    // The ACK has the number of the INVITE, whatever came after that.
    let ack = request("ACK", "sip:b@h", "").replace("To: <sip:b@h>", &format!("To: <sip:b@h>;tag={tag}"));
    bench.send(&ack.replace("z9hG4bKa1", "z9hG4bKack"));
    assert!(matches!(bench.events()[..], [Event::AckReceived { .. }]));
}

#[test]
fn a_reliable_response_nobody_acknowledges_is_repeated_and_ends_the_call() {
    let mut bench = Bench::new(StackConfig::default());
    let begun = bench.now;
    reliable(&mut bench, 183);
    let (mut copies, mut last) = (Vec::new(), String::new());
    bench.sent();
    while let Some(at) = bench.stack.next_deadline() {
        bench.now = at;
        bench.stack.on_timer(at);
        for text in bench.sent() {
            if text.starts_with("SIP/2.0 183") {
                copies.push((at - begun).as_millis());
            } else if last.is_empty() {
                last = format!("{} {}", (at - begun).as_millis(), text.lines().next().unwrap_or_default());
            }
        }
    }
    assert_eq!(copies, [500, 1500, 3500, 7500, 15_500, 31_500]);
    assert_eq!(last, "32000 SIP/2.0 504 Server Time-out");
    let names: Vec<&str> = bench.events().iter().map(name).collect();
    assert_eq!(names, ["ack-timeout", "terminated"]);
    assert_eq!(bench.stack.counts(), Counts::default());
}

#[test]
fn an_answer_that_waits_can_still_be_taken_back() {
    let mut bench = Bench::new(StackConfig::default());
    let (leg, _) = reliable(&mut bench, 183);
    bench.stack.command(bench.now, Command::Answer { leg, headers: Headers::new(), body: None }).unwrap();
    bench.sent();
    bench.stack.command(bench.now, Command::Bye { leg, headers: Headers::new() }).unwrap();
    assert_eq!(first_line(&bench.sent()), "SIP/2.0 480 Temporarily Unavailable");
    assert_eq!(bench.stack.counts().legs, 0);
}

#[test]
fn a_prack_with_a_description_is_told() {
    let mut bench = Bench::new(StackConfig::default());
    let (leg, tag) = reliable(&mut bench, 183);
    let number = rseq(&bench.sent());
    let text = prack(&tag, &format!("{number} 1 INVITE"), 2)
        .replace("Content-Length: 0\n\n", "Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n");
    assert!(bench.send(&text).is_empty());
    let Some(Event::InDialog { tx, leg: told, .. }) = bench.events().pop() else { panic!("no offer") };
    assert_eq!(told, leg);
    let respond = Command::Respond { tx, code: 200, reason: None, headers: Headers::new(), body: None };
    bench.stack.command(bench.now, respond).unwrap();
    assert_eq!(first_line(&bench.sent()), "SIP/2.0 200 OK");
}

#[test]
fn reliable_responses_to_us_are_acknowledged_in_order_and_once() {
    let mut bench = Bench::new(StackConfig::default());
    let invite = Invite {
        leg: LegId(1),
        uri: "sip:b@h".to_owned(),
        target: Target { transport: Transport::Udp, destination: address(0), local: address(1), flow: None },
        from: "<sip:a@h>".to_owned(),
        to: None,
        contact: None,
        call_id: Some("out".to_owned()),
        route: Vec::new(),
        headers: Headers::new(),
        body: Some(Body::sdp("v=0\r\n")),
    };
    bench.stack.command(bench.now, Command::Invite(Box::new(invite))).unwrap();
    let invite = bench.sent().remove(0);
    let line = |name: &str| invite.lines().find(|line| line.starts_with(name)).expect("a header").to_owned();
    let cseq = line("CSeq: ");
    let answer = |rseq: u32| {
        format!(
            "SIP/2.0 183 Session Progress\n{}\n{}\nTo: <sip:b@h>;tag=far\nCall-ID: out\n{cseq}\n\
             Contact: <sip:b@127.0.0.1:5000>\nRequire: 100rel\nRSeq: {rseq}\nContent-Length: 0\n\n",
            line("Via: "),
            line("From: ")
        )
    };
    let number = cseq.trim_start_matches("CSeq: ").trim_end_matches(" INVITE").parse::<u32>().unwrap();
    for (rseq, told) in [(7, true), (7, false), (9, false), (8, true), (9, true), (8, false)] {
        let sent = bench.send(&answer(rseq));
        let events = bench.events().len();
        assert_eq!((sent.len(), events), if told { (1, 1) } else { (0, 0) }, "{rseq}");
        if told {
            assert!(sent[0].starts_with("PRACK sip:b@127.0.0.1:5000 "), "{}", sent[0]);
            assert!(sent[0].contains(&format!("RAck: {rseq} {number} INVITE\r\n")), "{}", sent[0]);
        }
    }
}

#[test]
fn a_refused_port_ends_what_was_never_answered() {
    let invite = |leg: u64, port: u16| Invite {
        leg: LegId(leg),
        uri: "sip:b@h".to_owned(),
        target: Target {
            transport: Transport::Udp,
            destination: SocketAddr::from(([127, 0, 0, 1], port)),
            local: address(1),
            flow: None,
        },
        from: "<sip:a@h>".to_owned(),
        to: None,
        contact: None,
        call_id: None,
        route: Vec::new(),
        headers: Headers::new(),
        body: None,
    };
    let mut bench = Bench::new(StackConfig::default());
    for (leg, port) in [(1, 5000), (2, 5000), (3, 6000)] {
        bench.stack.command(bench.now, Command::Invite(Box::new(invite(leg, port)))).unwrap();
    }
    // The second one rings.
    let sent = bench.sent().remove(1);
    let kept = ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "];
    let lines: Vec<&str> = sent.lines().filter(|line| kept.iter().any(|name| line.starts_with(name))).collect();
    bench.send(&format!("SIP/2.0 180 Ringing\n{}\nContent-Length: 0\n\n", lines.join("\n")));
    bench.events();
    bench.stack.on_refused(bench.now, SocketAddr::from(([127, 0, 0, 1], 5000)));
    let events = bench.events();
    assert!(
        matches!(events[..], [Event::Failure { leg: LegId(1), outcome: Outcome::Transport }]),
        "{:?}",
        events.iter().map(name).collect::<Vec<_>>()
    );
    assert_eq!(bench.stack.counts().legs, 2);
}

#[test]
fn a_method_with_its_own_command_is_refused() {
    let mut bench = Bench::new(StackConfig::default());
    let command = |method| Command::Request { leg: LegId(1), token: 0, method, headers: Headers::new(), body: None };
    assert!(bench.stack.command(bench.now, command(Method::Bye)).is_err());
    assert!(bench.stack.command(bench.now, command(Method::Info)).is_err(), "no such leg");
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut bench = Bench::new(StackConfig::default());
        bench.stack.on_datagram(bench.now, flow(1), Bytes::from(bytes));
    }

    #[test]
    fn no_damaged_request_brings_it_down(at in 0usize..330, byte in any::<u8>(), cut in 0usize..330) {
        let mut text = request("INVITE", "sip:b@h", "Record-Route: <sip:p;lr>\nRequire: x\n").replace('\n', "\r\n").into_bytes();
        if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
        let mut bench = Bench::new(StackConfig::default());
        bench.stack.on_datagram(bench.now, flow(1), Bytes::from(text.clone()));
        text.truncate(cut);
        bench.stack.on_datagram(bench.now, flow(1), Bytes::from(text));
        while let Some(deadline) = bench.stack.next_deadline() {
            bench.stack.on_timer(deadline);
        }
    }
}

#[test]
fn a_challenge_is_forgotten_sooner_than_an_answer() {
    for (code, seconds) in [(401, 5), (407, 5), (200, 32), (403, 32)] {
        let mut bench = Bench::new(StackConfig::default());
        let begun = bench.now;
        bench.send(&request("REGISTER", "sip:h", ""));
        let Some(Event::OutOfDialog { tx, .. }) = bench.events().pop() else { panic!("no request") };
        let respond = Command::Respond { tx, code, reason: None, headers: Headers::new(), body: None };
        bench.stack.command(bench.now, respond).unwrap();
        assert_eq!(bench.sent().len(), 1);
        while bench.stack.counts().server_transactions > 0 {
            bench.now = bench.stack.next_deadline().expect("a deadline");
            let at = bench.now;
            bench.stack.on_timer(at);
        }
        let kept = bench.now.duration_since(begun).as_secs_f64();
        assert!((kept - f64::from(seconds)).abs() < 1.0, "{code}: {kept} s");
    }
}
