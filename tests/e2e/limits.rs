//! What is too much is refused at once: by `switch.conf`, and by address lists.

use std::time::Duration;

use super::gateways::{OFFER, offer};
use super::peer::Peer;
use super::registrar::profile;
use super::support::{Switch, context, until};

fn settings(params: &[(&str, &str)]) -> String {
    let params: Vec<String> =
        params.iter().map(|(name, value)| format!("<param name=\"{name}\" value=\"{value}\"/>")).collect();
    format!("<configuration name=\"switch.conf\">\n<settings>\n{}\n</settings>\n</configuration>\n", params.join("\n"))
}

fn plan() -> String {
    let stays: &[(&str, &str)] = &[("answer", ""), ("sleep", "30000")];
    let goes: &[(&str, &str)] = &[("respond", "486")];
    format!("<include>\n{}</include>\n", context("public", &[("^stays$", stays), ("^goes$", goes)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_calls_than_max_sessions() {
    let switch = Switch::start(&[
        ("autoload_configs/switch.conf.xml", &settings(&[("max-sessions", "1")])),
        ("dialplan/a.xml", &plan()),
    ]);
    let (sender, mut answered) = tokio::sync::mpsc::channel(8);
    let long = switch.call("stays", |plan| {
        plan.watch = Some(sender);
        plan.hang_up_after = Some(Duration::from_secs(2));
    });
    let others = async {
        while answered.recv().await.is_some_and(|response| response.status != 200) {}
        let refused = switch.call("goes", |_| ()).await;
        let last = refused.responses.last().expect("a response");
        let retry = last.message.header("Retry-After").map(ToOwned::to_owned);
        assert_eq!((last.status, last.phrase.as_str()), (503, "Maximum Calls In Progress"));
        assert!(retry.is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    };
    let (long, ()) = tokio::join!(long, others);
    assert_eq!(long.status, Some(200));
    // The place is free again.
    let mut peer = Peer::new(switch.address, "x", "elsewhere.test");
    let more = offer(&peer);
    until("there is room", || peer.ask("INVITE", "sip:goes@here.test", &more, OFFER).code() == 486).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_calls_than_sessions_per_second() {
    let switch = Switch::start(&[
        ("autoload_configs/switch.conf.xml", &settings(&[("sessions-per-second", "3")])),
        ("dialplan/a.xml", &plan()),
    ]);
    let mut peers: Vec<Peer> = (0..20).map(|_| Peer::new(switch.address, "x", "elsewhere.test")).collect();
    for peer in &mut peers {
        let more = offer(peer);
        peer.send("INVITE", "sip:goes@here.test", &more, OFFER);
    }
    let codes: Vec<u16> = peers.iter().map(|peer| peer.response().code()).collect();
    let (taken, refused) = (codes.iter().filter(|code| **code == 486), codes.iter().filter(|code| **code == 503));
    let (taken, refused) = (taken.count(), refused.count());
    // A second may end while they come.
    assert!((3..=6).contains(&taken) && taken + refused == 20, "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_lists_decide_who_may_call_and_register() {
    const ACL: &str = "<configuration name=\"acl.conf\">\n<network-lists>\n<list name=\"most\" default=\"allow\">\n\
        <node type=\"deny\" cidr=\"127.0.0.0/24\"/>\n<node type=\"allow\" host=\"127.0.0.7\" mask=\"255.255.255.255\"/>\n</list>\n\
        </network-lists>\n</configuration>\n";
    for (list, near, seven) in [
        ("most", 403, 486),
        ("loopback.auto", 486, 486),
        ("localnet.auto", 486, 486),
        ("nat.auto", 403, 403),
        ("rfc1918.auto", 403, 403),
        ("rfc6598.auto", 403, 403),
        ("wan.auto", 486, 486),
        ("any_v4.auto", 486, 486),
        ("any_v6.auto", 403, 403),
        ("127.0.0.7/32", 403, 486),
        ("nosuch", 403, 403),
    ] {
        let profile = profile(&[("apply-inbound-acl", list), ("apply-register-acl", list)], "");
        let switch = Switch::start(&[
            ("autoload_configs/acl.conf.xml", ACL),
            ("sip_profiles/a.xml", &profile),
            ("dialplan/a.xml", &plan()),
        ]);
        for (last, wanted) in [(1, near), (7, seven)] {
            let mut peer = Peer::at([127, 0, 0, last].into(), switch.address, "x", "elsewhere.test");
            let more = offer(&peer);
            let code = peer.ask("INVITE", "sip:goes@here.test", &more, OFFER).code();
            assert_eq!(code, wanted, "{list}, 127.0.0.{last}");
            let more = format!("Contact: {}\r\n", peer.contact());
            let code = peer.ask("REGISTER", "sip:x@elsewhere.test", &more, "").code();
            assert_eq!(code, if wanted == 403 { 403 } else { 200 }, "REGISTER, {list}, 127.0.0.{last}");
        }
    }
}
