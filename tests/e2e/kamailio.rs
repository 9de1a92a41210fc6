//! Kamailio before the switch: as outbound proxy of a gateway, and as dispatcher before two switches that share nothing.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use switch::program::phone::{CallReport, tone_share};

use super::gateways::{Carrier, POLITE};
use super::peers::{free_port, is_there};
use super::registrar::profile;
use super::support::{LOOPBACK, Switch, context, until};

const CONFIG: &str = r#"#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:PORT
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "dispatcher.so"
modparam("tm", "fr_timer", 500)
modparam("dispatcher", "flags", 2)
modparam("dispatcher", "list_file", "FOLDER/dispatcher.list")
request_route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) { t_relay(); }
        exit;
    }
    if (has_totag()) {
        if (loose_route()) {
            t_relay();
        } else if (is_method("ACK")) {
            if (t_check_trans()) { t_relay(); }
        } else {
            sl_send_reply("404", "Not Here");
        }
        exit;
    }
    t_check_trans();
    if (is_method("INVITE")) { record_route(); }
    if (uri == myself) {
        if (!ds_select_dst("1", "4")) {
            sl_send_reply("503", "No Switch");
            exit;
        }
        t_on_failure("NEXT");
    }
    t_relay();
}
failure_route[NEXT] {
    if (t_is_canceled()) { exit; }
    if (t_check_status("503|408") && ds_next_dst()) {
        t_on_failure("NEXT");
        t_relay();
    }
}
"#;

/// A running Kamailio; ended when dropped.
struct Kamailio {
    process: Child,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Kamailio {
    async fn start(switches: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let port = free_port();
        let list: String = switches.iter().map(|switch| format!("1 sip:{switch}\n")).collect::<Vec<_>>().concat();
        let config = CONFIG.replace("PORT", &port.to_string()).replace("FOLDER", &path.display().to_string());
        for (name, text) in [("kamailio.cfg", config), ("dispatcher.list", list)] {
            std::fs::write(path.join(name), text).expect("a file");
        }
        let log = std::fs::File::create(path.join("log")).expect("a file");
        let process = Command::new("kamailio")
            .arg("-f")
            .arg(path.join("kamailio.cfg"))
            .arg("-P")
            .arg(path.join("pid"))
            .arg("-Y")
            .arg(path)
            .args(["-DD", "-E", "-m", "16", "-M", "4"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("kamailio starts");
        let address = SocketAddr::new(LOOPBACK, port);
        let kamailio = Self { process, folder, address };
        let asked = std::net::UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
        asked.set_read_timeout(Some(std::time::Duration::from_millis(100))).expect("a setting");
        until("kamailio answers", || {
            let own = asked.local_addr().expect("an address");
            let text = format!(
                "OPTIONS sip:x@{own} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKx\r\nMax-Forwards: 0\r\n\
                 From: <sip:x@{own}>;tag=1\r\nTo: <sip:x@{own}>\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = asked.send_to(text.as_bytes(), address);
            asked.recv(&mut [0; 2048]).is_ok()
        })
        .await;
        kamailio
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // It ends its children itself, when it is asked to.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

fn last(report: &CallReport) -> String {
    report.responses.last().map(|last| format!("{} {}", last.status, last.phrase)).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_spread_over_two_switches_and_survive_the_end_of_one() {
    if !is_there("kamailio") {
        return;
    }
    let start = |name: &str| {
        let busy = format!("486 {name}");
        let who: &[(&str, &str)] = &[("respond", &busy)];
        let talk: &[(&str, &str)] = &[("answer", ""), ("playback", "tone_stream://%(1000,0,700)"), ("hangup", "")];
        let plan = format!("<include>\n{}</include>\n", context("public", &[("^who$", who), ("^talk$", talk)]));
        Switch::start(&[("dialplan/a.xml", &plan)])
    };
    let (one, two) = (start("One"), start("Two"));
    let kamailio = Kamailio::start(&[one.address, two.address]).await;
    let to = |number: &str| format!("sip:{number}@{}", kamailio.address);
    let ask = async |number: &str| {
        let to = to(number);
        one.call(number, |plan| plan.to = to).await
    };
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(last(&ask("who").await));
    }
    let count = |name: &str| answers.iter().filter(|answer| **answer == format!("486 {name}")).count();
    assert_eq!((count("One"), count("Two")), (3, 3), "{answers:?}");
    // A whole call by way of the proxy: answer, audio, BYE from the switch.
    let report = ask("talk").await;
    assert_eq!(report.status, Some(200), "{report:?}");
    assert!(
        tone_share(&report.heard.samples, 700.0) > 0.9
            && report.requests.iter().any(|request| request.method() == Some("BYE"))
    );
    // One is gone: nobody notices.
    assert_eq!(two.interrupt().await, Some(0));
    for _ in 0..4 {
        assert_eq!(last(&ask("who").await), "486 One");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_behind_an_outbound_proxy() {
    if !is_there("kamailio") {
        return;
    }
    let kamailio = Kamailio::start(&[]).await;
    let carrier = Carrier::new(POLITE);
    let gateway = format!(
        "<gateway name=\"line\">\n<param name=\"username\" value=\"trunk\"/>\n<param name=\"password\" value=\"secret\"/>\n\
         <param name=\"realm\" value=\"carrier.test\"/>\n<param name=\"proxy\" value=\"{}\"/>\n\
         <param name=\"outbound-proxy\" value=\"{}\"/>\n</gateway>\n",
        carrier.address, kamailio.address
    );
    let out: &[(&str, &str)] = &[("bridge", "sofia/gateway/line/$1")];
    let plan = format!("<include>\n{}</include>\n", context("public", &[("^(5\\d+)$", out)]));
    let switch = Switch::start(&[("sip_profiles/a.xml", &profile(&[], &gateway)), ("dialplan/a.xml", &plan)]);
    until("it registers", || carrier.got("REGISTER").len() >= 2).await;
    let mut report = switch.call("5551", |_| ()).await;
    while report.status == Some(503) {
        report = switch.call("5551", |_| ()).await;
    }
    assert_eq!(report.status, Some(486));
    for request in carrier.got("REGISTER").iter().chain(&carrier.got("INVITE")) {
        let vias = request.all("Via");
        let first = vias.first().copied().unwrap_or_default();
        assert!(vias.len() == 2 && first.contains(&kamailio.address.to_string()), "{}", request.0);
    }
    let invites = carrier.got("INVITE");
    assert!(invites.iter().all(|invite| invite.header("Record-Route").contains(&kamailio.address.to_string())));
}
