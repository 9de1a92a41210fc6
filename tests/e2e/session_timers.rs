//! Session timers (RFC 4028) on both sides of the switch: what is asked for, what is granted, what is refused.

use super::peer::{Message, Peer};
use super::registrar::profile;
use super::support::{Switch, context};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const TYPE: &str = "Content-Type: application/sdp\r\n";

/// A switch with these params that bridges everybody to a peer, and that peer.
fn switch(params: &[(&str, &str)]) -> (Switch, Peer) {
    let far = Peer::new("127.0.0.1:9".parse().expect("an address"), "b", "far.test");
    let dial = format!("sofia/internal/sip:b@{}", far.address());
    let actions: &[(&str, &str)] = &[("bridge", &dial)];
    let answers: &[(&str, &str)] = &[("answer", ""), ("park", "")];
    let files = [
        (
            "dialplan/a.xml",
            &*format!("<include>\n{}</include>\n", context("public", &[("^b$", actions), ("^a$", answers)])),
        ),
        ("sip_profiles/a.xml", &profile(params, "")),
    ];
    (Switch::start(&files), far)
}

fn caller(switch: &Switch) -> Peer {
    Peer::new(switch.address, "a", "near.test")
}

fn call(peer: &mut Peer, number: &str, more: &str) {
    let contact = peer.contact();
    let to = format!("sip:{number}@127.0.0.1");
    peer.send("INVITE", &to, &format!("Contact: {contact}\r\n{more}{TYPE}"), SDP);
}

fn expires(message: &Message) -> (&str, &str) {
    (message.header("Session-Expires"), message.header("Min-SE"))
}

#[test]
fn called_parties_are_asked_and_422_is_heeded_once() {
    let (switch, far) = switch(&[("session-timeout", "600"), ("minimum-session-expires", "90")]);
    let mut near = caller(&switch);
    call(&mut near, "b", "");
    let first = far.request("INVITE");
    assert_eq!(expires(&first), ("600;refresher=uac", "90"), "{}", first.0);
    far.answer(&first, "422 Session Interval Too Small", "Min-SE: 1800\r\n", "");
    let second = far.request("INVITE");
    assert_eq!(expires(&second), ("1800;refresher=uac", "1800"), "{}", second.0);
    far.answer(&second, "422 Session Interval Too Small", "Min-SE: 3600\r\n", "");
    assert_eq!(near.response().code(), 422, "once is enough");
}

#[test]
fn callers_get_what_both_sides_can_bear() {
    let (switch, _) = switch(&[("session-timeout", "600"), ("minimum-session-expires", "100")]);
    for (more, code, session) in [
        ("Supported: timer\r\n", 200, ("600;refresher=uac", "")),
        ("", 200, ("600;refresher=uas", "")),
        ("Supported: timer\r\nSession-Expires: 1800\r\n", 200, ("600;refresher=uac", "")),
        ("Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 900\r\n", 200, ("900;refresher=uac", "")),
        ("Supported: timer\r\nSession-Expires: 99\r\n", 422, ("", "100")),
    ] {
        let mut near = caller(&switch);
        call(&mut near, "a", more);
        let answer = near.response();
        assert_eq!((answer.code(), expires(&answer)), (code, session), "{more}: {}", answer.0);
    }
}

#[test]
fn callers_behind_nat_refresh_more_often() {
    let (switch, _) = switch(&[("session-timeout", "1800"), ("minimum-session-expires", "90")]);
    let mut near = caller(&switch);
    // An address of the phone's own host, spoken from another one.
    near.send("INVITE", "sip:a@127.0.0.1", &format!("Contact: <sip:a@127.9.9.9>\r\nSupported: timer\r\n{TYPE}"), SDP);
    assert_eq!(expires(&near.response()), ("90;refresher=uac", ""));
}

#[test]
fn without_timers_none_is_asked_for_or_granted() {
    let (switch, far) = switch(&[("enable-timer", "false"), ("session-timeout", "600")]);
    let mut near = caller(&switch);
    call(&mut near, "b", "Supported: timer\r\nSession-Expires: 90\r\n");
    let invite = far.request("INVITE");
    assert_eq!(expires(&invite), ("", ""));
    assert!(!invite.header("Supported").contains("timer"), "{}", invite.0);
    let contact = format!("Contact: {}\r\n{TYPE}", far.contact());
    far.answer(&invite, "200 OK", &contact, SDP);
    let answer = near.response();
    assert_eq!((answer.code(), expires(&answer)), (200, ("", "")));
    assert!(!answer.header("Supported").contains("timer"), "{}", answer.0);
    let mut near = caller(&switch);
    call(&mut near, "b", "Require: timer\r\n");
    let refusal = near.response();
    assert_eq!((refusal.code(), refusal.header("Unsupported")), (420, "timer"));
}

#[test]
fn a_refresh_that_is_too_short_for_the_far_end_is_made_anew() {
    let (switch, far) = switch(&[("session-timeout", "600"), ("minimum-session-expires", "90")]);
    let mut near = caller(&switch);
    call(&mut near, "b", "");
    let invite = far.request("INVITE");
    let contact = format!("Contact: {}\r\n", far.contact());
    let soon = "Require: timer\r\nSession-Expires: 4;refresher=uac\r\n";
    far.answer(&invite, "200 OK", &format!("{contact}{soon}{TYPE}"), SDP);
    let answer = near.response();
    near.acknowledge(&answer, "", "");
    let refresh = far.request("INVITE");
    assert_eq!(expires(&refresh).0, "4;refresher=uac", "{}", refresh.0);
    far.answer(&refresh, "422 Session Interval Too Small", "Min-SE: 1800\r\n", "");
    let again = far.request("INVITE");
    assert_eq!(expires(&again), ("1800;refresher=uac", "1800"), "{}", again.0);
    far.answer(&again, "200 OK", &format!("{contact}{TYPE}"), SDP);
    assert!(near.request_within("BYE", std::time::Duration::from_secs(5)).is_none(), "the session is a longer one");
}
