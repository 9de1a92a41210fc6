//! New settings of SIP profiles and gateways for a running switch: `sofia profile <name> rescan`, `switch reload`.

use std::fmt::Write as _;

use switch::edge::control::ask;

use super::gateways::{Carrier, POLITE};
use super::peer::Message;
use super::registrar::profile;
use super::siptrace::api;
use super::support::{Switch, context, until};

const DONE: &str = "Reload XML [Success]\n+OK scan complete\n";

fn plan() -> String {
    let out: &[(&str, &str)] = &[
        ("set", "continue_on_fail=true"),
        ("bridge", "sofia/gateway/line/$1"),
        ("respond", "500 ${originate_disposition}"),
    ];
    let public: &[(&str, &[(&str, &str)])] = &[("^(5\\d+)$", out), ("^where$", &[("respond", "486 public")])];
    let plans = [context("public", public), context("inside", &[("^where$", &[("respond", "486 inside")])])];
    format!("<include>\n{}</include>\n", plans.concat())
}

fn gateway(carrier: &Carrier, params: &[(&str, &str)]) -> String {
    let mut text = String::from("<gateway name=\"line\">\n");
    let proxy = carrier.address.to_string();
    let always = [("username", "trunk"), ("realm", "carrier.test"), ("proxy", &*proxy)];
    for (name, value) in always.iter().chain(params) {
        let _ = writeln!(text, "<param name=\"{name}\" value=\"{value}\"/>");
    }
    text + "</gateway>\n"
}

fn start(text: &str) -> Switch {
    Switch::start(&[("sip_profiles/a.xml", text), ("dialplan/a.xml", &plan())])
}

fn write(switch: &Switch, text: &str) {
    std::fs::write(switch.folder().join("sip_profiles/a.xml"), text).expect("a file");
}

fn rescan(switch: &Switch) -> String {
    api(switch, "sofia profile internal rescan")
}

async fn answer(switch: &Switch, number: &str) -> String {
    switch.call(number, |_| ()).await.responses.last().expect("a response").phrase.clone()
}

/// Waits for the gateway to be registered.
async fn registered(switch: &Switch) {
    until("it is registered", || api(switch, "sofia status gateway line").contains("\tREGED")).await;
}

fn call_ids(registers: &[Message]) -> Vec<&str> {
    let mut ids: Vec<&str> = registers.iter().map(|request| request.header("Call-ID")).collect();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_come_change_and_go() {
    let carrier = Carrier::new(POLITE);
    let switch = start(&profile(&[], ""));
    assert_eq!(answer(&switch, "5551").await, "INVALID_GATEWAY");
    write(&switch, &profile(&[], &gateway(&carrier, &[("password", "secret")])));
    assert_eq!(api(&switch, "reloadxml"), "+OK [Success]\n");
    assert_eq!(answer(&switch, "5551").await, "INVALID_GATEWAY", "as in FreeSWITCH profiles do not notice");
    assert_eq!(rescan(&switch), DONE);
    registered(&switch).await;
    assert_eq!(answer(&switch, "5551").await, "USER_BUSY");

    // What does not concern the registration leaves it alone.
    let before = carrier.got("REGISTER").len();
    write(&switch, &profile(&[], &gateway(&carrier, &[("password", "secret"), ("destination-prefix", "00")])));
    assert_eq!(rescan(&switch), DONE);
    assert_eq!(answer(&switch, "5551").await, "USER_BUSY");
    let last = carrier.got("INVITE").pop().expect("a call");
    assert!(last.0.starts_with("INVITE sip:005551@"), "{}", last.0);
    assert_eq!(carrier.got("REGISTER").len(), before);

    // Another password registers anew, as the same dialog of REGISTERs, while calls still pass.
    carrier.behave(|manners| *manners = manners.with_password("other"));
    write(&switch, &profile(&[], &gateway(&carrier, &[("password", "other")])));
    assert_eq!(rescan(&switch), DONE);
    until("it registers anew", || carrier.got("REGISTER").len() > before).await;
    registered(&switch).await;
    assert_eq!(answer(&switch, "5551").await, "USER_BUSY");
    let registers = carrier.got("REGISTER");
    assert_eq!(call_ids(&registers).len(), 1, "{registers:?}");
    assert!(registers.iter().all(|request| request.header("Expires") != "0"));

    write(&switch, &profile(&[], ""));
    assert_eq!(rescan(&switch), DONE);
    assert_eq!(answer(&switch, "5551").await, "INVALID_GATEWAY");
    until("the registration is taken back", || {
        let last = carrier.got("REGISTER").pop();
        last.is_some_and(|last| last.header("Expires") == "0" && !last.all("Authorization").is_empty())
    })
    .await;
    assert_eq!(api(&switch, "sofia status gateway line"), "Invalid Gateway!\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_ends_the_old_registration() {
    let carrier = Carrier::new(POLITE);
    let switch = start(&profile(&[], &gateway(&carrier, &[("password", "secret")])));
    registered(&switch).await;
    let text = gateway(&carrier, &[("password", "secret")]).replace("trunk", "other");
    write(&switch, &profile(&[], &text));
    assert_eq!(rescan(&switch), DONE);
    until("both are told", || {
        let all = carrier.got("REGISTER");
        let told = |user: &str, ends: bool| {
            let is =
                |request: &Message| request.header("From").contains(user) && (request.header("Expires") == "0") == ends;
            all.iter().any(is)
        };
        told("sip:trunk@", true) && told("sip:other@", false)
    })
    .await;
    registered(&switch).await;
    assert_eq!(answer(&switch, "5551").await, "USER_BUSY");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_count_for_new_calls() {
    let switch = start(&profile(&[], ""));
    assert_eq!(answer(&switch, "where").await, "public");
    write(&switch, &profile(&[("context", "inside"), ("user-agent-string", "other")], ""));
    assert_eq!(rescan(&switch), DONE);
    assert_eq!(answer(&switch, "where").await, "inside");
    let shown = api(&switch, "sofia status profile internal");
    assert!(shown.lines().any(|line| line.starts_with("Context") && line.ends_with("inside")), "{shown}");

    // A broken file changes nothing.
    write(&switch, &profile(&[("context", "public")], "").replace("</settings>", "</sittings>"));
    let told = rescan(&switch);
    assert!(told.starts_with("Reload XML [near line ") && told.ends_with("]\n-ERR\n"), "{told}");
    assert_eq!(answer(&switch, "where").await, "inside");

    // The switch's own command is for all profiles.
    write(&switch, &profile(&[("context", "public")], ""));
    let told = ask(&switch.folder().join("data"), "reload").await.expect("an answer");
    assert!(told.starts_with("+OK 2 contexts") && told.lines().count() == 1, "{told}");
    assert_eq!(answer(&switch, "where").await, "public");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_told() {
    let switch = start(&profile(&[], ""));
    write(&switch, &profile(&[("ext-sip-ip", "192.0.2.1"), ("context", "inside")], ""));
    let left = "profile internal: another ext-sip-ip counts from the next start of the switch\n";
    assert_eq!(rescan(&switch), format!("{DONE}{left}"));
    assert_eq!(answer(&switch, "where").await, "inside", "the rest counts");
    assert_eq!(api(&switch, "sofia profile internal restart"), format!("Reload XML [Success]\n-ERR {left}"));
    let named = profile(&[], "").replace("name=\"internal\"", "name=\"second\"");
    write(&switch, &named);
    let told = ask(&switch.folder().join("data"), "reload").await.expect("an answer");
    assert!(told.contains("profile internal is not in the configuration any more"), "{told}");
    assert!(told.contains("profile second is new"), "{told}");
    write(&switch, &profile(&[], ""));
    assert_eq!(api(&switch, "sofia profile internal restart"), "Reload XML [Success]\nrestarting: internal\n");
    assert_eq!(answer(&switch, "where").await, "public");
    assert_eq!(api(&switch, "sofia profile internal start"), "-ERR profile internal runs already\n");
    assert_eq!(api(&switch, "sofia profile nosuch rescan"), "Invalid Profile [nosuch]");
}
