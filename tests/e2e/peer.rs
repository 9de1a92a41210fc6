//! A little SIP peer: one socket, requests and answers by hand, digest by hand. It shares no code with the switch.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use md5::Md5;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::support::LOOPBACK;

/// Longest wait for one message.
const ANSWER: Duration = Duration::from_secs(10);

/// A message as text.
#[derive(Debug, Clone)]
pub(crate) struct Message(pub(crate) String);

impl Message {
    /// The status; 0 for a request.
    pub(crate) fn code(&self) -> u16 {
        self.0.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The method of a request.
    pub(crate) fn method(&self) -> &str {
        if self.code() == 0 { self.0.split(' ').next().unwrap_or_default() } else { "" }
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// The first value of a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    /// A parameter of a digest header.
    pub(crate) fn field(value: &str, name: &str) -> String {
        let value = value.trim_start_matches("Digest ");
        let fields = value.split(',').filter_map(|part| part.trim().split_once('='));
        let found = fields.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, text)| text.trim_matches('"').to_owned()).unwrap_or_default()
    }
}

fn hash(algorithm: &str, text: &str) -> String {
    let bytes = match algorithm {
        "SHA-256" => Sha256::digest(text).to_vec(),
        _ => Md5::digest(text).to_vec(),
    };
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Credentials for a challenge; `count` is the nonce count.
pub(crate) fn prove(challenge: &str, method: &str, uri: &str, (user, password): (&str, &str), count: u32) -> String {
    let field = |name: &str| Message::field(challenge, name);
    let (realm, nonce, algorithm) = (field("realm"), field("nonce"), field("algorithm"));
    let count = format!("{count:08x}");
    let given = [&*algorithm, user, &realm, password, method, uri, &nonce, &count, "c0ffee"];
    let response = digest(&given);
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
         algorithm={algorithm}, cnonce=\"c0ffee\", qop=auth, nc={count}"
    )
}

/// RFC 7616 3.4.1, `qop=auth`: algorithm, user, realm, password, method, URI, nonce, count, client nonce.
fn digest(given: &[&str; 9]) -> String {
    let [algorithm, user, realm, password, method, uri, nonce, count, cnonce] = given;
    let hash = |text: String| hash(algorithm, &text);
    let (a1, a2) = (hash(format!("{user}:{realm}:{password}")), hash(format!("{method}:{uri}")));
    hash(format!("{a1}:{nonce}:{count}:{cnonce}:auth:{a2}"))
}

/// Whether credentials are right for the nonce and the password.
pub(crate) fn is_proven(credentials: &str, method: &str, nonce: &str, password: &str) -> bool {
    let field = |name: &str| Message::field(credentials, name);
    let (user, realm, uri) = (field("username"), field("realm"), field("uri"));
    let (count, cnonce, algorithm) = (field("nc"), field("cnonce"), field("algorithm"));
    let given = [&*algorithm, &user, &realm, password, method, &uri, nonce, &count, &cnonce];
    field("nonce") == nonce && field("response") == digest(&given)
}

/// One user agent, `sip:<user>@<domain>`.
pub(crate) struct Peer {
    socket: UdpSocket,
    /// Who spoke last, at first the one that was given.
    switch: Cell<SocketAddr>,
    pub(crate) user: String,
    pub(crate) domain: String,
    call_id: String,
    cseq: u32,
    /// Tag of To, of a dialog.
    pub(crate) to_tag: Option<String>,
    /// Our tag.
    own_tag: String,
    /// Call-ID, From and To of the last INVITE that came.
    taken: RefCell<(String, String, String)>,
    /// Requests that came, so that repeats are let go.
    seen: RefCell<HashSet<String>>,
}

impl Peer {
    /// A socket of its own, that speaks to this address.
    pub(crate) fn new(switch: SocketAddr, user: &str, domain: &str) -> Self {
        Self::at(LOOPBACK, switch, user, domain)
    }

    /// The same at another address of this machine.
    pub(crate) fn at(ip: IpAddr, switch: SocketAddr, user: &str, domain: &str) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let call_id = format!("peer-{}", socket.local_addr().expect("an address"));
        Self {
            socket,
            switch: Cell::new(switch),
            user: user.to_owned(),
            domain: domain.to_owned(),
            call_id,
            cseq: 0,
            to_tag: None,
            own_tag: "peer".to_owned(),
            taken: RefCell::default(),
            seen: RefCell::default(),
        }
    }

    /// Whom it speaks to.
    pub(crate) fn switch(&self) -> SocketAddr {
        self.switch.get()
    }

    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The next 18x to the last request.
    pub(crate) fn provisional(&self) -> Message {
        loop {
            let message = self.next_within(ANSWER).expect("a response");
            if (180..200).contains(&message.code()) {
                return message;
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    pub(crate) fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.user, self.address())
    }

    fn uri(&self) -> String {
        format!("sip:{}", self.domain)
    }

    /// Sends a request outside any dialog; `more` are header lines, each with its line end.
    pub(crate) fn send(&mut self, method: &str, to: &str, more: &str, body: &str) {
        self.cseq += 1;
        let (own, cseq, user, domain) = (self.address(), self.cseq, &self.user, &self.domain);
        let uri = if method == "REGISTER" { self.uri() } else { to.to_owned() };
        let tag = self.to_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK-{cseq}-{};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@{domain}>;tag={}\r\nTo: <{to}>{tag}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n{more}\
             Content-Length: {}\r\n\r\n{body}",
            own.port(),
            self.own_tag,
            self.call_id,
            body.len()
        );
        self.put(&text);
    }

    fn put(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.switch.get()).expect("it is sent");
    }

    /// The next message, or none within the time.
    pub(crate) fn next_within(&self, time: Duration) -> Option<Message> {
        let (end, mut buffer) = (Instant::now() + time, vec![0; 65_536]);
        while Instant::now() < end {
            if let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
                self.switch.set(source);
                return Some(Message(String::from_utf8_lossy(buffer.get(..length)?).into_owned()));
            }
        }
        None
    }

    /// The next request with this method, repeats left out; what else comes is let go.
    pub(crate) fn request(&self, method: &str) -> Message {
        self.request_within(method, ANSWER).unwrap_or_else(|| panic!("no {method} came"))
    }

    /// The same, or none within the time.
    pub(crate) fn request_within(&self, method: &str, time: Duration) -> Option<Message> {
        let end = Instant::now() + time;
        loop {
            let message = self.next_within(end.saturating_duration_since(Instant::now()))?;
            let key = ["Call-ID", "From", "CSeq"].map(|name| message.header(name)).join(" ");
            if message.method() == "INVITE" {
                *self.taken.borrow_mut() = ["Call-ID", "From", "To"].map(|name| message.header(name).to_owned()).into();
            }
            if message.method() == method && self.seen.borrow_mut().insert(key) {
                return Some(message);
            }
        }
    }

    /// The final response to the last request.
    pub(crate) fn response(&self) -> Message {
        loop {
            let message = self.next_within(ANSWER).expect("a response");
            let own = message.header("CSeq").split(' ').next() == Some(&*self.cseq.to_string());
            if own && message.code() >= 200 {
                return message;
            }
        }
    }

    /// The ACK of a 2xx to the last request; the dialog begins with it.
    pub(crate) fn acknowledge(&mut self, answer: &Message, more: &str, body: &str) {
        self.to_tag = answer.header("To").split(";tag=").nth(1).map(str::to_owned);
        let uri = answer.header("Contact").trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
        // It has the number of the INVITE.
        self.cseq -= 1;
        self.send("ACK", &uri, more, body);
    }

    /// From now on requests are those of the called party of the last INVITE that was taken.
    pub(crate) fn become_caller(&mut self) {
        let (call_id, from, to) = self.taken.borrow().clone();
        (self.call_id, self.cseq) = (call_id, 0);
        let tag = |value: &str| value.split(";tag=").nth(1).map(str::to_owned);
        (self.to_tag, self.own_tag) = (tag(&from), tag(&to).unwrap_or_else(|| "far".to_owned()));
    }

    /// Sends a request and gives its final response.
    pub(crate) fn ask(&mut self, method: &str, to: &str, more: &str, body: &str) -> Message {
        self.send(method, to, more, body);
        self.response()
    }

    /// The same with credentials once they are asked for (401 or 407).
    pub(crate) fn ask_proven(&mut self, method: &str, to: &str, password: &str, more: &str, body: &str) -> Message {
        let asked = self.ask(method, to, more, body);
        let (asks, answers) = match asked.code() {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return asked,
        };
        let uri = if method == "REGISTER" { self.uri() } else { to.to_owned() };
        let proof = prove(asked.header(asks), method, &uri, (&self.user, password), 1);
        self.ask(method, to, &format!("{answers}: {proof}\r\n{more}"), body)
    }

    /// A REGISTER of these header lines, with credentials.
    pub(crate) fn register(&mut self, password: &str, more: &str) -> Message {
        let to = format!("sip:{}@{}", self.user, self.domain);
        self.ask_proven("REGISTER", &to, password, more, "")
    }

    /// A REGISTER of the peer's own contact for an hour; it must be taken.
    pub(crate) fn registered(&mut self, password: &str) {
        let contact = self.contact();
        let answer = self.register(password, &format!("Contact: {contact}\r\nExpires: 3600\r\n"));
        assert_eq!(answer.code(), 200, "{}", answer.0);
    }

    /// Answers a request; `more` are header lines.
    pub(crate) fn answer(&self, request: &Message, status: &str, more: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "Record-Route"] {
            request.all(name).iter().for_each(|value| {
                let _ = write!(text, "{name}: {value}\r\n");
            });
        }
        let to = request.header("To");
        let to = if to.contains(";tag=") { to.to_owned() } else { format!("{to};tag=far") };
        let _ = write!(
            text,
            "From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            request.header("From"),
            request.header("Call-ID"),
            request.header("CSeq"),
            body.len()
        );
        self.put(&text);
    }
}
