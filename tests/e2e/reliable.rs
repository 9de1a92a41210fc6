//! Reliable provisional responses (RFC 3262) in both roles.

use super::peer::{Message, Peer};
use super::registrar::profile;
use super::support::{Switch, context};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const TYPE: &str = "Content-Type: application/sdp\r\n";

fn switch(params: &[(&str, &str)], extra: &[(&str, &[(&str, &str)])]) -> Switch {
    let files = [
        ("dialplan/a.xml", &*format!("<include>\n{}</include>\n", context("public", extra))),
        ("sip_profiles/a.xml", &profile(params, "")),
    ];
    Switch::start(&files)
}

fn invite(peer: &mut Peer, number: &str, more: &str) {
    let contact = peer.contact();
    peer.send("INVITE", &format!("sip:{number}@127.0.0.1"), &format!("Contact: {contact}\r\n{more}{TYPE}"), SDP);
}

fn tag(message: &Message) -> String {
    message.header("To").split(";tag=").nth(1).unwrap_or_default().to_owned()
}

/// The next response with this status; others are let go.
fn response(peer: &Peer, code: u16) -> Message {
    loop {
        let message = peer.next_within(std::time::Duration::from_secs(10)).expect("a response");
        if message.code() == code {
            return message;
        }
    }
}

#[test]
fn descriptions_are_repeated_until_their_prack() {
    let early: &[(&str, &str)] = &[("pre_answer", ""), ("answer", ""), ("park", "")];
    let switch = switch(&[("enable-100rel", "true")], &[("^a$", early)]);
    let mut near = Peer::new(switch.address, "a", "near.test");
    invite(&mut near, "a", "Supported: 100rel\r\n");
    let first = response(&near, 183);
    assert_eq!(first.header("Require"), "100rel", "{}", first.0);
    assert!(first.header("Allow").contains("PRACK") && first.header("Supported").contains("100rel"), "{}", first.0);
    let again = response(&near, 183);
    assert_eq!(again.0, first.0, "no 200 before the PRACK");
    near.to_tag = Some(tag(&first));
    let (to, cseq) = ("sip:a@127.0.0.1", first.header("CSeq"));
    let stray = near.ask("PRACK", to, &format!("RAck: 1 {cseq}\r\n"), "");
    assert_eq!(stray.code(), 481);
    near.send("PRACK", to, &format!("RAck: {} {cseq}\r\n", first.header("RSeq")), "");
    let (prack, answer) = (response(&near, 200), response(&near, 200));
    assert!(prack.header("CSeq").ends_with(" PRACK"), "{}", prack.0);
    assert_eq!(answer.header("CSeq"), cseq);
}

#[test]
fn who_requires_it_is_refused_while_it_is_off() {
    let early: &[(&str, &str)] = &[("pre_answer", ""), ("hangup", "USER_BUSY")];
    let switch = switch(&[], &[("^a$", early)]);
    let mut near = Peer::new(switch.address, "a", "near.test");
    invite(&mut near, "a", "Require: 100rel\r\n");
    let refusal = near.response();
    assert_eq!((refusal.code(), refusal.header("Unsupported")), (420, "100rel"));
    let mut near = Peer::new(switch.address, "a", "near.test");
    invite(&mut near, "a", "Supported: 100rel\r\n");
    assert_eq!(response(&near, 183).header("RSeq"), "");
    assert_eq!(near.response().code(), 486);
}

#[test]
fn who_requires_it_gets_all_of_them_that_way() {
    let rings: &[(&str, &str)] = &[("ring_ready", ""), ("answer", ""), ("park", "")];
    let switch = switch(&[("enable-100rel", "true")], &[("^a$", rings)]);
    let mut near = Peer::new(switch.address, "a", "near.test");
    invite(&mut near, "a", "Require: 100rel\r\n");
    let ringing = response(&near, 180);
    near.to_tag = Some(tag(&ringing));
    let rack = format!("RAck: {} {}\r\n", ringing.header("RSeq"), ringing.header("CSeq"));
    assert_eq!(near.ask("PRACK", "sip:a@127.0.0.1", &rack, "").code(), 200);
    assert_eq!(response(&near, 200).header("CSeq"), ringing.header("CSeq"));
}

#[test]
fn reliable_responses_of_called_parties_are_acknowledged() {
    let far = Peer::new("127.0.0.1:9".parse().expect("an address"), "b", "far.test");
    let dial = format!("sofia/internal/sip:b@{}", far.address());
    let bridges: &[(&str, &str)] = &[("bridge", &dial)];
    let switch = switch(&[("enable-100rel", "true")], &[("^b$", bridges)]);
    let mut near = Peer::new(switch.address, "a", "near.test");
    invite(&mut near, "b", "");
    let invite = far.request("INVITE");
    assert!(invite.header("Supported").contains("100rel"), "{}", invite.0);
    let more = format!("Contact: {}\r\nRequire: 100rel\r\n", far.contact());
    far.answer(&invite, "180 Ringing", &format!("{more}RSeq: 41\r\n"), "");
    let prack = far.request("PRACK");
    assert_eq!(prack.header("RAck"), format!("41 {}", invite.header("CSeq")));
    far.answer(&prack, "200 OK", "", "");
    // Out of order: it waits for the one between.
    far.answer(&invite, "183 Session Progress", &format!("{more}RSeq: 43\r\n{TYPE}"), SDP);
    far.answer(&invite, "180 Ringing", &format!("{more}RSeq: 42\r\n"), "");
    let prack = far.request("PRACK");
    assert_eq!(prack.header("RAck"), format!("42 {}", invite.header("CSeq")));
    far.answer(&invite, "486 Busy Here", "", "");
    assert_eq!(near.response().code(), 486);
}
