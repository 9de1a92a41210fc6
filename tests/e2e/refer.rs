//! REFER with Replaces of a dialog of another switch: it is called, and asked to give its place.

use super::peer::{Message, Peer};
use super::support::{Switch, context};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const TYPE: &str = "Content-Type: application/sdp\r\n";

fn peer(name: &str) -> Peer {
    Peer::new("127.0.0.1:9".parse().expect("an address"), name, "far.test")
}

fn take(peer: &Peer, invite: &Message) {
    peer.answer(invite, "200 OK", &format!("Contact: {}\r\n{TYPE}", peer.contact()), SDP);
    peer.request("ACK");
}

/// A call of `near` that `far` has answered and refers to `there`; what the target was sent.
fn referred(there: &Peer) -> (Switch, Peer, Peer, Message) {
    let far = peer("b");
    let dial = format!("sofia/internal/sip:b@{}", far.address());
    let actions: &[(&str, &str)] = &[("bridge", &dial)];
    let plan = format!("<include>\n{}</include>\n", context("public", &[("^b$", actions)]));
    let switch = Switch::start(&[("dialplan/a.xml", &plan)]);
    let mut near = Peer::new(switch.address, "a", "near.test");
    near.send("INVITE", "sip:b@127.0.0.1", &format!("Contact: {}\r\n{TYPE}", near.contact()), SDP);
    let invite = far.request("INVITE");
    take(&far, &invite);
    let answer = near.response();
    near.acknowledge(&answer, "", "");
    let mut far = far;
    far.become_caller();
    let to = format!("<sip:c@{}?Replaces=one%40there%3Bto-tag%3Dt1%3Bfrom-tag%3Df1>", there.address());
    let by = "Referred-By: <sip:b@far.test>\r\n";
    let answer = far.ask("REFER", "sip:switch@127.0.0.1", &format!("Refer-To: {to}\r\n{by}"), "");
    assert_eq!(answer.code(), 202, "{}", answer.0);
    let invite = there.request("INVITE");
    assert!(invite.0.starts_with(&format!("INVITE sip:c@{} SIP/2.0\r\n", there.address())), "{}", invite.0);
    assert_eq!(invite.header("Replaces"), "one@there;to-tag=t1;from-tag=f1");
    assert_eq!(invite.header("Referred-By"), "<sip:b@far.test>");
    (switch, near, far, invite)
}

#[test]
fn the_other_side_takes_a_place_in_another_switch() {
    let there = peer("c");
    let (_switch, mut near, far, invite) = referred(&there);
    take(&there, &invite);
    far.request("BYE");
    assert_eq!(near.ask("BYE", "sip:b@127.0.0.1", "", "").code(), 200);
    there.request("BYE");
}

#[test]
fn a_place_that_is_not_given_ends_the_call() {
    let there = peer("c");
    let (_switch, near, _far, invite) = referred(&there);
    there.answer(&invite, "481 Call/Transaction Does Not Exist", "", "");
    assert!(near.request("BYE").header("Reason").contains("cause=41"));
}
