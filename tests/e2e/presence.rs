//! SUBSCRIBE and NOTIFY with the real binary: busy lamps and messages that wait.

use std::time::Duration;

use super::peer::{Message, Peer};
use super::registrar::{plan, profile, users};
use super::support::Switch;

/// A mailbox gets new messages, as a voicemail application says it.
const MAILBOX: &str = "
local event = freeswitch.Event('MESSAGE_WAITING')
event:addHeader('MWI-Messages-Waiting', 'yes')
event:addHeader('MWI-Message-Account', 'sip:1000@example.test')
event:addHeader('MWI-Voice-Message', '2/1 (0/0)')
event:fire()
";

fn start(params: &[(&str, &str)]) -> Switch {
    // The dial string says whose telephone it is.
    let users = users("").replace("${sofia_contact(", "[presence_id=${dialed_user}@${dialed_domain}]${sofia_contact(");
    let plan = plan().replace("<context name=\"public\">\n", &format!("<context name=\"public\">\n{EXTENSION}"));
    Switch::start(&[
        ("sip_profiles/a.xml", &profile(params, "")),
        ("directory/a.xml", &users),
        ("dialplan/a.xml", &plan),
        ("scripts/mailbox.lua", MAILBOX),
    ])
}

const EXTENSION: &str = "<extension name=\"m\">\n<condition field=\"destination_number\" expression=\"^mailbox$\">\n\
     <action application=\"lua\" data=\"mailbox.lua\"/>\n<action application=\"respond\" data=\"486\"/>\n</condition>\n\
     </extension>\n";

fn wish(peer: &Peer, package: &str, expires: u32) -> String {
    format!("Event: {package}\r\nExpires: {expires}\r\nContact: {}\r\n", peer.contact())
}

/// The next NOTIFY, answered.
fn notified(peer: &Peer) -> Message {
    let notify = peer.request("NOTIFY");
    peer.answer(&notify, "200 OK", "", "");
    notify
}

/// States of the calls that a NOTIFY tells of.
fn states(notify: &Message) -> Vec<String> {
    let parts = notify.0.split("<state>").skip(1);
    parts.map(|part| part.split('<').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lamp_follows_the_calls_of_a_user() {
    let switch = start(&[]);
    let mut desk = Peer::new(switch.address, "1000", "example.test");
    let mut phone = Peer::new(switch.address, "1001", "example.test");
    phone.registered("pw1001");
    let more = wish(&desk, "dialog", 600);
    let answer = desk.ask_proven("SUBSCRIBE", "sip:1001@example.test", "pw1000", &more, "");
    assert_eq!((answer.code(), answer.header("Expires")), (200, "600"), "{}", answer.0);
    let first = notified(&desk);
    assert!(states(&first).is_empty(), "{}", first.0);
    assert_eq!(first.header("Event"), "dialog");
    assert!(first.header("Subscription-State").starts_with("active;expires="), "{}", first.0);
    // The dialog is that of the answer.
    let tag = |value: &str| value.split(";tag=").nth(1).unwrap_or_default().to_owned();
    assert_eq!(tag(first.header("From")), tag(answer.header("To")));
    assert_eq!(tag(first.header("To")), "peer");
    assert!(first.0.contains("version=\"0\" state=\"full\" entity=\"sip:1001@example.test\""), "{}", first.0);
    let call = tokio::task::spawn_blocking(move || {
        let invite = phone.request("INVITE");
        phone.answer(&invite, "180 Ringing", "", "");
        let ringing = std::iter::repeat_with(|| notified(&desk)).find(|notify| states(notify) == ["early"]);
        phone.answer(&invite, "486 Busy Here", "", "");
        phone.request("ACK");
        let over = std::iter::repeat_with(|| notified(&desk)).find(|notify| states(notify) == ["terminated"]);
        (desk, ringing.expect("it rings"), over.expect("it ends"))
    });
    assert_eq!(switch.call("1001", |_| ()).await.status, Some(486));
    let (desk, ringing, over) = call.await.expect("the call");
    assert!(ringing.0.contains("direction=\"recipient\""), "{}", ringing.0);
    let number = |notify: &Message| -> u32 {
        notify.header("CSeq").split(' ').next().unwrap_or_default().parse().expect("a number")
    };
    assert!(number(&first) < number(&ringing) && number(&ringing) < number(&over));
    assert!(desk.request_within("NOTIFY", Duration::from_millis(300)).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_has_nothing_until_an_event_says_so() {
    let switch = start(&[]);
    let mut phone = Peer::new(switch.address, "1000", "example.test");
    let own = "sip:1000@example.test";
    let more = wish(&phone, "message-summary", 600);
    let answer = phone.ask_proven("SUBSCRIBE", own, "pw1000", &more, "");
    assert_eq!(answer.code(), 200, "{}", answer.0);
    let nothing = notified(&phone);
    assert_eq!(nothing.header("Content-Type"), "application/simple-message-summary");
    assert!(nothing.0.ends_with("Messages-Waiting: no\r\nMessage-Account: sip:1000@example.test\r\n"), "{}", nothing.0);
    assert_eq!(switch.call("mailbox", |_| ()).await.status, Some(486), "{}", switch.log());
    let some = notified(&phone);
    let body = "Messages-Waiting: yes\r\nMessage-Account: sip:1000@example.test\r\nVoice-Message: 2/1 (0/0)\r\n";
    assert!(some.0.ends_with(body), "{}", some.0);
    // Who comes later hears the same at once; who asks for no time hears it once.
    let mut later = Peer::new(switch.address, "1001", "example.test");
    let more = wish(&later, "message-summary", 0);
    let answer = later.ask_proven("SUBSCRIBE", own, "pw1001", &more, "");
    assert_eq!((answer.code(), answer.header("Expires")), (200, "0"));
    let once = notified(&later);
    assert!(once.0.ends_with(body) && once.header("Subscription-State").starts_with("terminated"), "{}", once.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_end_in_time_and_are_proven() {
    let switch = start(&[]);
    let mut peer = Peer::new(switch.address, "1000", "example.test");
    let to = "sip:1001@example.test";
    let brief = wish(&peer, "dialog", 1);
    assert_eq!(peer.ask("SUBSCRIBE", to, &brief, "").code(), 407);
    assert_eq!(peer.ask_proven("SUBSCRIBE", to, "wrong", &brief, "").code(), 403);
    assert_eq!(peer.ask_proven("SUBSCRIBE", to, "pw1000", &brief, "").code(), 200);
    assert!(notified(&peer).header("Subscription-State").starts_with("active"));
    assert_eq!(notified(&peer).header("Subscription-State"), "terminated;reason=timeout");
    let unknown = wish(&peer, "presence", 60);
    let answer = peer.ask_proven("SUBSCRIBE", to, "pw1000", &unknown, "");
    assert_eq!((answer.code(), answer.header("Allow-Events")), (489, "dialog, message-summary"));
    let other = format!("Accept: text/html\r\n{}", wish(&peer, "dialog", 60));
    assert_eq!(peer.ask_proven("SUBSCRIBE", to, "pw1000", &other, "").code(), 406);
    assert_eq!(peer.ask_proven("SUBSCRIBE", to, "pw1000", "Event: dialog\r\n", "").code(), 400, "no Contact");
    // A subscription that is not there (any more).
    let gone = wish(&peer, "dialog", 60);
    peer.to_tag = Some("nobodys".to_owned());
    assert_eq!(peer.ask_proven("SUBSCRIBE", to, "pw1000", &gone, "").code(), 481);
    peer.to_tag = None;
    // One that is refreshed goes on, and ends when its watcher says so.
    let answer = peer.ask_proven("SUBSCRIBE", to, "pw1000", &gone, "");
    peer.to_tag = answer.header("To").split(";tag=").nth(1).map(str::to_owned);
    notified(&peer);
    let end = wish(&peer, "dialog", 0);
    assert_eq!(peer.ask_proven("SUBSCRIBE", to, "pw1000", &end, "").code(), 200);
    assert_eq!(notified(&peer).header("Subscription-State"), "terminated;reason=timeout");
    peer.to_tag = None;
    // A watcher that refuses a NOTIFY hears no more.
    assert_eq!(peer.ask_proven("SUBSCRIBE", to, "pw1000", &brief, "").code(), 200);
    let notify = peer.request("NOTIFY");
    peer.answer(&notify, "481 Subscription Does Not Exist", "", "");
    assert!(peer.request_within("NOTIFY", Duration::from_secs(2)).is_none());
    let open = start(&[("auth-subscriptions", "false")]);
    let mut anybody = Peer::new(open.address, "x", "elsewhere.test");
    let more = wish(&anybody, "dialog", 60);
    assert_eq!(anybody.ask("SUBSCRIBE", to, &more, "").code(), 200);
}
