//! sipsak asks, registers with digest, and floods.

use std::process::Command;

use super::peers::is_there;
use super::registrar::{plan, profile, users};
use super::support::{Switch, until};

/// Runs it against the switch; exit status and output.
async fn sipsak(switch: &Switch, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("timeout");
    command.args(["6", "sipsak", "-H", "127.0.0.1", "-p", &switch.address.to_string()]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it runs").expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn sipsak_asks_registers_and_floods() {
    if !is_there("sipsak") {
        return;
    }
    let profile = profile(&[("ban-requests-per-second", "0")], "");
    let files = [("sip_profiles/a.xml", &*profile), ("directory/a.xml", &users("")), ("dialplan/a.xml", &plan())];
    let switch = Switch::start(&files);
    let (code, output) = sipsak(&switch, &["-vvv", "-s", "sip:x@example.test"]).await;
    assert!(code == Some(0) && output.contains("SIP/2.0 200 OK"), "{code:?} {output}");
    let register = [
        "-U",
        "-C",
        "sip:1000@127.0.0.1:9",
        "-x",
        "60",
        "-vvv",
        "-u",
        "1000",
        "-s",
        "sip:1000@example.test",
        "-a",
        "pw1000",
    ];
    let (code, output) = sipsak(&switch, &register).await;
    assert!(code == Some(0) && output.contains("SIP/2.0 200 OK"), "{code:?} {output}");
    let shown = switch.call("at-1000", |_| ()).await.responses.last().expect("a response").phrase.clone();
    assert!(shown.contains("1000@127.0.0.1:9"), "{shown}");
    // Ten thousand at once: the switch lives and serves.
    let descriptors = switch.descriptors();
    let (_, output) = sipsak(&switch, &["-F", "-e", "10000", "-s", "sip:x@example.test"]).await;
    assert!(!output.contains("error"), "{output}");
    assert_eq!(switch.call("1002", |_| ()).await.status, Some(480), "{}", switch.log());
    until("nothing is left over", || switch.descriptors() <= descriptors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sipsak_is_shut_out() {
    if !is_there("sipsak") {
        return;
    }
    let profile = profile(&[("ban-exempt", "192.0.2.0/24")], "");
    let switch = Switch::start(&[("sip_profiles/a.xml", &profile)]);
    sipsak(&switch, &["-F", "-e", "1000", "-s", "sip:x@example.test"]).await;
    until("it is shut out", || switch.log().contains("source banned")).await;
    assert_eq!(switch.log().matches("source banned").count(), 1);
    let (code, output) = sipsak(&switch, &["-vvv", "-s", "sip:x@example.test"]).await;
    assert!(code != Some(0) && !output.contains("SIP/2.0 200"), "{code:?} {output}");
}
