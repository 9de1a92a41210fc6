//! What programs make the switch ask of a far end: hold, another name, REFER, INFO, NOTIFY; and transfers of either side.

use std::net::SocketAddr;
use std::time::Duration;

use switch::program::client::Client;
use tokio::time::timeout;

use super::peer::Peer;
use super::support::{PASSWORD, PATIENCE, Switch, client, command, context};

const TONE: &str = "tone_stream://%(400,0,440)";
const TYPE: &str = "Content-Type: application/sdp\r\n";

fn sdp(direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na={direction}\r\n"
    )
}

fn switch() -> (Switch, SocketAddr) {
    let arguments = ["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD];
    let moved: &[(&str, &str)] = &[("set", "moved=yes"), ("park", "")];
    let beating: &[(&str, &str)] = &[("enable_heartbeat", "1"), ("park", "")];
    let mut loud = vec![("answer", ""), ("playback", TONE), ("hangup", "")];
    let loudly = loud.clone();
    loud.insert(1, ("set_mute", "write true"));
    let plan =
        context("public", &[("^moved$", moved), ("^beating$", beating), ("^quiet$", &loud), ("^loud$", &loudly)]);
    let plan = format!("<include>\n{plan}</include>\n");
    let switch = Switch::start_with(&arguments, &[("dialplan/a.xml", &plan)]);
    let control = switch.control.expect("an event socket");
    (switch, control)
}

async fn becomes(client: &mut Client, line: &str, wanted: &str) {
    let wait = async { while command(client, line).await != wanted {} };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{line} never says {wanted}"));
}

/// A parked leg with this uuid whose far end is the peer.
async fn leg(control: SocketAddr, uuid: &'static str) -> Peer {
    let far = Peer::new("127.0.0.1:9".parse().expect("an address"), "b", "far.test");
    let line = format!("originate {{origination_uuid={uuid}}}sofia/internal/sip:b@{} &park()", far.address());
    let dialling = tokio::spawn(async move { command(&mut client(control).await, &line).await });
    let invite = far.request("INVITE");
    far.answer(&invite, "200 OK", &format!("Contact: {}\r\n{TYPE}", far.contact()), &sdp("sendrecv"));
    far.request("ACK");
    assert_eq!(dialling.await.expect("no panic"), format!("+OK {uuid}\n"));
    far
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_end_is_held_and_goes_on() {
    let (_switch, control) = switch();
    let far = leg(control, "u").await;
    let (mut giver, mut listener) = (client(control).await, client(control).await);
    listener.send("event plain CHANNEL_HOLD CHANNEL_UNHOLD\n\n").await.expect("it is sent");
    listener.next().await.expect("a reply");
    for (line, ours, theirs, event) in [
        ("uuid_hold u", "a=sendonly", "recvonly", "CHANNEL_HOLD"),
        ("uuid_hold toggle u", "a=sendrecv", "sendrecv", "CHANNEL_UNHOLD"),
    ] {
        assert_eq!(command(&mut giver, line).await, "+OK Success\n");
        let offer = far.request("INVITE");
        assert!(offer.0.contains(ours), "{line}: {}", offer.0);
        far.answer(&offer, "200 OK", &format!("Contact: {}\r\n{TYPE}", far.contact()), &sdp(theirs));
        far.request("ACK");
        let told = timeout(PATIENCE, listener.next()).await.expect("in time").expect("an event");
        assert!(told.body.contains(&format!("Event-Name: {event}\n")), "{}", told.body);
    }
    // One that refuses is not held: the next order is for the same offer again.
    for _ in 0..2 {
        assert_eq!(command(&mut giver, "uuid_hold u").await, "+OK Success\n");
        let offer = far.request("INVITE");
        assert!(offer.0.contains("a=sendonly"), "{}", offer.0);
        far.answer(&offer, "488 Not Acceptable Here", "", "");
        for name in ["CHANNEL_HOLD", "CHANNEL_UNHOLD"] {
            let told = timeout(PATIENCE, listener.next()).await.expect("in time").expect("an event");
            assert!(told.body.contains(&format!("Event-Name: {name}\n")), "{}", told.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_end_is_told_and_asked() {
    let (_switch, control) = switch();
    let mut far = leg(control, "u").await;
    let mut giver = client(control).await;
    assert_eq!(command(&mut giver, "uuid_display u Ann \"B\"|1234").await, "+OK Success\n");
    let update = far.request("UPDATE");
    assert_eq!(update.header("P-Asserted-Identity"), "\"Ann B\" <sip:1234@127.0.0.1>");
    far.answer(&update, "200 OK", "", "");
    assert_eq!(command(&mut giver, "uuid_send_info u application json {\"a\": 1}").await, "+OK Success\n");
    let info = far.request("INFO");
    assert_eq!(info.header("Content-Type"), "application/json");
    assert!(info.0.ends_with("{\"a\": 1}"), "{}", info.0);
    far.answer(&info, "200 OK", "", "");
    assert_eq!(command(&mut giver, "uuid_phone_event u hold").await, "+OK Success\n");
    let notify = far.request("NOTIFY");
    assert_eq!(notify.header("Event"), "hold");
    far.answer(&notify, "200 OK", "", "");
    let asking = tokio::spawn(async move { command(&mut giver, "uuid_deflect u sip:c@there.test").await });
    let refer = far.request("REFER");
    assert_eq!(refer.header("Refer-To"), "<sip:c@there.test>");
    far.answer(&refer, "202 Accepted", "", "");
    far.become_caller();
    let more = "Event: refer\r\nSubscription-State: terminated\r\nContent-Type: message/sipfrag\r\n";
    far.send("NOTIFY", "sip:switch@127.0.0.1", more, "SIP/2.0 200 OK\r\n");
    far.request("BYE");
    assert_eq!(asking.await.expect("no panic"), "+OK:SIP/2.0 200 OK\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_of_a_bridge_is_transferred() {
    let (_switch, control) = switch();
    for (whom, moved) in [("-both", ["yes", "yes"]), ("-bleg", ["-ERR No such channel!\n", "yes"])] {
        let (near, far) = (leg(control, "u").await, leg(control, "v").await);
        let mut giver = client(control).await;
        assert_eq!(command(&mut giver, "uuid_bridge u v").await, "+OK v\n");
        becomes(&mut giver, "uuid_getvar u bridge_uuid", "v").await;
        becomes(&mut giver, "show calls count", "\n1 total.\n").await;
        let mut listener = client(control).await;
        listener.send("event plain CHANNEL_UNBRIDGE\n\n").await.expect("it is sent");
        listener.next().await.expect("a reply");
        assert_eq!(command(&mut giver, &format!("uuid_transfer u {whom} moved XML public")).await, "+OK\n");
        let told = timeout(PATIENCE, listener.next()).await.expect("in time").expect("an event");
        assert!(told.body.contains("Bridge-A-Unique-ID: u\nBridge-B-Unique-ID: v\n"), "{whom}: {}", told.body);
        becomes(&mut giver, "uuid_getvar u moved", moved[0]).await;
        becomes(&mut giver, "uuid_getvar v moved", moved[1]).await;
        if whom == "-bleg" {
            near.request("BYE");
        }
        // What its far end says still reaches the leg that left, and what it says its far end.
        assert_eq!(command(&mut giver, "uuid_send_info v hello").await, "+OK Success\n");
        far.request("INFO");
        command(&mut giver, "hupall").await;
        far.request("BYE");
        becomes(&mut giver, "show channels count", "\n0 total.\n").await;
    }
    let (near, mut far) = (leg(control, "u").await, leg(control, "v").await);
    let mut giver = client(control).await;
    assert_eq!(command(&mut giver, "uuid_bridge u v").await, "+OK v\n");
    becomes(&mut giver, "show calls count", "\n1 total.\n").await;
    assert_eq!(command(&mut giver, "uuid_transfer u -both moved XML public").await, "+OK\n");
    becomes(&mut giver, "uuid_getvar v moved", "yes").await;
    far.become_caller();
    assert_eq!(far.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    becomes(&mut giver, "show channels count", "\n1 total.\n").await;
    assert!(near.request_within("BYE", Duration::from_millis(10)).is_none(), "the other goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_has_a_heartbeat() {
    let (_switch, control) = switch();
    let (mut giver, mut listener) = (client(control).await, client(control).await);
    listener.send("event plain SESSION_HEARTBEAT\n\n").await.expect("it is sent");
    listener.next().await.expect("a reply");
    assert_eq!(command(&mut giver, "originate {origination_uuid=u}null/x &park()").await, "+OK u\n");
    assert_eq!(command(&mut giver, "uuid_session_heartbeat u 1").await, "+OK\n");
    for _ in 0..2 {
        let told = timeout(PATIENCE, listener.next()).await.expect("in time").expect("an event");
        assert!(told.body.contains("Unique-ID: u\n"), "{}", told.body);
    }
    assert_eq!(command(&mut giver, "uuid_session_heartbeat u 0").await, "+OK\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_that_plays_is_steered() {
    let (_switch, control) = switch();
    let mut far = leg(control, "u").await;
    let mut giver = client(control).await;
    assert_eq!(command(&mut giver, "uuid_fileman u pause").await, "-ERR No file handle!\n");
    assert_eq!(
        command(&mut giver, "uuid_fileman u truncate").await,
        "-ERR truncate is not available in this version\n"
    );
    assert_eq!(command(&mut giver, "uuid_audio u start read level 2").await, "+OK\n");
    assert_eq!(command(&mut giver, "uuid_audio u stop").await, "+OK\n");
    assert!(command(&mut giver, "uuid_audio u start sideways level 2").await.starts_with("-USAGE: "));
    assert_eq!(
        command(&mut giver, "uuid_broadcast u playback::tone_stream://%(60000,0,440)").await,
        "+OK Message sent\n"
    );
    becomes(&mut giver, "uuid_fileman u pause", "+OK\n").await;
    for what in ["speed:+1", "volume:-2", "speed:0"] {
        assert_eq!(command(&mut giver, &format!("uuid_fileman u {what}")).await, "+OK\n");
    }
    assert_eq!(command(&mut giver, "uuid_fileman u pause").await, "+OK\n");
    assert_eq!(command(&mut giver, "uuid_fileman u stop").await, "+OK\n");
    becomes(&mut giver, "uuid_fileman u restart", "-ERR No file handle!\n").await;
    let chatting = tokio::spawn(async move { command(&mut giver, "uuid_chat u how are you").await });
    let message = far.request("MESSAGE");
    assert!(message.0.ends_with("how are you"), "{}", message.0);
    far.answer(&message, "200 OK", "", "");
    assert_eq!(chatting.await.expect("no panic"), "+OK\n");
    far.become_caller();
    assert_eq!(far.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tone_that_is_told_is_detected() {
    let (_switch, control) = switch();
    let far = leg(control, "u").await;
    let (mut giver, mut listener) = (client(control).await, client(control).await);
    listener.send("event plain DETECTED_TONE\n\n").await.expect("it is sent");
    listener.next().await.expect("a reply");
    let line = "tone_detect u dial 440,480 w +30 set heard=yes 1";
    assert_eq!(command(&mut giver, line).await, "+OK\n");
    command(&mut giver, "uuid_broadcast u playback::tone_stream://%(500,0,440,480)").await;
    let told = timeout(PATIENCE, listener.next()).await.expect("in time").expect("an event");
    assert!(told.body.contains("Detected-Tone: dial\n"), "{}", told.body);
    becomes(&mut giver, "uuid_getvar u heard", "yes").await;
    command(&mut giver, "hupall").await;
    far.request("BYE");
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_run_when_a_tone_is_heard() {
    let (_switch, control) = switch();
    let far = leg(control, "u").await;
    let mut giver = client(control).await;
    for (name, value) in [("execute_on_tone_detect_1", "set first=yes"), ("execute_on_tone_detect_2", "set second=yes")]
    {
        assert_eq!(command(&mut giver, &format!("uuid_setvar u {name} {value}")).await, "+OK\n");
    }
    assert_eq!(command(&mut giver, "tone_detect u dial 440 w +30").await, "+OK\n");
    command(&mut giver, &format!("uuid_broadcast u playback::{TONE}")).await;
    for name in ["first", "second"] {
        becomes(&mut giver, &format!("uuid_getvar u {name}"), "yes").await;
    }
    command(&mut giver, "hupall").await;
    far.request("BYE");
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_hold_a_far_end_too() {
    let (_switch, control) = switch();
    let far = leg(control, "u").await;
    let mut giver = client(control).await;
    for (application, ours, theirs) in [("hold", "a=sendonly", "recvonly"), ("unhold", "a=sendrecv", "sendrecv")] {
        command(&mut giver, &format!("uuid_broadcast u {application}::now")).await;
        let offer = far.request("INVITE");
        assert!(offer.0.contains(ours), "{application}: {}", offer.0);
        far.answer(&offer, "200 OK", &format!("Contact: {}\r\n{TYPE}", far.contact()), &sdp(theirs));
        far.request("ACK");
    }
    command(&mut giver, "hupall").await;
    far.request("BYE");
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_begin_a_heartbeat_too() {
    let (_switch, control) = switch();
    let (mut giver, mut listener) = (client(control).await, client(control).await);
    listener.send("event plain SESSION_HEARTBEAT\n\n").await.expect("it is sent");
    listener.next().await.expect("a reply");
    assert_eq!(command(&mut giver, "originate {origination_uuid=u}null/x beating XML public").await, "+OK u\n");
    for _ in 0..2 {
        let told = timeout(PATIENCE, listener.next()).await.expect("in time").expect("an event");
        assert!(told.body.contains("Unique-ID: u\n"), "{}", told.body);
    }
    assert_eq!(command(&mut giver, "originate {origination_uuid=v}null/x &park()").await, "+OK v\n");
    command(&mut giver, "uuid_broadcast u enable_heartbeat::0").await;
    command(&mut giver, "uuid_broadcast v sched_heartbeat::1").await;
    let of_the_other = async { while !listener.next().await.expect("an event").body.contains("Unique-ID: v\n") {} };
    timeout(PATIENCE, of_the_other).await.expect("the other one beats");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_muted_is_not_heard() {
    let (switch, _) = switch();
    let loud = switch.call("loud", |_| ()).await;
    let quiet = switch.call("quiet", |_| ()).await;
    assert_eq!((loud.status, quiet.status), (Some(200), Some(200)));
    assert!(loud.heard.loud_seconds() > 0.2, "{} s", loud.heard.loud_seconds());
    assert!(quiet.heard.packets > 0 && quiet.heard.loud_seconds() < 0.01, "{} s", quiet.heard.loud_seconds());
}
