//! Callers that leave the offer to the switch: it comes with the answer, and the ACK answers it.

use super::peer::{Message, Peer};
use super::registrar::profile;
use super::support::{Switch, context};

fn sdp(port: u16, formats: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"
    )
}

const TYPE: &str = "Content-Type: application/sdp\r\n";

fn switch(params: &[(&str, &str)], far: &Peer) -> Switch {
    let dial = format!("sofia/internal/sip:b@{}", far.address());
    let bridges: &[(&str, &str)] = &[("set", "ringback=%(1000,0,440)"), ("bridge", &dial)];
    let plays: &[(&str, &str)] = &[("playback", "silence_stream://20000")];
    let plan = context("public", &[("^b$", bridges), ("^a$", plays)]);
    let files =
        [("dialplan/a.xml", &*format!("<include>\n{plan}</include>\n")), ("sip_profiles/a.xml", &profile(params, ""))];
    Switch::start(&files)
}

fn far() -> Peer {
    Peer::new("127.0.0.1:9".parse().expect("an address"), "b", "far.test")
}

fn caller(switch: &Switch, number: &str) -> Peer {
    let mut peer = Peer::new(switch.address, "a", "near.test");
    let contact = peer.contact();
    peer.send("INVITE", &format!("sip:{number}@127.0.0.1"), &format!("Contact: {contact}\r\n"), "");
    peer
}

/// The codecs of a description, in order.
fn formats(message: &Message) -> Vec<&str> {
    let line = message.0.lines().find(|line| line.starts_with("m=audio ")).unwrap_or_default();
    line.split_whitespace().skip(3).collect()
}

#[test]
fn the_answer_brings_our_offer_and_the_ack_the_answer() {
    let far = far();
    let switch = switch(&[], &far);
    let mut near = caller(&switch, "b");
    let invite = far.request("INVITE");
    assert_eq!(formats(&invite)[..2], ["0", "8"], "B gets the codecs of the profile: {}", invite.0);
    let more = format!("Contact: {}\r\n{TYPE}", far.contact());
    far.answer(&invite, "183 Session Progress", &more, &sdp(4002, "8"));
    let ringing = std::iter::from_fn(|| near.next_within(std::time::Duration::from_secs(5)));
    let ringing = ringing.into_iter().find(|message| message.code() > 100).expect("a response");
    assert_eq!((ringing.code(), formats(&ringing).len()), (180, 0), "no offer before the answer: {}", ringing.0);
    far.answer(&invite, "200 OK", &more, &sdp(4002, "8"));
    let answer = near.response();
    assert_eq!((answer.code(), formats(&answer)[0]), (200, "8"), "B's codec first: {}", answer.0);
    near.acknowledge(&answer, TYPE, &sdp(4000, "8"));
    far.request("ACK");
    assert_eq!(near.ask("BYE", "sip:b@127.0.0.1", "", "").code(), 200);
    assert!(far.request("BYE").header("Reason").contains("cause=16"));
}

#[test]
fn an_ack_that_answers_nothing_usable_ends_the_call() {
    for body in [String::new(), sdp(4000, "18")] {
        let far = far();
        let switch = switch(&[], &far);
        let mut near = caller(&switch, "a");
        let answer = near.response();
        assert_eq!((answer.code(), formats(&answer)[0]), (200, "0"), "what needs audio answers: {}", answer.0);
        near.acknowledge(&answer, if body.is_empty() { "" } else { TYPE }, &body);
        assert!(near.request("BYE").header("Reason").contains("cause=88"));
    }
}

#[test]
fn they_can_be_switched_off() {
    let far = far();
    let switch = switch(&[("enable-3pcc", "false")], &far);
    assert_eq!(caller(&switch, "b").response().code(), 480);
}
