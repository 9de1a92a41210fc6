//! Accounts at a carrier with the real binary: registration, pings, calls both ways. The carrier is a little peer.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::peer::{Message, Peer, is_proven};
use super::registrar::profile;
use super::support::{Switch, context, until};

const NONCE: &str = "carrier-nonce";

/// What the carrier does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    /// 401 or 407 for who proves nothing; 0 asks nobody.
    asks: u16,
    realm: &'static str,
    /// Answer to a REGISTER that may pass.
    register: &'static str,
    /// Seconds that it grants.
    seconds: u32,
    /// Answer to an OPTIONS; none is silence.
    pub(crate) ping: Option<&'static str>,
    /// Password of the account.
    password: &'static str,
}

impl Manners {
    /// Another password.
    pub(crate) fn with_password(self, password: &'static str) -> Self {
        Self { password, ..self }
    }

    /// Asks for credentials by this code.
    pub(crate) fn asking(self, asks: u16) -> Self {
        Self { asks, ..self }
    }
}

pub(crate) const POLITE: Manners = Manners {
    asks: 401,
    realm: "carrier.test",
    register: "200 OK",
    seconds: 3600,
    ping: Some("200 OK"),
    password: "secret",
};

/// A carrier on a thread of its own: it notes all requests, and is busy for every call.
pub(crate) struct Carrier {
    pub(crate) address: SocketAddr,
    manners: Arc<Mutex<Manners>>,
    came: Arc<Mutex<Vec<Message>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Peer>>,
}

impl Carrier {
    pub(crate) fn new(manners: Manners) -> Self {
        let peer = Peer::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 9)), "carrier", "carrier.test");
        let address = peer.address();
        let (manners, stop) = (Arc::new(Mutex::new(manners)), Arc::new(AtomicBool::new(false)));
        let came: Arc<Mutex<Vec<Message>>> = Arc::default();
        let thread = std::thread::spawn({
            let (manners, came, stop) = (Arc::clone(&manners), Arc::clone(&came), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let Some(message) = peer.next_within(Duration::from_millis(50)) else { continue };
                    let now = *manners.lock().expect("manners");
                    // Noted first: who has the answer may count on it.
                    came.lock().expect("messages").push(message.clone());
                    react(&peer, &message, now);
                }
                peer
            }
        });
        Self { address, manners, came, stop, thread: Some(thread) }
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().expect("manners"));
    }

    /// Requests with this method so far.
    pub(crate) fn got(&self, method: &str) -> Vec<Message> {
        let came = self.came.lock().expect("messages");
        came.iter().filter(|message| message.method() == method).cloned().collect()
    }

    /// Ends the thread and gives back the peer.
    fn take(mut self) -> Peer {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("its thread").join().expect("the carrier")
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn react(peer: &Peer, request: &Message, manners: Manners) {
    let method = request.method();
    let (asks, answers, line) = match manners.asks {
        401 => ("WWW-Authenticate", "Authorization", "401 Unauthorized"),
        _ => ("Proxy-Authenticate", "Proxy-Authorization", "407 Proxy Authentication Required"),
    };
    let proven = manners.asks == 0 || is_proven(request.header(answers), method, NONCE, manners.password);
    match method {
        "REGISTER" | "INVITE" if !proven => {
            let digest = format!("Digest realm=\"{}\", nonce=\"{NONCE}\", algorithm=MD5, qop=\"auth\"", manners.realm);
            peer.answer(request, line, &format!("{asks}: {digest}\r\n"), "");
        }
        "REGISTER" => {
            let contact = format!("Contact: {};expires={}\r\n", request.header("Contact"), manners.seconds);
            peer.answer(request, manners.register, &contact, "");
        }
        "INVITE" => peer.answer(request, "486 Busy Here", "", ""),
        "OPTIONS" => {
            if let Some(line) = manners.ping {
                peer.answer(request, line, "", "");
            }
        }
        _ => {}
    }
}

/// A switch with the gateway `line` at the carrier; numbers that begin with 5 go out there.
fn start(carrier: &Carrier, params: &[(&str, &str)]) -> Switch {
    let mut gateway = String::from("<gateway name=\"line\">\n");
    let proxy = carrier.address.to_string();
    let always = [("username", "trunk"), ("password", "secret"), ("realm", "carrier.test"), ("proxy", &*proxy)];
    for (name, value) in always.iter().chain(params) {
        let _ = writeln!(gateway, "<param name=\"{name}\" value=\"{value}\"/>");
    }
    gateway.push_str("</gateway>\n");
    let out: &[(&str, &str)] = &[
        ("set", "continue_on_fail=true"),
        ("bridge", "sofia/gateway/line/$1"),
        ("respond", "500 ${originate_disposition}"),
    ];
    let inside: &[(&str, &str)] = &[("respond", "486 ${sip_gateway} ${destination_number}")];
    let plans = [context("public", &[("^(5\\d+)$", out)]), context("from-carrier", &[("", inside)])];
    let plan = format!("<include>\n{}</include>\n", plans.concat());
    Switch::start(&[("sip_profiles/a.xml", &profile(&[], &gateway)), ("dialplan/a.xml", &plan)])
}

pub(crate) const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// Headers of an INVITE.
pub(crate) fn offer(peer: &Peer) -> String {
    format!("Contact: {}\r\nContent-Type: application/sdp\r\n", peer.contact())
}

/// What a call out says at its end.
async fn call(switch: &Switch) -> String {
    let report = switch.call("5551", |_| ()).await;
    let last = report.responses.last().expect("a response");
    format!("{} {}", last.status, last.phrase)
}

/// Calls until the answer is this one.
async fn call_until(switch: &Switch, wanted: &str) {
    let mut last = String::new();
    for _ in 0..100 {
        last = call(switch).await;
        if last.contains(wanted) {
            return;
        }
        let before = last.clone();
        let mut turns = 0;
        // The state of the gateway is told by calls alone: a pause between them.
        until(&before, || {
            turns += 1;
            turns > 4
        })
        .await;
    }
    panic!("{wanted} never came, but {last}\n{}", switch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_registers_with_digest_and_is_called() {
    for asks in [401, 407] {
        let carrier = Carrier::new(Manners { asks, ..POLITE });
        let switch = start(&carrier, &[]);
        until("it registers", || carrier.got("REGISTER").len() == 2).await;
        let registers = carrier.got("REGISTER");
        let [first, second] = &*registers else { panic!("{registers:?}") };
        assert!(first.header("From").contains("sip:trunk@carrier.test"), "{}", first.0);
        assert!(first.header("Contact").contains("gw+line@127.0.0.1"), "{}", first.0);
        assert_eq!(first.header("Call-ID"), second.header("Call-ID"));
        call_until(&switch, "USER_BUSY").await;
        let invites = carrier.got("INVITE");
        let [first, second] = &*invites else { panic!("{invites:?}") };
        let cseq = |message: &Message| message.header("CSeq").split(' ').next().and_then(|text| text.parse().ok());
        assert_eq!(cseq(first).map(|number: u32| number + 1), cseq(second));
        assert!(second.0.starts_with(&format!("INVITE sip:5551@{}", carrier.address)), "{}", second.0);
        assert!(second.header("From").contains("sip:trunk@carrier.test"), "{}", second.0);
        // At its end the switch takes the registration back.
        assert_eq!(switch.interrupt().await, Some(0));
        until("it unregisters", || carrier.got("REGISTER").last().is_some_and(|last| last.header("Expires") == "0"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_realm_gets_no_credentials() {
    let carrier = Carrier::new(Manners { realm: "elsewhere.test", ..POLITE });
    let switch = start(&carrier, &[("retry-seconds", "1")]);
    until("it tries again", || carrier.got("REGISTER").len() > 1).await;
    assert!(carrier.got("REGISTER").iter().all(|request| request.all("Authorization").is_empty()));
    assert!(call(&switch).await.ends_with("GATEWAY_DOWN"));
    assert!(carrier.got("INVITE").is_empty());
    carrier.behave(|manners| manners.realm = "carrier.test");
    call_until(&switch, "USER_BUSY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_renewed_and_tried_again() {
    let carrier = Carrier::new(Manners { seconds: 3, ..POLITE });
    let switch = start(&carrier, &[("retry-seconds", "1")]);
    // Two of the first registration, one at least of the next.
    until("it is renewed", || carrier.got("REGISTER").len() > 2).await;
    carrier.behave(|manners| manners.register = "403 Forbidden");
    call_until(&switch, "GATEWAY_DOWN").await;
    assert!(switch.log().contains("registration failed"), "{}", switch.log());
    carrier.behave(|manners| manners.register = "200 OK");
    call_until(&switch, "USER_BUSY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_tell_whether_it_is_up() {
    let carrier = Carrier::new(Manners { asks: 0, ..POLITE });
    let switch = start(&carrier, &[("register", "false"), ("ping", "1")]);
    until("it is pinged", || !carrier.got("OPTIONS").is_empty()).await;
    call_until(&switch, "USER_BUSY").await;
    carrier.behave(|manners| manners.ping = Some("503 Service Unavailable"));
    call_until(&switch, "GATEWAY_DOWN").await;
    // Any other refusal shows that somebody is there.
    carrier.behave(|manners| manners.ping = Some("404 Not Found"));
    call_until(&switch, "USER_BUSY").await;
    assert!(carrier.got("REGISTER").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_from_a_gateway_have_its_context_and_number() {
    let carrier = Carrier::new(POLITE);
    let params = [("context", "from-carrier"), ("extension", "2000")];
    let switch = start(&carrier, &params);
    call_until(&switch, "USER_BUSY").await;
    let mut peer = carrier.take();
    let more = offer(&peer);
    let line = format!("sip:gw+line@{}", switch.address);
    let answer = peer.ask("INVITE", &line, &more, OFFER);
    assert!(answer.0.starts_with("SIP/2.0 486 line 2000"), "{}", answer.0);
    let mut stranger = Peer::new(switch.address, "stranger", "elsewhere.test");
    let more = offer(&stranger);
    // From another address it would be nobody's; the name of another gateway is nobody's as well.
    let answer = stranger.ask("INVITE", &format!("sip:gw+other@{}", switch.address), &more, OFFER);
    assert_eq!(answer.code(), 404, "{}", answer.0);
}
