//! MESSAGE between users with the real binary.

use super::peer::{Message, Peer};
use super::registrar::{profile, users};
use super::support::Switch;

fn start() -> Switch {
    Switch::start(&[("sip_profiles/a.xml", &profile(&[], "")), ("directory/a.xml", &users(""))])
}

const TYPE: &str = "Content-Type: text/plain;charset=UTF-8\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_registered_telephone() {
    let switch = start();
    let mut one = Peer::new(switch.address, "1000", "example.test");
    let mut two = Peer::new(switch.address, "1001", "example.test");
    two.registered("pw1001");
    let text = "hello ${system(true)} ünïcode";
    let answer = one.ask_proven("MESSAGE", "sip:1001@example.test", "pw1000", TYPE, text);
    assert_eq!(answer.code(), 202, "{}", answer.0);
    let came = two.request("MESSAGE");
    assert!(came.0.starts_with(&format!("MESSAGE sip:1001@{} SIP/2.0", two.address())), "{}", came.0);
    assert!(came.0.ends_with(&format!("\r\n\r\n{text}")), "{}", came.0);
    assert!(came.header("From").contains("sip:1000@example.test"), "{}", came.0);
    assert_eq!((came.header("Content-Type"), came.header("Max-Forwards")), ("text/plain;charset=UTF-8", "69"));
    // Whatever the telephone answers is no longer the sender's business.
    two.answer(&came, "486 Busy Here", "", "");
    for (to, code) in [("1002@example.test", 480), ("4711@example.test", 404), ("1001@elsewhere.test", 404)] {
        let answer = one.ask_proven("MESSAGE", &format!("sip:{to}"), "pw1000", TYPE, "x");
        assert_eq!(answer.code(), code, "{to}");
    }
    assert_eq!(two.register("pw1001", "Contact: *\r\nExpires: 0\r\n").code(), 200);
    let answer = one.ask_proven("MESSAGE", "sip:1001@example.test", "pw1000", TYPE, "x");
    assert_eq!(answer.code(), 480);
    // Nothing was kept for later.
    two.registered("pw1001");
    assert!(two.request_within("MESSAGE", std::time::Duration::from_millis(300)).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_needs_proof() {
    let switch = start();
    let mut two = Peer::new(switch.address, "1001", "example.test");
    two.registered("pw1001");
    let mut one = Peer::new(switch.address, "1000", "example.test");
    let asked = one.ask("MESSAGE", "sip:1001@example.test", TYPE, "x");
    assert_eq!((asked.code(), &*Message::field(asked.header("Proxy-Authenticate"), "realm")), (407, "example.test"));
    assert_eq!(one.ask_proven("MESSAGE", "sip:1001@example.test", "wrong", TYPE, "x").code(), 403);
    // The credentials of one user do not speak for another.
    let mut liar = Peer::new(switch.address, "1002", "example.test");
    let asked = liar.ask("MESSAGE", "sip:1001@example.test", TYPE, "x");
    let own = ("1000", "pw1000");
    let proof = super::peer::prove(asked.header("Proxy-Authenticate"), "MESSAGE", "sip:1001@example.test", own, 1);
    let more = format!("Proxy-Authorization: {proof}\r\n{TYPE}");
    assert_eq!(liar.ask("MESSAGE", "sip:1001@example.test", &more, "x").code(), 403);
    assert!(two.request_within("MESSAGE", std::time::Duration::from_millis(300)).is_none());
}
