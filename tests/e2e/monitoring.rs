//! What the switch tells those who watch it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use switch::edge::monitoring::METRICS;

use super::peers::is_there;
use super::siptrace::api;
use super::support::{PATIENCE, Switch, context, until};

/// Status and body of a GET.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a deadline");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// Runs promtool with a text on its standard input: what it has to say, if anything. None: it is not installed.
fn promtool(arguments: &[&str], input: &str) -> Option<String> {
    if !is_there("promtool") {
        return None;
    }
    let mut tool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    tool.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    let output = tool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Some(if output.status.success() { String::new() } else { said })
}

fn start() -> Switch {
    let plan = context(
        "public",
        &[
            ("^1$", &[("answer", ""), ("hangup", "NORMAL_CLEARING")]),
            ("^2$", &[("hangup", "USER_BUSY")]),
            ("^3$", &[("lua", "broken.lua"), ("hangup", "CALL_REJECTED")]),
        ],
    );
    let files = [("dialplan/d.xml", &*plan), ("scripts/broken.lua", "error('no')")];
    Switch::start_with(&["--http", "127.0.0.1:0"], &files)
}

#[tokio::test]
async fn figures_of_calls() {
    let switch = start();
    let http = switch.http.expect("a listener");
    for (number, status) in [("1", 200), ("2", 486), ("2", 486), ("3", 603)] {
        assert_eq!(switch.call(number, |_| ()).await.status, Some(status));
    }
    let ended = "switch_legs_ended_total{direction=\"inbound\",cause=\"CALL_REJECTED\"} 1";
    until("the last call is counted", || get(http, "/metrics").1.contains(ended)).await;
    let (status, text) = get(http, "/metrics");
    assert_eq!(status, 200);
    for line in [
        "switch_legs_ended_total{direction=\"inbound\",cause=\"USER_BUSY\"} 2",
        "switch_extension_calls_total{extension=\"e\",context=\"public\"} 4",
        "switch_call_setup_seconds_count{direction=\"inbound\"} 1",
        "switch_hunt_seconds_count 4",
        "switch_scripts_total{status=\"error\"} 1",
        "switch_script_cpu_seconds_count 1",
        "switch_sessions_total 4",
        "switch_sessions 0",
        "switch_registrations 0",
        "switch_ready 1",
        "switch_record_output_up{output=\"jsonl\"} 1",
        "switch_queue_depth{queue=\"records_jsonl\"}",
        "switch_sip_transactions{side=\"server\"}",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(promtool(&["check", "metrics"], &text).unwrap_or_default(), "");
}

#[tokio::test]
async fn health_and_readiness() {
    let switch = start();
    let http = switch.http.expect("a listener");
    assert_eq!(get(http, "/health"), (200, "sip: ok\nmedia: ok\n".to_owned()));
    assert_eq!(get(http, "/ready"), (200, "ready\n".to_owned()));
    assert_eq!(get(http, "/nothing").0, 404);
    // A client that says nothing keeps nobody else out.
    let silent = TcpStream::connect(http).expect("a connection");
    assert_eq!(get(http, "/ready").0, 200);
    drop(silent);
    let pause = |word: &str| assert!(api(&switch, &format!("fsctl {word} inbound")).starts_with("+OK"));
    pause("pause");
    assert_eq!(get(http, "/ready"), (503, "paused\n".to_owned()));
    pause("resume");
    assert_eq!(get(http, "/ready").0, 200);
}

#[tokio::test]
async fn the_service_manager_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let hear = |word: &str| {
        let mut text = [0; 4096];
        for _ in 0..1_000 {
            let size = socket.recv(&mut text).expect("something is told");
            if String::from_utf8_lossy(&text[..size]).lines().any(|line| line == word) {
                return;
            }
        }
        panic!("{word} is not told");
    };
    let path = path.to_str().expect("a path");
    let environment = [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "200000")];
    let switch = Switch::start_in(&environment, &[], &[("dialplan/d.xml", &context("public", &[]))]);
    for word in ["READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
        hear(word);
    }
    Command::new("kill").args(["-HUP", &switch.pid().to_string()]).status().expect("a signal");
    for word in ["RELOADING=1", "READY=1", "WATCHDOG=1"] {
        hear(word);
    }
    assert_eq!(switch.interrupt().await, Some(0));
    hear("STOPPING=1");
}

/// Every metric that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names = parts.filter(|part| part.starts_with("switch_") && part.len() > "switch_".len());
    let plain = |name: &str| {
        let ending = ["_bucket", "_count", "_sum"].iter().find_map(|ending| name.strip_suffix(ending));
        ending.filter(|name| METRICS.contains(name)).unwrap_or(name).to_owned()
    };
    names.map(plain).collect()
}

fn contrib(name: &str) -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/").to_owned() + name).expect("a file")
}

/// Nothing shows what does not exist, and everything that exists is described.
#[test]
fn dashboard_rules_and_documentation_name_what_there_is() {
    let known: BTreeSet<String> = METRICS.iter().map(|name| (*name).to_owned()).collect();
    let dashboard: serde_json::Value = serde_json::from_str(&contrib("grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let texts = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let texts: Vec<&str> = texts.map(|target| target["expr"].as_str().expect("an expression")).collect();
    assert!(texts.len() >= 20 && texts.iter().all(|text| !named(text).is_empty()), "{texts:?}");
    let rules = contrib("prometheus-alerts.yml");
    for name in named(&texts.join("\n")).union(&named(&rules)) {
        assert!(known.contains(name), "{name} does not exist");
    }
    let documentation = include_str!("../../docs/monitoring.md");
    let missing: Vec<&String> = known.iter().filter(|name| !documentation.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "docs/monitoring.md says nothing of {missing:?}");
    // Expressions are PromQL: as rules the tool reads them.
    let mut text = "groups: [{name: panels, rules: [".to_owned();
    for (at, expression) in texts.iter().enumerate() {
        let expression = expression.replace("$instance", ".*");
        let _ = write!(text, "{{record: 'panel:{at}', expr: '{}'}},", expression.replace('\'', "''"));
    }
    text.push_str("]}]\n");
    for rules in [rules, text] {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), rules).expect("it is written");
        let path = file.path().to_str().expect("a path");
        assert_eq!(promtool(&["check", "rules", path], "").unwrap_or_default(), "");
    }
}

#[test]
fn the_example_unit_is_whole() {
    let unit = contrib("switch.service");
    for line in ["Type=notify", "WatchdogSec=", "ExecReload=/bin/kill -HUP $MAINPID", "[Install]"] {
        assert!(unit.lines().any(|found| found.starts_with(line)), "{line}");
    }
    let command =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/switch ")).expect("a command");
    let help = Command::new(env!("CARGO_BIN_EXE_switch")).arg("--help").output().expect("it runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for option in command.split_whitespace().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{option}");
    }
}

#[tokio::test]
async fn nothing_listens_unless_it_is_asked_for() {
    let switch = Switch::start(&[("dialplan/d.xml", &context("public", &[]))]);
    assert_eq!(switch.http, None);
}
