//! Next hops by name (RFC 3263): NAPTR, SRV, addresses, and the next server when one fails. The name server is a stub on
//! this machine that answers from a table.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::peer::Peer;
use super::registrar::profile;
use super::support::{LOOPBACK, Switch, context, until};

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn srv(priority: u16, port: u16, target: &str) -> Vec<u8> {
    let numbers = [priority, 10, port].map(u16::to_be_bytes).concat();
    [numbers, encoded(target)].concat()
}

fn naptr(order: u16, services: &str, replacement: &str) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let numbers = [order, 10].map(u16::to_be_bytes).concat();
    [numbers, text("s"), text(services), text(""), encoded(replacement)].concat()
}

type Table = HashMap<(&'static str, u16), Vec<Vec<u8>>>;

/// A name server on a thread of its own.
struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    fn new(table: Table) -> Self {
        let socket = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let address = socket.local_addr().expect("an address");
        let (asked, stop): (Arc<Mutex<Vec<_>>>, Arc<AtomicBool>) = Default::default();
        let thread = std::thread::spawn({
            let (asked, stop) = (Arc::clone(&asked), Arc::clone(&stop));
            move || {
                let mut buffer = [0; 1500];
                while !stop.load(Ordering::Relaxed) {
                    let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                    let query = buffer.get(..length).unwrap_or_default();
                    let Some((name, kind, question)) = question(query) else { continue };
                    asked.lock().expect("questions").push((name.clone(), kind));
                    let _ = socket.send_to(&reply(&table, query, &name, kind, &question), from);
                }
            }
        });
        Self { address, asked, stop, thread: Some(thread) }
    }

    fn kinds_asked(&self) -> Vec<u16> {
        self.asked.lock().expect("questions").iter().map(|(_, kind)| *kind).collect()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Name and type of a query, and its question as it stands.
fn question(query: &[u8]) -> Option<(String, u16, Vec<u8>)> {
    let (mut at, mut name) = (12, String::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        name.push_str(&String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        name.push('.');
        at += length;
    }
    let kind = u16::from_be_bytes(query.get(at..at + 2)?.try_into().ok()?);
    Some((name.trim_end_matches('.').to_owned(), kind, query.get(12..at + 4)?.to_vec()))
}

fn reply(table: &Table, query: &[u8], name: &str, kind: u16, question: &[u8]) -> Vec<u8> {
    let known = table.keys().any(|(known, _)| *known == name);
    let records = table.iter().find(|((known, of), _)| *known == name && *of == kind).map(|(_, records)| records);
    let records: &[Vec<u8>] = records.map_or(&[], Vec::as_slice);
    let mut out = query.get(..2).unwrap_or_default().to_vec();
    // A response, authoritative, recursion available; no such name: 3.
    out.extend_from_slice(&[0x85, if known { 0x80 } else { 0x83 }]);
    for count in [1, records.len() as u16, 0, 0] {
        out.extend_from_slice(&count.to_be_bytes());
    }
    out.extend_from_slice(question);
    for record in records {
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&(record.len() as u16).to_be_bytes());
        out.extend_from_slice(record);
    }
    out
}

fn far() -> Peer {
    Peer::new("127.0.0.1:9".parse().expect("an address"), "b", "far.test")
}

fn closed() -> u16 {
    UdpSocket::bind((LOOPBACK, 0)).and_then(|socket| socket.local_addr()).expect("a port").port()
}

fn settings(server: SocketAddr) -> String {
    format!(
        "<configuration name=\"switch.conf\"><settings><param name=\"name-servers\" value=\"{server}\"/></settings></configuration>\n"
    )
}

/// A switch that calls `b` at the domain that was dialled and tells what came of it.
fn switch(server: &NameServer, params: &[(&str, &str)]) -> Switch {
    let actions: &[(&str, &str)] = &[
        ("set", "continue_on_fail=true"),
        ("bridge", "sofia/internal/sip:b@$1"),
        ("respond", "444 ${originate_disposition}"),
    ];
    let plan = format!("<include>\n{}</include>\n", context("public", &[("^to-(.*)$", actions)]));
    let files = [
        ("dialplan/a.xml", &*plan),
        ("autoload_configs/switch.conf.xml", &settings(server.address)),
        ("sip_profiles/a.xml", &profile(params, "")),
    ];
    Switch::start(&files)
}

const HERE: &[u8] = &[127, 0, 0, 1];

/// Calls a domain in the background.
fn call(switch: &Switch, domain: &str) -> Peer {
    let mut near = Peer::new(switch.address, "a", "near.test");
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let more = format!("Contact: {}\r\nContent-Type: application/sdp\r\n", near.contact());
    near.send("INVITE", &format!("sip:to-{domain}@127.0.0.1"), &more, sdp);
    near
}

fn outcome(near: &Peer) -> String {
    let answer = near.response();
    answer.0.lines().next().unwrap_or_default().trim_start_matches("SIP/2.0 ").to_owned()
}

#[test]
fn naptr_names_the_protocol_and_srv_the_server() {
    let far = far();
    let port = far.address().port();
    let server = NameServer::new(HashMap::from([
        (
            ("carrier.test", NAPTR),
            vec![
                naptr(5, "SIPS+D2T", "_sips._tcp.carrier.test"),
                naptr(20, "SIP+D2T", "tcp.carrier.test"),
                naptr(10, "SIP+D2U", "udp.carrier.test"),
            ],
        ),
        (("udp.carrier.test", SRV), vec![srv(1, port, "one.carrier.test")]),
        (("tcp.carrier.test", SRV), vec![srv(1, closed(), "one.carrier.test")]),
        (("one.carrier.test", A), vec![HERE.to_vec()]),
    ]));
    let switch = switch(&server, &[]);
    let near = call(&switch, "carrier.test");
    let invite = far.request("INVITE");
    assert!(invite.0.starts_with("INVITE sip:b@carrier.test SIP/2.0\r\n"), "{}", invite.0);
    far.answer(&invite, "486 Busy Here", "", "");
    assert_eq!(outcome(&near), "444 USER_BUSY", "busy is busy: no other server is asked");
}

#[test]
fn the_next_server_is_tried_when_one_cannot_be_reached_or_is_busy() {
    let (busy, good) = (far(), far());
    let server = NameServer::new(HashMap::from([
        (
            ("_sip._udp.carrier.test", SRV),
            vec![
                srv(30, good.address().port(), "one.carrier.test"),
                srv(10, closed(), "one.carrier.test"),
                srv(20, busy.address().port(), "one.carrier.test"),
            ],
        ),
        (("one.carrier.test", A), vec![HERE.to_vec()]),
    ]));
    let switch = switch(&server, &[]);
    let near = call(&switch, "carrier.test");
    let first = busy.request("INVITE");
    busy.answer(&first, "503 Service Unavailable", "", "");
    let second = good.request("INVITE");
    assert_eq!(second.header("Call-ID"), first.header("Call-ID"));
    good.answer(&second, "180 Ringing", "", "");
    // Who has rung is not left for another.
    good.answer(&second, "503 Service Unavailable", "", "");
    assert_eq!(outcome(&near), "444 NORMAL_TEMPORARY_FAILURE");
}

#[test]
fn a_503_is_final_when_the_profile_says_so() {
    let (busy, good) = (far(), far());
    let server = NameServer::new(HashMap::from([
        (
            ("_sip._udp.carrier.test", SRV),
            vec![srv(10, busy.address().port(), "one.test"), srv(20, good.address().port(), "one.test")],
        ),
        (("one.test", A), vec![HERE.to_vec()]),
    ]));
    let switch = switch(&server, &[("disable-srv503", "true")]);
    let near = call(&switch, "carrier.test");
    let first = busy.request("INVITE");
    busy.answer(&first, "503 Service Unavailable", "", "");
    assert_eq!(outcome(&near), "444 NORMAL_TEMPORARY_FAILURE");
    assert!(good.request_within("INVITE", Duration::from_millis(200)).is_none());
}

#[test]
fn a_port_or_a_profile_without_srv_asks_for_addresses_alone() {
    let far = far();
    let port = far.address().port();
    let table = || HashMap::from([(("host.test", A), vec![HERE.to_vec()])]);
    let server = NameServer::new(table());
    let with_port = switch(&server, &[]);
    let near = call(&with_port, &format!("host.test%3A{port}"));
    let invite = far.request("INVITE");
    far.answer(&invite, "486 Busy Here", "", "");
    assert_eq!(outcome(&near), "444 USER_BUSY");
    assert!(server.kinds_asked().iter().all(|kind| ![NAPTR, SRV].contains(kind)), "{:?}", server.kinds_asked());
    let server = NameServer::new(table());
    let without = switch(&server, &[("disable-srv", "true")]);
    // Port 5060 of this machine is nobody's, or somebody's who does not know b: what matters is who was asked.
    let _near = call(&without, "host.test");
    let asked = || server.kinds_asked().contains(&A);
    let begun = tokio::time::Instant::now();
    while !asked() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    assert!(asked() && server.kinds_asked().iter().all(|kind| ![NAPTR, SRV].contains(kind)));
}

#[test]
fn a_name_that_nobody_knows_fails_at_once() {
    let server = NameServer::new(HashMap::new());
    let switch = switch(&server, &[]);
    let begun = tokio::time::Instant::now();
    assert_eq!(outcome(&call(&switch, "nowhere.test")), "444 NORMAL_TEMPORARY_FAILURE");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_registers_at_the_server_whose_turn_it_is() {
    let good = far();
    let server = NameServer::new(HashMap::from([
        (
            ("_sip._udp.carrier.test", SRV),
            vec![srv(10, closed(), "one.test"), srv(20, good.address().port(), "one.test")],
        ),
        (("one.test", A), vec![HERE.to_vec()]),
    ]));
    let gateway = "<gateway name=\"g\"><param name=\"username\" value=\"me\"/><param name=\"password\" value=\"x\"/>\
                   <param name=\"proxy\" value=\"carrier.test\"/><param name=\"retry-seconds\" value=\"1\"/></gateway>\n";
    let files = [
        ("autoload_configs/switch.conf.xml", &*settings(server.address)),
        ("sip_profiles/a.xml", &profile(&[], gateway)),
    ];
    let switch = Switch::start(&files);
    let mut came = None;
    until("a REGISTER", || {
        came = came.take().or_else(|| good.request_within("REGISTER", Duration::from_millis(100)));
        came.is_some()
    })
    .await;
    let register = came.expect("a REGISTER");
    good.answer(&register, "200 OK", &format!("Contact: {};expires=60\r\n", register.header("Contact")), "");
    drop(switch);
}
