//! Media that is not ours: `bypass_media` and `proxy_media`, new offers within such calls, and audio of ours afterwards.

use std::net::UdpSocket;
use std::time::Duration;

use super::peer::{Message, Peer};
use super::registrar::profile;
use super::siptrace::api;
use super::support::{LOOPBACK, Switch, context};

const TYPE: &str = "Content-Type: application/sdp\r\n";

fn sdp(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 18\r\na=rtpmap:18 G729/8000\r\n"
    )
}

/// Port of the audio in a description.
fn port(message: &Message) -> u16 {
    let line = message.0.lines().find(|line| line.starts_with("m=audio ")).unwrap_or_default();
    line.split(' ').nth(1).and_then(|port| port.parse().ok()).unwrap_or(0)
}

/// A call of `near` to `far` that is up, as the variable says, with the descriptions that either got.
fn bridged(variable: &str, ports: [u16; 2]) -> (Switch, Peer, Peer, [u16; 2]) {
    let far = Peer::new("127.0.0.1:9".parse().expect("an address"), "b", "far.test");
    let dial = format!("sofia/internal/sip:b@{}", far.address());
    let set = format!("{variable}=true");
    let actions: &[(&str, &str)] = &[("set", &set), ("bridge", &dial), ("playback", "silence_stream://20000")];
    let plan = format!("<include>\n{}</include>\n", context("public", &[("^b$", actions)]));
    let switch = Switch::start(&[("dialplan/a.xml", &plan)]);
    let mut near = Peer::new(switch.address, "a", "near.test");
    let more = format!("Contact: {}\r\nSupported: timer\r\nSession-Expires: 1800\r\n{TYPE}", near.contact());
    near.send("INVITE", "sip:b@127.0.0.1", &more, &sdp(ports[0]));
    let invite = far.request("INVITE");
    let more = format!("Contact: {}\r\n{TYPE}", far.contact());
    far.answer(&invite, "200 OK", &more, &sdp(ports[1]));
    let answer = near.response();
    assert_eq!(answer.code(), 200, "{}", answer.0);
    near.acknowledge(&answer, "", "");
    far.request("ACK");
    (switch, near, far, [port(&answer), port(&invite)])
}

#[test]
fn new_offers_go_across_and_so_do_their_answers() {
    let (_switch, mut near, far, seen) = bridged("bypass_media", [4000, 5000]);
    assert_eq!(seen, [5000, 4000]);
    let more = format!("Contact: {}\r\n{TYPE}", near.contact());
    near.send("INVITE", "sip:b@127.0.0.1", &more, &sdp(4100));
    let offer = far.request("INVITE");
    assert_eq!(port(&offer), 4100, "{}", offer.0);
    far.answer(&offer, "488 Not Acceptable Here", "", "");
    assert_eq!(near.response().code(), 488, "a refusal as well");
    // Without a description: the far end's offer comes with the answer, ours with the ACK.
    near.send("INVITE", "sip:b@127.0.0.1", &format!("Contact: {}\r\n", near.contact()), "");
    let asked = far.request("INVITE");
    assert_eq!(port(&asked), 0, "{}", asked.0);
    far.answer(&asked, "200 OK", &format!("Contact: {}\r\n{TYPE}", far.contact()), &sdp(5100));
    let answer = near.response();
    assert_eq!((answer.code(), port(&answer)), (200, 5100));
    assert_eq!(answer.header("Session-Expires"), "1800;refresher=uac", "it was a refresh as well");
    near.acknowledge(&answer, TYPE, &sdp(4200));
    let ack = far.request("ACK");
    assert_eq!(port(&ack), 4200, "{}", ack.0);
}

#[test]
fn an_offer_that_nobody_answers_any_more_is_refused() {
    let (_switch, mut near, mut far, _) = bridged("bypass_media", [4000, 5000]);
    near.send("INVITE", "sip:b@127.0.0.1", &format!("Contact: {}\r\n{TYPE}", near.contact()), &sdp(4100));
    far.request("INVITE");
    far.become_caller();
    assert_eq!(far.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    assert_eq!(near.response().code(), 500);
}

#[test]
fn audio_of_ours_afterwards_takes_a_new_offer() {
    let (_switch, near, mut far, _) = bridged("bypass_media", [4000, 5000]);
    far.become_caller();
    assert_eq!(far.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    let offer = near.request("INVITE");
    assert!(port(&offer) > 0 && port(&offer) != 5000, "{}", offer.0);
    near.answer(&offer, "200 OK", &format!("Contact: {}\r\n{TYPE}", near.contact()), &sdp(4000));
    near.request("ACK");
    assert!(near.request_within("BYE", Duration::from_millis(500)).is_none(), "the prompt plays");
}

#[test]
fn a_proxy_passes_packets_it_knows_nothing_of() {
    let sockets = [(); 2].map(|()| UdpSocket::bind((LOOPBACK, 0)).expect("a socket"));
    let ports = sockets.each_ref().map(|socket| socket.local_addr().expect("an address").port());
    let (_switch, near, far, seen) = bridged("proxy_media", ports);
    assert!(seen.iter().all(|port| !ports.contains(port) && *port > 0), "{seen:?}");
    // G729, with a marker, another source of its own and an extension: all of it arrives.
    let packet = [&[0x90, 0x92, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xbe, 0xde, 0, 0][..], &[7; 20]].concat();
    for (from, to) in [(0, 1), (1, 0)] {
        let receiver = &sockets[to];
        receiver.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let mut buffer = [0; 200];
        let mut heard = None;
        // The first packets settle where audio comes from.
        for number in 0..50u8 {
            let mut packet = packet.clone();
            packet[3] = number;
            sockets[from].send_to(&packet, (LOOPBACK, seen[from])).expect("it is sent");
            if let Ok((length, _)) = receiver.recv_from(&mut buffer) {
                heard = Some(buffer[..length].to_vec());
                break;
            }
        }
        let mut heard = heard.expect("a packet");
        heard[3] = 1;
        assert_eq!(heard, packet);
    }
    drop((near, far));
}

/// Answers an offer to a peer: it has this port.
fn accept(peer: &Peer, offer: &Message, own: u16) {
    peer.answer(offer, "200 OK", &format!("Contact: {}\r\n{TYPE}", peer.contact()), &sdp(own));
    peer.request("ACK");
}

#[test]
fn the_media_of_a_bridge_is_given_away_and_taken_back() {
    let (switch, mut near, far, seen) = bridged("nothing", [4000, 5000]);
    assert!(seen.iter().all(|port| ![4000, 5000].contains(port)), "ours: {seen:?}");
    let uuid = api(&switch, "show channels");
    let uuid = uuid.lines().nth(1).and_then(|line| line.split(',').next()).expect("a channel").to_owned();
    assert_eq!(api(&switch, &format!("uuid_media off {uuid}")), "+OK Success\n");
    let offer = far.request("INVITE");
    assert_eq!(port(&offer), 4000, "{}", offer.0);
    accept(&far, &offer, 5002);
    let offer = near.request("INVITE");
    assert_eq!(port(&offer), 5002, "{}", offer.0);
    accept(&near, &offer, 4000);
    // New offers go across from now on.
    near.send("INVITE", "sip:b@127.0.0.1", &format!("Contact: {}\r\n{TYPE}", near.contact()), &sdp(4100));
    let offer = far.request("INVITE");
    assert_eq!(port(&offer), 4100, "{}", offer.0);
    accept(&far, &offer, 5004);
    let answer = near.response();
    assert_eq!(port(&answer), 5004, "{}", answer.0);
    near.acknowledge(&answer, "", "");
    // The ACK is there before the next offer is made.
    assert_eq!(near.ask("OPTIONS", "sip:b@127.0.0.1", "", "").code(), 200);
    assert_eq!(api(&switch, &format!("uuid_media {uuid}")), "+OK Success\n");
    for (peer, own) in [(&near, 4100), (&far, 5004)] {
        let offer = peer.request("INVITE");
        assert!(![0, 4100, 5004].contains(&port(&offer)), "{}", offer.0);
        accept(peer, &offer, own);
    }
    assert_eq!(near.ask("BYE", "sip:b@127.0.0.1", "", "").code(), 200);
    far.request("BYE");
}

#[test]
fn media_that_one_side_does_not_want_otherwise_stays_ours() {
    let (switch, near, far, _) = bridged("bypass_media_after_bridge", [4000, 5000]);
    let offer = far.request("INVITE");
    assert_eq!(port(&offer), 4000, "{}", offer.0);
    accept(&far, &offer, 5000);
    let offer = near.request("INVITE");
    assert_eq!(port(&offer), 5000, "{}", offer.0);
    near.answer(&offer, "488 Not Acceptable Here", "", "");
    let back = far.request("INVITE");
    assert!(![0, 4000].contains(&port(&back)), "{}", back.0);
    accept(&far, &back, 5000);
    let calls = api(&switch, "show calls count");
    assert!(calls.contains("1 total"), "{calls}");
}

#[test]
fn a_profile_may_pass_the_media_of_its_callers() {
    for (param, direct) in [("inbound-bypass-media", true), ("inbound-proxy-media", false)] {
        let far = Peer::new("127.0.0.1:9".parse().expect("an address"), "b", "far.test");
        let dial = format!("sofia/internal/sip:b@{}", far.address());
        let actions: &[(&str, &str)] = &[("bridge", &dial)];
        let plan = format!("<include>\n{}</include>\n", context("public", &[("^b$", actions)]));
        let switch =
            Switch::start(&[("dialplan/a.xml", &plan), ("sip_profiles/a.xml", &profile(&[(param, "true")], ""))]);
        let mut near = Peer::new(switch.address, "a", "near.test");
        near.send("INVITE", "sip:b@127.0.0.1", &format!("Contact: {}\r\n{TYPE}", near.contact()), &sdp(4000));
        let invite = far.request("INVITE");
        assert!(invite.0.contains("G729"), "as it was: {}", invite.0);
        assert_eq!(port(&invite) == 4000, direct, "{param}: {}", invite.0);
    }
}

#[test]
fn a_proxy_passes_reports_as_well() {
    let pair = || loop {
        let rtp = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
        let port = rtp.local_addr().expect("an address").port();
        if let Ok(rtcp) = UdpSocket::bind((LOOPBACK, port.wrapping_add(1))) {
            rtcp.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
            return (rtp, rtcp, port);
        }
    };
    let sides = [pair(), pair()];
    let (_switch, near, far, seen) = bridged("proxy_media", [sides[0].2, sides[1].2]);
    let report = [&[0x81, 201, 0, 7, 0, 0, 0, 9][..], &[3; 24]].concat();
    for (from, to) in [(0, 1), (1, 0)] {
        let mut buffer = [0; 200];
        let mut heard = None;
        for _ in 0..50 {
            sides[from].1.send_to(&report, (LOOPBACK, seen[from] + 1)).expect("it is sent");
            if let Ok((length, _)) = sides[to].1.recv_from(&mut buffer) {
                heard = Some(buffer[..length].to_vec());
                break;
            }
        }
        assert_eq!(heard, Some(report.clone()));
    }
    drop((near, far));
}
