//! Every state of the four transactions and of a leg meets every event. Each cell says where the state goes, what is
//! sent and what the owner is told; what a machine does not expect must leave it where it is.
//!
//! A cell reads `next: sent / told`; `gone` is the end, `-` stands for nothing, `!` for a command that was refused.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::command::{Body, Command, Headers, Invite, LegId, LegState, Request, TxId};
use super::super::config::StackConfig;
use super::super::event::Event;
use super::super::flow::{Flow, FlowId, Target, Transport};
use super::super::messages::Method;
use super::Stack;
use super::tests::name;

const LEG: LegId = LegId(1);

/// A stack, and the messages of its far end.
struct Bench {
    stack: Stack,
    now: Instant,
    /// The last request of ours that was no ACK.
    request: String,
    leg: LegId,
    tx: Option<TxId>,
    /// Number of the far end's next request.
    cseq: u32,
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// A response to the last request.
    Response(u16),
    /// The far end's request; the INVITE and the one that opened the transaction are retransmissions.
    Request(&'static str),
    /// A time goes by.
    Ms(u64),
    /// The port is closed.
    Refused,
    Command(&'static str),
}

use Happening::{Command as Do, Ms, Refused, Request as Get, Response as Answer};

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "the start of a simulated clock")]
    fn new() -> Self {
        let stack = Stack::new(StackConfig::default(), 7);
        Self { stack, now: Instant::now(), request: String::new(), leg: LEG, tx: None, cseq: 1 }
    }

    fn flow() -> Flow {
        let (local, remote) = (([127, 0, 0, 1], 5001).into(), ([127, 0, 0, 1], 5000).into());
        Flow { id: FlowId(1), transport: Transport::Udp, local, remote }
    }

    fn target() -> Target {
        let Flow { local, remote, transport, .. } = Self::flow();
        Target { transport, destination: remote, local, flow: None }
    }

    /// Lets something happen; tells what was sent and what the owner was told.
    fn happen(&mut self, happening: Happening) -> String {
        let refused = match happening {
            Answer(code) => {
                self.respond(code);
                false
            }
            Get(method) => {
                let text = self.request_text(method);
                self.stack.on_datagram(self.now, Self::flow(), Bytes::from(text.replace('\n', "\r\n")));
                false
            }
            Ms(ms) => {
                let end = self.now + Duration::from_millis(ms);
                while let Some(due) = self.stack.next_deadline().filter(|due| *due <= end) {
                    self.now = due;
                    self.stack.on_timer(due);
                }
                self.now = end;
                false
            }
            Refused => {
                self.stack.on_refused(self.now, Self::flow().remote);
                false
            }
            Do(name) => {
                let command = self.command(name);
                self.stack.command(self.now, command).is_err()
            }
        };
        self.outcome(refused)
    }

    fn outcome(&mut self, refused: bool) -> String {
        let mut sent: Vec<String> = Vec::new();
        while let Some(message) = self.stack.poll_send() {
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            let first = text.lines().next().unwrap_or_default();
            let word = match first.strip_prefix("SIP/2.0 ") {
                Some(status) => status.get(..3).unwrap_or_default(),
                None => first.split(' ').next().unwrap_or_default(),
            };
            sent.push(word.to_owned());
            if !text.starts_with("SIP/2.0") && !text.starts_with("ACK") {
                self.request = text;
            }
        }
        let mut told = Vec::new();
        while let Some(event) = self.stack.poll_event() {
            match &event {
                Event::Invite { leg, .. } => self.leg = *leg,
                Event::OutOfDialog { tx, .. } | Event::InDialog { tx, .. } => self.tx = Some(*tx),
                _ => {}
            }
            told.push(name(&event));
        }
        let list = |words: &[String]| if words.is_empty() { "-".to_owned() } else { counted(words) };
        let told: Vec<String> = told.into_iter().map(str::to_owned).collect();
        format!("{}{} / {}", if refused { "!" } else { "" }, list(&sent), list(&told))
    }

    fn respond(&mut self, code: u16) {
        let line = |name: &str| self.request.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let to = line("To: ");
        let to = if to.contains("tag=") { to.to_owned() } else { format!("{to};tag=far") };
        let text = format!(
            "SIP/2.0 {code} X\r\n{}\r\n{}\r\n{to}\r\n{}\r\n{}\r\nContact: <sip:b@127.0.0.1:5000>\r\nContent-Length: 0\r\n\r\n",
            line("Via: "),
            line("From: "),
            line("Call-ID: "),
            line("CSeq: ")
        );
        self.stack.on_datagram(self.now, Self::flow(), Bytes::from(text));
    }

    /// A request of the far end, within the dialog when there is one of its making.
    fn request_text(&mut self, method: &str) -> String {
        let tag = self.stack.local_tag(self.leg).map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let outside = matches!(method, "INVITE" | "CANCEL" | "OPTIONS");
        let (branch, to) = match method {
            "ACK" if self.stack.leg_state(self.leg).is_none() => ("z9hG4bK1".to_owned(), String::new()),
            _ if outside => ("z9hG4bK1".to_owned(), String::new()),
            _ => {
                self.cseq += 1;
                (format!("z9hG4bK{}", self.cseq), tag)
            }
        };
        // A call of ours has our Call-ID, and the far end's tag is that of its responses.
        let ours = self.request.lines().find_map(|line| line.strip_prefix("Call-ID: "));
        let (call_id, from) = ours.map_or(("c1", "f1"), |call_id| (call_id, "far"));
        let cseq = if outside || method == "ACK" { 1 } else { self.cseq };
        format!(
            "{method} sip:b@127.0.0.1:5001 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5000;rport;branch={branch}\nMax-Forwards: 70\n\
             From: <sip:a@h>;tag={from}\nTo: <sip:b@h>{to}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\nContact: <sip:a@127.0.0.1:5000>\n\
             Content-Length: 0\n\n"
        )
    }

    fn command(&self, name: &str) -> Command {
        let (leg, headers, token) = (self.leg, Headers::new(), 9);
        let body = Some(Body::sdp("v=0\r\n"));
        match name {
            "invite" => Command::Invite(Box::new(Invite {
                leg,
                uri: "sip:b@127.0.0.1:5000".to_owned(),
                target: Self::target(),
                from: "<sip:a@127.0.0.1>".to_owned(),
                to: None,
                contact: None,
                call_id: None,
                route: Vec::new(),
                headers,
                body,
            })),
            "options" => Command::Send(Box::new(Request {
                token,
                method: Method::Options,
                uri: "sip:b@127.0.0.1:5000".to_owned(),
                target: Self::target(),
                from: "<sip:a@127.0.0.1>".to_owned(),
                to: None,
                call_id: None,
                cseq: None,
                from_tag: None,
                route: Vec::new(),
                headers,
                body: None,
            })),
            "respond" => {
                let tx = self.tx.unwrap_or(TxId(0));
                Command::Respond { tx, code: 200, reason: None, headers, body: None }
            }
            "ring" => Command::Provisional { leg, code: 180, reason: None, headers, body: None, reliable: false },
            "answer" => Command::Answer { leg, headers, body },
            "reject" => Command::Reject { leg, code: 486, reason: None, headers },
            "retry" => Command::Retry { leg, headers },
            "retarget" => Command::Retarget { leg, uri: "sip:c@127.0.0.1:5000".to_owned(), target: Self::target() },
            "ack" => Command::Ack { leg, body },
            "bye" => Command::Bye { leg, headers },
            "cancel" => Command::Cancel { leg, headers },
            "reinvite" => Command::Reinvite { leg, token, headers, body },
            "info" => Command::Request { leg, token, method: Method::Info, headers, body: None },
            other => unreachable!("{other}"),
        }
    }

    fn client(&self) -> String {
        let of = |client: &super::client::Client| client.method == Method::Invite || client.method == Method::Options;
        self.stack.clients.values().find(|client| of(client)).map_or("gone".to_owned(), |c| format!("{:?}", c.state))
    }

    fn server(&self) -> String {
        // The first: a CANCEL has a transaction of its own.
        let first = self.stack.servers.iter().min_by_key(|(tx, _)| **tx);
        first.map_or("gone".to_owned(), |(_, server)| format!("{:?}", server.state))
    }

    fn leg(&self) -> String {
        self.stack.leg_state(self.leg).map_or("gone".to_owned(), |state: LegState| format!("{state:?}"))
    }
}

fn counted(words: &[String]) -> String {
    let mut text = String::new();
    for run in words.chunk_by(|a, b| a == b) {
        let separator = if text.is_empty() { "" } else { " " };
        match run {
            [single] => write!(text, "{separator}{single}"),
            many => write!(text, "{separator}{}*{}", many.len(), many[0]),
        }
        .unwrap();
    }
    text
}

/// Walks a machine: `states` are the ways that lead to each state, `look` tells where it stands.
fn walk(
    states: &[(&str, &[Happening])],
    events: &[(&str, Happening)],
    look: impl Fn(&Bench) -> String,
    expected: &str,
) {
    let mut table = String::new();
    for (state, way) in states {
        for (event, happening) in events {
            let mut bench = Bench::new();
            for step in *way {
                bench.happen(*step);
            }
            let at = look(&bench);
            assert!(state.starts_with(&at), "the way to {state} leads to {at}");
            let did = bench.happen(*happening);
            writeln!(table, "{state} | {event} | {}: {did}", look(&bench)).unwrap();
        }
    }
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    let (table, expected): (Vec<String>, Vec<String>) = (lines(&table), lines(expected));
    for (got, wanted) in table.iter().zip(&expected) {
        assert_eq!(got, wanted);
    }
    assert_eq!(table.len(), expected.len(), "{}", table.join("\n"));
}

const RESPONSES: [(&str, Happening); 5] =
    [("100", Answer(100)), ("180", Answer(180)), ("200", Answer(200)), ("302", Answer(302)), ("486", Answer(486))];

#[test]
fn client_invite() {
    let mut events = RESPONSES.to_vec();
    events.extend([("0.6 s", Ms(600)), ("35 s", Ms(35_000)), ("closed port", Refused), ("cancel", Do("cancel"))]);
    walk(
        &[
            ("Calling", &[Do("invite")]),
            ("Proceeding", &[Do("invite"), Answer(180)]),
            ("Completed", &[Do("invite"), Answer(486)]),
            ("Accepted", &[Do("invite"), Answer(200)]),
        ],
        &events,
        Bench::client,
        "
            Calling | 100 | Proceeding: - / provisional
            Calling | 180 | Proceeding: - / provisional
            Calling | 200 | Accepted: ACK / success
            Calling | 302 | Completed: ACK / refused
            Calling | 486 | Completed: ACK / refused
            Calling | 0.6 s | Calling: INVITE / -
            Calling | 35 s | gone: 6*INVITE / timeout
            Calling | closed port | gone: - / transport
            Calling | cancel | Calling: - / -
            Proceeding | 100 | Proceeding: - / provisional
            Proceeding | 180 | Proceeding: - / provisional
            Proceeding | 200 | Accepted: ACK / success
            Proceeding | 302 | Completed: ACK / refused
            Proceeding | 486 | Completed: ACK / refused
            Proceeding | 0.6 s | Proceeding: - / -
            Proceeding | 35 s | Proceeding: - / -
            Proceeding | closed port | Proceeding: - / -
            Proceeding | cancel | Proceeding: CANCEL / -
            Completed | 100 | Completed: - / -
            Completed | 180 | Completed: - / -
            Completed | 200 | Completed: - / -
            Completed | 302 | Completed: ACK / -
            Completed | 486 | Completed: ACK / -
            Completed | 0.6 s | Completed: - / -
            Completed | 35 s | gone: - / -
            Completed | closed port | Completed: - / -
            Completed | cancel | Completed: !- / -
            Accepted | 100 | Accepted: - / -
            Accepted | 180 | Accepted: - / -
            Accepted | 200 | Accepted: ACK / -
            Accepted | 302 | Accepted: - / -
            Accepted | 486 | Accepted: - / -
            Accepted | 0.6 s | Accepted: - / -
            Accepted | 35 s | gone: - / -
            Accepted | closed port | Accepted: - / -
            Accepted | cancel | Accepted: !- / -
        ",
    );
}

#[test]
fn client_of_another_request() {
    let mut events = RESPONSES.to_vec();
    events.extend([("0.6 s", Ms(600)), ("35 s", Ms(35_000)), ("closed port", Refused)]);
    walk(
        &[
            ("Calling", &[Do("options")]),
            ("Proceeding", &[Do("options"), Answer(100)]),
            ("Completed", &[Do("options"), Answer(486)]),
        ],
        &events,
        Bench::client,
        "
            Calling | 100 | Proceeding: - / -
            Calling | 180 | Proceeding: - / -
            Calling | 200 | Completed: - / response
            Calling | 302 | Completed: - / response
            Calling | 486 | Completed: - / response
            Calling | 0.6 s | Calling: OPTIONS / -
            Calling | 35 s | gone: 10*OPTIONS / response
            Calling | closed port | gone: - / response
            Proceeding | 100 | Proceeding: - / -
            Proceeding | 180 | Proceeding: - / -
            Proceeding | 200 | Completed: - / response
            Proceeding | 302 | Completed: - / response
            Proceeding | 486 | Completed: - / response
            Proceeding | 0.6 s | Proceeding: OPTIONS / -
            Proceeding | 35 s | gone: 8*OPTIONS / response
            Proceeding | closed port | Proceeding: - / -
            Completed | 100 | Completed: - / -
            Completed | 180 | Completed: - / -
            Completed | 200 | Completed: - / -
            Completed | 302 | Completed: - / -
            Completed | 486 | Completed: - / -
            Completed | 0.6 s | Completed: - / -
            Completed | 35 s | gone: - / -
            Completed | closed port | Completed: - / -
        ",
    );
}

#[test]
fn server_invite() {
    walk(
        &[
            ("Proceeding", &[Get("INVITE")]),
            ("Completed", &[Get("INVITE"), Do("reject")]),
            ("Confirmed", &[Get("INVITE"), Do("reject"), Get("ACK")]),
            ("Accepted", &[Get("INVITE"), Do("answer")]),
        ],
        &[
            ("INVITE again", Get("INVITE")),
            ("ACK", Get("ACK")),
            ("CANCEL", Get("CANCEL")),
            ("ring", Do("ring")),
            ("answer", Do("answer")),
            ("reject", Do("reject")),
            ("0.6 s", Ms(600)),
            ("35 s", Ms(35_000)),
            ("closed port", Refused),
        ],
        Bench::server,
        "
            Proceeding | INVITE again | Proceeding: 100 / -
            Proceeding | ACK | Proceeding: - / -
            Proceeding | CANCEL | Completed: 200 487 / cancelled terminated
            Proceeding | ring | Proceeding: 180 / -
            Proceeding | answer | Accepted: 200 / -
            Proceeding | reject | Completed: 486 / terminated
            Proceeding | 0.6 s | Proceeding: - / -
            Proceeding | 35 s | Proceeding: - / -
            Proceeding | closed port | Proceeding: - / -
            Completed | INVITE again | Completed: 486 / -
            Completed | ACK | Confirmed: - / -
            Completed | CANCEL | Completed: 481 / -
            Completed | ring | Completed: !- / -
            Completed | answer | Completed: !- / -
            Completed | reject | Completed: !- / -
            Completed | 0.6 s | Completed: 486 / -
            Completed | 35 s | gone: 10*486 / -
            Completed | closed port | Completed: - / -
            Confirmed | INVITE again | Confirmed: - / -
            Confirmed | ACK | Confirmed: - / -
            Confirmed | CANCEL | Confirmed: 481 / -
            Confirmed | ring | Confirmed: !- / -
            Confirmed | answer | Confirmed: !- / -
            Confirmed | reject | Confirmed: !- / -
            Confirmed | 0.6 s | Confirmed: - / -
            Confirmed | 35 s | gone: - / -
            Confirmed | closed port | Confirmed: - / -
            Accepted | INVITE again | Accepted: - / -
            Accepted | ACK | Accepted: - / ack
            Accepted | CANCEL | Accepted: 481 / -
            Accepted | ring | Accepted: !- / -
            Accepted | answer | Accepted: !- / -
            Accepted | reject | Accepted: !- / -
            Accepted | 0.6 s | Accepted: 200 / -
            Accepted | 35 s | gone: 10*200 3*BYE / ack-timeout
            Accepted | closed port | Accepted: - / -
        ",
    );
}

#[test]
fn server_of_another_request() {
    walk(
        &[("Proceeding", &[Get("OPTIONS")]), ("Completed", &[Get("OPTIONS"), Do("respond")])],
        &[
            ("OPTIONS again", Get("OPTIONS")),
            ("CANCEL", Get("CANCEL")),
            ("respond", Do("respond")),
            ("0.6 s", Ms(600)),
            ("35 s", Ms(35_000)),
            ("closed port", Refused),
        ],
        Bench::server,
        "
            Proceeding | OPTIONS again | Proceeding: - / -
            Proceeding | CANCEL | Proceeding: 481 / -
            Proceeding | respond | Completed: 200 / -
            Proceeding | 0.6 s | Proceeding: - / -
            Proceeding | 35 s | Proceeding: - / -
            Proceeding | closed port | Proceeding: - / -
            Completed | OPTIONS again | Completed: 200 / -
            Completed | CANCEL | Completed: 481 / -
            Completed | respond | Completed: !- / -
            Completed | 0.6 s | Completed: - / -
            Completed | 35 s | gone: - / -
            Completed | closed port | Completed: - / -
        ",
    );
}

#[test]
fn leg() {
    walk(
        &[
            ("Incoming", &[Get("INVITE")]),
            ("Calling", &[Do("invite")]),
            ("Proceeding", &[Do("invite"), Answer(180)]),
            ("Cancelling", &[Do("invite"), Answer(180), Do("cancel")]),
            ("Refused", &[Do("invite"), Answer(302)]),
            ("Answered, called", &[Get("INVITE"), Do("answer"), Get("ACK")]),
            ("Answered, calling", &[Do("invite"), Answer(200)]),
            ("Ending", &[Do("invite"), Answer(200), Do("bye")]),
        ],
        &[
            ("ring", Do("ring")),
            ("answer", Do("answer")),
            ("reject", Do("reject")),
            ("retry", Do("retry")),
            ("retarget", Do("retarget")),
            ("ack", Do("ack")),
            ("bye", Do("bye")),
            ("cancel", Do("cancel")),
            ("reinvite", Do("reinvite")),
            ("info", Do("info")),
            ("BYE", Get("BYE")),
            ("INFO", Get("INFO")),
            ("35 s", Ms(35_000)),
        ],
        Bench::leg,
        "
            Incoming | ring | Incoming: 180 / -
            Incoming | answer | Answered: 200 / -
            Incoming | reject | gone: 486 / terminated
            Incoming | retry | Incoming: !- / -
            Incoming | retarget | Incoming: !- / -
            Incoming | ack | Incoming: !- / -
            Incoming | bye | Incoming: !- / -
            Incoming | cancel | Incoming: !- / -
            Incoming | reinvite | Incoming: !- / -
            Incoming | info | Incoming: INFO / -
            Incoming | BYE | gone: 200 487 / bye terminated
            Incoming | INFO | Incoming: - / in-dialog
            Incoming | 35 s | Incoming: - / -
            Calling | ring | Calling: !- / -
            Calling | answer | Calling: !- / -
            Calling | reject | Calling: !- / -
            Calling | retry | Calling: !- / -
            Calling | retarget | Calling: !- / -
            Calling | ack | Calling: !- / -
            Calling | bye | Calling: !- / -
            Calling | cancel | Cancelling: - / -
            Calling | reinvite | Calling: !- / -
            Calling | info | Calling: !- / -
            Calling | BYE | Calling: 481 / -
            Calling | INFO | Calling: 481 / -
            Calling | 35 s | gone: 6*INVITE / timeout
            Proceeding | ring | Proceeding: !- / -
            Proceeding | answer | Proceeding: !- / -
            Proceeding | reject | Proceeding: !- / -
            Proceeding | retry | Proceeding: !- / -
            Proceeding | retarget | Proceeding: !- / -
            Proceeding | ack | Proceeding: !- / -
            Proceeding | bye | Proceeding: !- / -
            Proceeding | cancel | Cancelling: CANCEL / -
            Proceeding | reinvite | Proceeding: !- / -
            Proceeding | info | Proceeding: INFO / -
            Proceeding | BYE | Proceeding: 481 / -
            Proceeding | INFO | Proceeding: - / in-dialog
            Proceeding | 35 s | Proceeding: - / -
            Cancelling | ring | Cancelling: !- / -
            Cancelling | answer | Cancelling: !- / -
            Cancelling | reject | Cancelling: !- / -
            Cancelling | retry | Cancelling: !- / -
            Cancelling | retarget | Cancelling: !- / -
            Cancelling | ack | Cancelling: !- / -
            Cancelling | bye | Cancelling: !- / -
            Cancelling | cancel | Cancelling: !- / -
            Cancelling | reinvite | Cancelling: !- / -
            Cancelling | info | Cancelling: INFO / -
            Cancelling | BYE | Cancelling: 481 / -
            Cancelling | INFO | Cancelling: - / in-dialog
            Cancelling | 35 s | gone: 10*CANCEL / timeout
            Refused | ring | Refused: !- / -
            Refused | answer | Refused: !- / -
            Refused | reject | Refused: !- / -
            Refused | retry | Calling: INVITE / -
            Refused | retarget | Calling: INVITE / -
            Refused | ack | Refused: !- / -
            Refused | bye | Refused: !- / -
            Refused | cancel | gone: - / -
            Refused | reinvite | Refused: !- / -
            Refused | info | Refused: !- / -
            Refused | BYE | Refused: 481 / -
            Refused | INFO | Refused: 481 / -
            Refused | 35 s | gone: - / -
            Answered, called | ring | Answered: !- / -
            Answered, called | answer | Answered: !- / -
            Answered, called | reject | Answered: !- / -
            Answered, called | retry | Answered: !- / -
            Answered, called | retarget | Answered: !- / -
            Answered, called | ack | Answered: !- / -
            Answered, called | bye | Ending: BYE / -
            Answered, called | cancel | Answered: !- / -
            Answered, called | reinvite | Answered: INVITE / -
            Answered, called | info | Answered: INFO / -
            Answered, called | BYE | gone: 200 / bye terminated
            Answered, called | INFO | Answered: - / in-dialog
            Answered, called | 35 s | Answered: - / -
            Answered, calling | ring | Answered: !- / -
            Answered, calling | answer | Answered: !- / -
            Answered, calling | reject | Answered: !- / -
            Answered, calling | retry | Answered: !- / -
            Answered, calling | retarget | Answered: !- / -
            Answered, calling | ack | Answered: !- / -
            Answered, calling | bye | Ending: BYE / -
            Answered, calling | cancel | Answered: !- / -
            Answered, calling | reinvite | Answered: INVITE / -
            Answered, calling | info | Answered: INFO / -
            Answered, calling | BYE | gone: 200 / bye terminated
            Answered, calling | INFO | Answered: - / in-dialog
            Answered, calling | 35 s | Answered: - / -
            Ending | ring | Ending: !- / -
            Ending | answer | Ending: !- / -
            Ending | reject | Ending: !- / -
            Ending | retry | Ending: !- / -
            Ending | retarget | Ending: !- / -
            Ending | ack | Ending: !- / -
            Ending | bye | Ending: !- / -
            Ending | cancel | Ending: !- / -
            Ending | reinvite | Ending: !- / -
            Ending | info | Ending: !- / -
            Ending | BYE | gone: 200 / bye terminated
            Ending | INFO | Ending: - / in-dialog
            Ending | 35 s | gone: 10*BYE / terminated
        ",
    );
}
