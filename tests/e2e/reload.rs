//! New configurations for a running switch: by signal, by command, by watching files.

use std::fmt::Write as _;
use std::process::{Command, Output};
use std::time::Duration;

use switch::edge::control::ask;
use switch::program::phone::{CallPlan, CallReport, Phone};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until};

use crate::support::{LOOPBACK, PATIENCE, Switch, context, until};

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

/// Two files and a global of one generation. A call that is routed by one generation alone is told its number three times,
/// although it is transferred on the way.
fn generation(number: usize) -> (String, String) {
    let hint = format!("<X-PRE-PROCESS cmd=\"set\" data=\"generation={number}\"/>\n");
    let mut first = format!("<include>\n{hint}<context name=\"public\">\n");
    // Something to read, so that a reload takes its time.
    for at in 0..500 {
        let _ = writeln!(
            first,
            "<extension name=\"filler {at}\"><condition field=\"destination_number\" expression=\"^8{at:05}(\\d*)$\">\
             <action application=\"log\" data=\"INFO {number} $1\"/></condition></extension>"
        );
    }
    first.push_str(
        "<extension name=\"in\"><condition field=\"destination_number\" expression=\"^in$\">\n\
         <action application=\"set\" data=\"first=NUMBER\"/><action application=\"transfer\" data=\"out XML second\"/>\n\
         </condition></extension>\n</context>\n</include>\n",
    );
    let second = "<include>\n<context name=\"second\">\n<extension name=\"out\">\n\
                  <condition field=\"destination_number\" expression=\"^out$\">\n\
                  <action application=\"respond\" data=\"486 ${first} NUMBER $${generation}\"/>\n\
                  </condition></extension>\n</context>\n</include>\n";
    let number = number.to_string();
    (first.replace("NUMBER", &number), second.replace("NUMBER", &number))
}

/// `RELOADS=1000 SWITCH_BINARY=target/release/switch cargo test --test e2e -- --ignored reloads_under_load --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute; RELOADS says how many"]
async fn reloads_under_load() {
    const EACH: Duration = Duration::from_millis(25);
    const AT_ONCE: usize = 200;
    // After 40 s the switch holds what it will hold: transactions stay for 32 s.
    const SETTLED: u64 = 8000;
    const BETWEEN_CALLS: Duration = Duration::from_millis(5);
    let reloads = std::env::var("RELOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000_usize);
    let (first, second) = generation(0);
    let switch = Switch::start(&[("dialplan/a.xml", &first), ("dialplan/b.xml", &second)]);
    let (data, folder, proxy) = (switch.folder().join("data"), switch.folder().join("dialplan"), switch.address);
    let reloading = tokio::spawn(async move {
        let (mut pace, mut slowest) = (interval(EACH), Duration::ZERO);
        for number in 1..=reloads {
            pace.tick().await;
            let (first, second) = generation(number);
            for (name, text) in [("a.xml", first), ("b.xml", second)] {
                std::fs::write(folder.join(name), text).expect("a file");
            }
            let begun = Instant::now();
            let answer = ask(&data, "reload").await.expect("an answer");
            slowest = slowest.max(begun.elapsed());
            assert!(answer.starts_with("+OK 2 contexts, 502 extensions, 0 users\n"), "{answer}");
        }
        slowest
    });
    let (begun, mut next) = (Instant::now(), Instant::now());
    let (mut calls, mut count, mut early) = (JoinSet::new(), 0_u64, None);
    let (mut generations, mut wrong) = (std::collections::BTreeSet::new(), Vec::new());
    let mut judge = |report: CallReport| {
        let last = report.responses.last().map(|last| (last.status, last.phrase.clone()));
        let told: Vec<&str> = last.as_ref().map(|(_, phrase)| phrase.split(' ').collect()).unwrap_or_default();
        match told.as_slice() {
            [first, second, third] if first == second && second == third => {
                generations.insert((*first).to_owned());
            }
            _ => wrong.push(last),
        }
    };
    while !reloading.is_finished() {
        let mut plan = CallPlan::to("sip:in@127.0.0.1");
        plan.proxy = Some(proxy);
        calls.spawn(async move { Phone::bind(LOOPBACK).call(plan).await });
        count += 1;
        next += BETWEEN_CALLS;
        sleep_until(next).await;
        while let Some(report) = calls.try_join_next() {
            judge(report.expect("a call").expect("a report"));
        }
        // Each call has sockets of its own: a machine that does not keep up gets fewer calls, and the rate tells.
        if calls.len() >= AT_ONCE
            && let Some(report) = calls.join_next().await
        {
            judge(report.expect("a call").expect("a report"));
            next = Instant::now();
        }
        if count == SETTLED {
            early = Some(switch.memory());
        }
    }
    let took = begun.elapsed();
    while let Some(report) = calls.join_next().await {
        judge(report.expect("a call").expect("a report"));
    }
    let slowest = reloading.await.expect("all reloads");
    let (early, late) = (early.unwrap_or_else(|| switch.memory()), switch.memory());
    let rate = count * 1000 / u64::try_from(took.as_millis()).expect("not so long").max(1);
    eprintln!(
        "{reloads} reloads, the slowest {slowest:?}; {count} calls at {rate}/s by {} generations, {} wrong; {early} KiB, then {late}",
        generations.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{:?}\n{}", wrong.iter().take(5).collect::<Vec<_>>(), switch.log());
    assert!(generations.len() * 3 > reloads, "the calls saw only {} generations", generations.len());
    assert!(late <= early + early / 10 + 8 * 1024, "{early} KiB, then {late}");
}
