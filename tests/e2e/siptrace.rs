//! SIP messages shown to people.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use super::support::{Switch, context, until};

/// The answer to an API command.
pub(crate) fn api(switch: &Switch, command: &str) -> String {
    let mut client = TcpStream::connect(switch.control.expect("a socket")).expect("a connection");
    let file = switch.folder().join("data/event_socket.password");
    let password = std::fs::read_to_string(file).expect("a password");
    let commands = format!("auth {}\n\napi {command}\n\nexit\n\n", password.trim());
    client.write_all(commands.as_bytes()).expect("it is sent");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("an answer");
    let (head, rest) = text.split_once("api/response\n").expect("an answer").1.split_once("\n\n").expect("a body");
    let length = head.strip_prefix("Content-Length: ").and_then(|length| length.parse().ok()).expect("a length");
    rest.get(..length).expect("all of it").to_owned()
}

/// First lines and Call-IDs of the messages of a pcap file.
fn messages(path: &Path) -> Vec<(String, String)> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let mut rest = bytes.get(24..).unwrap_or_default();
    let mut found = Vec::new();
    while let Some(size) = rest.get(8..12) {
        let size = u32::from_le_bytes(size.try_into().expect("four octets")) as usize;
        let packet = rest.get(16..16 + size).expect("a whole packet");
        let text = String::from_utf8_lossy(packet.get(28..).expect("a datagram")).into_owned();
        let call_id = text.lines().find_map(|line| line.strip_prefix("Call-ID: ")).unwrap_or_default().to_owned();
        found.push((text.lines().next().unwrap_or_default().to_owned(), call_id));
        rest = rest.get(16 + size..).unwrap_or_default();
    }
    found
}

fn start() -> Switch {
    let plan = context(
        "public",
        &[
            ("^1$", &[("hangup", "USER_BUSY")]),
            // Nobody listens at port 1.
            ("^2$", &[("bridge", "{originate_timeout=1}sofia/internal/9@127.0.0.1:1"), ("hangup", "CALL_REJECTED")]),
            ("^3$", &[("answer", ""), ("park", "")]),
        ],
    );
    Switch::start(&[("dialplan/d.xml", &plan)])
}

#[tokio::test(flavor = "multi_thread")]
async fn all_messages_in_the_log() {
    let switch = start();
    switch.call("1", |_| ()).await;
    assert_eq!(api(&switch, "sofia global siptrace on"), "+OK Global siptrace on");
    switch.call("1", |_| ()).await;
    let parts = ["recv ", " bytes from udp/[127.0.0.1]:", "INVITE sip:1@", "send ", "SIP/2.0 486 Busy Here"];
    until("the messages are logged", || parts.iter().all(|part| switch.log().contains(part))).await;
    assert_eq!(switch.log().matches("INVITE sip:1@").count(), 1, "only what came after the command");
    assert_eq!(api(&switch, "sofia global siptrace off"), "+OK Global siptrace off");
    switch.call("1", |_| ()).await;
    assert_eq!(api(&switch, "sofia profile internal siptrace on"), "Enabled sip debugging on internal");
    switch.call("1", |_| ()).await;
    until("the profile is logged", || switch.log().matches("INVITE sip:1@").count() == 2).await;
    assert_eq!(api(&switch, "sofia profile internal siptrace off"), "Disabled sip debugging on internal");
    assert_eq!(api(&switch, "sofia profile nosuch siptrace on"), "Invalid Profile [nosuch]");
    assert_eq!(api(&switch, "sofia profile internal siptrace"), "-ERR Usage: siptrace <on|off>\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_in_a_file() {
    let switch = start();
    assert_eq!(api(&switch, "siptrace 2 two.pcap"), "+OK\n");
    assert!(api(&switch, "siptrace 2 ../two.pcap").starts_with("-ERR"));
    assert!(api(&switch, "siptrace").starts_with("-USAGE"));
    switch.call("1", |_| ()).await;
    let report = switch.call("2", |_| ()).await;
    let path = switch.folder().join("data/traces/two.pcap");
    let status = report.status.expect("an end");
    until("the file is written", || {
        messages(&path).iter().any(|(first, _)| first.starts_with("ACK sip:2@")) && messages(&path).len() >= 5
    })
    .await;
    let messages = messages(&path);
    let has = |start: &str| messages.iter().any(|(first, _)| first.starts_with(start));
    assert!(
        has("INVITE sip:2@") && has("INVITE sip:9@127.0.0.1:1") && has(&format!("SIP/2.0 {status}")),
        "{messages:?}"
    );
    assert!(!has("INVITE sip:1@"), "another call");
    let mut call_ids: Vec<&String> = messages.iter().map(|(_, call_id)| call_id).collect();
    call_ids.sort();
    call_ids.dedup();
    assert_eq!(call_ids.len(), 2, "both legs: {messages:?}");
    assert_eq!(api(&switch, "siptrace off two.pcap"), "+OK\n");
    assert!(api(&switch, "siptrace off two.pcap").starts_with("-ERR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_up_is_traced_from_now_on() {
    let switch = start();
    let waits = async {
        let mut uuid = String::new();
        until("the call is there", || {
            let shown = api(&switch, "show channels as json");
            let rows: serde_json::Value = serde_json::from_str(&shown).unwrap_or_default();
            rows["rows"][0]["uuid"].as_str().unwrap_or_default().clone_into(&mut uuid);
            !uuid.is_empty() && shown.contains("ACTIVE")
        })
        .await;
        assert_eq!(api(&switch, &format!("uuid_siptrace {uuid} three.txt")), "+OK\n");
        assert!(api(&switch, "uuid_siptrace nosuch three.txt").starts_with("-ERR No such channel"));
        assert_eq!(api(&switch, &format!("uuid_kill {uuid}")), "+OK\n");
    };
    let (_, ()) = tokio::join!(switch.call("3", |_| ()), waits);
    let path = switch.folder().join("data/traces/three.txt");
    let text = || std::fs::read_to_string(&path).unwrap_or_default();
    until("the BYE is written", || text().contains("BYE sip:") && text().contains("SIP/2.0 200 OK")).await;
    assert!(!text().contains("INVITE sip:"), "{}", text());
}
