//! New configurations for a running switch: by signal, by command, by watching files.

use std::process::{Command, Output};

use switch::edge::control::ask;
use switch::program::phone::CallReport;

use crate::support::{PATIENCE, Switch, context, until};

/// A dialplan that refuses the number `version` with a phrase of its own.
fn version(phrase: &str) -> String {
    context("public", &[("^version$", &[("respond", &format!("486 {phrase}"))])])
}

/// The phrase that is in force.
async fn phrase(switch: &Switch) -> Option<String> {
    let report: CallReport = switch.call("version", |_| ()).await;
    report.responses.last().map(|last| last.phrase.clone())
}

/// Calls until the phrase is in force.
async fn until_phrase(switch: &Switch, wanted: &str) {
    // Each call asks anew, so nothing has to be waited for in between.
    let changed = async { while phrase(switch).await.as_deref() != Some(wanted) {} };
    tokio::time::timeout(PATIENCE, changed).await.expect("the new dialplan is in force");
}

fn write(switch: &Switch, text: &str) {
    std::fs::write(switch.folder().join("dialplan/a.xml"), text).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_reload_keeps_the_running_dialplan() {
    let switch = Switch::start(&[("dialplan/a.xml", &version("One"))]);
    let reload = || {
        let status = Command::new("kill").args(["-HUP", &switch.pid().to_string()]).status();
        assert!(status.expect("a signal").success());
    };
    write(&switch, &version("Two").replace("</context>", "</kontext>"));
    reload();
    until("the log tells the mistake", || {
        let log = switch.log();
        log.contains("the present configuration stays in force") && log.contains("a.xml:")
    })
    .await;
    assert_eq!(phrase(&switch).await.as_deref(), Some("One"));
    write(&switch, &version("Three"));
    reload();
    until_phrase(&switch, "Three").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_reloads_and_tells_what_is_wrong() {
    let switch = Switch::start(&[("dialplan/a.xml", &version("One"))]);
    let reload = |data: &str| -> (Option<i32>, String) {
        let command = Command::new(env!("CARGO_BIN_EXE_switch"))
            .args(["reload", "--data", data])
            .current_dir(switch.folder())
            .output();
        let Output { status, stdout, stderr } = command.expect("the command runs");
        (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
    };
    write(&switch, &version("Two"));
    let (code, text) = reload("data");
    assert_eq!((code, text.as_str()), (Some(0), "+OK 1 contexts, 1 extensions, 0 users\n"));
    assert_eq!(phrase(&switch).await.as_deref(), Some("Two"), "in force when the command is done");
    write(&switch, &version("Three").replace("</context>", "</kontext>"));
    let (code, text) = reload("data");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with("-ERR the present configuration stays in force") && text.contains("a.xml:"), "{text}");
    assert_eq!(phrase(&switch).await.as_deref(), Some("Two"));
    assert_eq!(reload("nosuch").0, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_file_is_loaded_when_it_changes() {
    let switch = Switch::start_with(&["--watch"], &[("dialplan/a.xml", &version("One"))]);
    write(&switch, &version("Two"));
    until_phrase(&switch, "Two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_did_is_told_afterwards() {
    let switch = Switch::start_with(&["--stories", "2"], &[("dialplan/a.xml", &version("One"))]);
    let report = switch.call("version", |_| ()).await;
    let record = switch.record(&report.call_id).await;
    let explain = |arguments: &[&str]| {
        let command = Command::new(env!("CARGO_BIN_EXE_switch"))
            .args([&["explain", "--uuid"], arguments].concat())
            .current_dir(switch.folder())
            .output()
            .expect("the command runs");
        (command.status.code(), String::from_utf8_lossy(&command.stdout).into_owned())
    };
    for name in [record["uuid"].as_str().expect("a uuid"), &report.call_id] {
        let (code, text) = explain(&[name]);
        assert_eq!(code, Some(0), "{text}");
        for line in [
            "version called by",
            "matches ^version$",
            "1. respond 486 One",
            "a.xml:4",
            "ends with USER_BUSY; the caller gets 486 One",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let (_, text) = explain(&[name, "--json"]);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["actions"], serde_json::json!([["respond", "486 One"]]));
    }
    assert_eq!(explain(&["nosuch"]).0, Some(1));
    for _ in 0..2 {
        phrase(&switch).await;
    }
    assert_eq!(explain(&[&report.call_id]).0, Some(1), "only the last two are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_do_not_notice_reloads() {
    let switch = Switch::start(&[("dialplan/a.xml", &version("One"))]);
    let data = switch.folder().join("data");
    let reloads = async {
        for _ in 0..200 {
            let answer = ask(&data, "reload").await.expect("an answer");
            assert!(answer.starts_with("+OK"), "{answer}");
        }
    };
    let calls = async {
        for _ in 0..200 {
            assert_eq!(phrase(&switch).await.as_deref(), Some("One"));
        }
    };
    tokio::join!(reloads, calls);
}
