//! The files of `docs/users-and-gateways.md` make up one configuration; the calls that the page describes are made.

use std::net::{IpAddr, Ipv4Addr};

use switch::program::check::{Subject, load};

use super::gateways::{Carrier, OFFER, POLITE, offer};
use super::peer::{Message, Peer};
use super::support::{Switch, until};

const DOMAIN: &str = "example.com";

/// Name and text of each file of the page.
fn files() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/users-and-gateways.md"));
    let page = page.expect("the page");
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("xml\n<!-- "));
    let named = blocks.filter_map(|block| block.split_once(" -->\n"));
    named.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[test]
fn the_files_are_without_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files();
    assert_eq!(files.len(), 4);
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let loaded = load(&Subject::below(folder.path())).expect("a configuration");
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
}

/// The page's switch, its carriers being these.
fn start(carrier: &Carrier, backup: &Carrier) -> Switch {
    let changed: Vec<(String, String)> = files()
        .into_iter()
        .map(|(name, text)| {
            let text = text
                .replace("sip.carrier.example", &carrier.address.to_string())
                .replace("sip.backup.example", &backup.address.to_string())
                .replace("203.0.113.0/24", "127.0.0.9")
                .replace("\"ping\" value=\"25\"", "\"ping\" value=\"1\"")
                .replace("0.0.0.0", "127.0.0.1")
                .replace("value=\"5060\"", "value=\"0\"");
            (name, text)
        })
        .collect();
    let files: Vec<(&str, &str)> = changed.iter().map(|(name, text)| (&**name, &**text)).collect();
    Switch::start(&files)
}

/// A user calls; the final answer.
async fn calls(mut peer: Peer, number: &str, password: &'static str) -> (Peer, Message) {
    let to = format!("sip:{number}@{DOMAIN}");
    let call = tokio::task::spawn_blocking(move || {
        let answer = peer.ask_proven("INVITE", &to, password, &offer(&peer), OFFER);
        (peer, answer)
    });
    call.await.expect("the call")
}

/// Takes one call and is busy.
fn busy(peer: Peer) -> tokio::task::JoinHandle<Peer> {
    tokio::task::spawn_blocking(move || {
        let invite = peer.request("INVITE");
        peer.answer(&invite, "486 Busy Here", "", "");
        peer
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn desks_groups_and_strangers() {
    let (carrier, backup) = (Carrier::new(POLITE), Carrier::new(POLITE));
    let switch = start(&carrier, &backup);
    let mut one = Peer::new(switch.address, "1000", DOMAIN);
    let mut two = Peer::new(switch.address, "1001", DOMAIN);
    let mut three = Peer::new(switch.address, "1002", DOMAIN);
    assert_eq!(one.register("wrong", "").code(), 403);
    one.registered("correct horse");
    let (one, answer) = calls(one, "1001", "correct horse").await;
    assert!(answer.0.starts_with("SIP/2.0 480 Not At The Desk"), "{}", answer.0);
    two.registered("secret");
    let ringing = busy(two);
    let (one, answer) = calls(one, "1001", "correct horse").await;
    assert_eq!(answer.code(), 486, "{}", answer.0);
    let two = ringing.await.expect("the call");
    three.registered("battery staple");
    let (second, third) = (busy(two), busy(three));
    let (_, answer) = calls(one, "2000", "correct horse").await;
    assert_eq!(answer.code(), 486, "{}", answer.0);
    let two = second.await.expect("the call of one");
    third.await.expect("the call of the other");
    // The carrier's network comes in without credentials, a stranger does not.
    let mut line = Peer::at(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)), switch.address, "4917", "carrier.test");
    let mut stranger = Peer::new(switch.address, "4917", "carrier.test");
    let to = format!("sip:49301231001@{}", switch.address);
    assert_eq!(stranger.ask("INVITE", &to, &offer(&stranger), OFFER).code(), 407);
    let ringing = busy(two);
    let more = offer(&line);
    let answer = tokio::task::spawn_blocking(move || line.ask("INVITE", &to, &more, OFFER)).await.expect("the call");
    assert_eq!(answer.code(), 486, "{}", answer.0);
    ringing.await.expect("the call");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_carrier_stands_in() {
    let (carrier, backup) = (Carrier::new(POLITE.with_password("secret of the line")), Carrier::new(POLITE.asking(0)));
    let switch = start(&carrier, &backup);
    until("the line registers", || carrier.got("REGISTER").len() >= 2).await;
    let mut one = Peer::new(switch.address, "1000", DOMAIN);
    for _ in 0..100 {
        let (back, answer) = calls(one, "05551", "correct horse").await;
        one = back;
        assert_eq!(answer.code(), 486, "{}", answer.0);
        if !carrier.got("INVITE").is_empty() {
            break;
        }
    }
    assert!(carrier.got("INVITE").iter().any(|invite| invite.0.starts_with("INVITE sip:5551@")));
    let before = backup.got("INVITE").len();
    // Busy is the called number's answer; the other carrier is not asked.
    let (one, answer) = calls(one, "05552", "correct horse").await;
    assert_eq!((answer.code(), backup.got("INVITE").len()), (486, before), "{}", answer.0);
    carrier.behave(|manners| manners.ping = Some("503 Service Unavailable"));
    until("the line is found dead", || switch.log().contains("gateway pinged")).await;
    let (_, answer) = calls(one, "05553", "correct horse").await;
    assert_eq!(answer.code(), 486, "{}", answer.0);
    assert!(backup.got("INVITE").iter().any(|invite| invite.0.starts_with("INVITE sip:5553@")));
}
