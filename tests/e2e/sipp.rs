//! Awkward calls played by SIPp, over UDP and TCP. `sipp/cases.txt` is the table, `sipp/<name>.xml` what SIPp says and hears.
//!
//! `caller`: SIPp calls the switch. `called`: the phone of the switch calls, and SIPp is where `{far}` leads. Without SIPp
//! the test says so and passes; in CI (`CI=1`) that is a failure.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::peers::is_there;
use super::support::{Switch, context, free_ports, listening};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/sipp");
/// Calls at once.
const TOGETHER: usize = 16;
/// Time for the whole group.
const LIMIT: Duration = Duration::from_mins(1);

/// One row over one transport.
struct Case {
    name: &'static str,
    transport: &'static str,
    called: bool,
    /// What the caller gets.
    status: u16,
    actions: Vec<(&'static str, String)>,
    /// Port of SIPp.
    port: u16,
}

impl Case {
    fn number(&self) -> String {
        format!("{}-{}", self.name, self.transport)
    }
}

fn cases() -> Vec<Case> {
    let table: &'static str = include_str!("sipp/cases.txt");
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let (mut cases, mut ports) = (Vec::new(), free_ports(2 * table.lines().count()).into_iter());
    for row in rows {
        let cells: Vec<&str> = row.splitn(5, '|').map(str::trim).collect();
        let [name, side, transports, status, plan] = cells[..] else { panic!("{row}") };
        for transport in transports.split_whitespace() {
            let port = ports.next().expect("a port");
            // Another address than the switch's: a redirect to it leads out.
            let far = format!("sofia/internal/sip:b@127.0.0.2:{port};transport={transport}");
            let action = |action: &'static str| {
                let (application, data) = action.trim().split_once(' ').unwrap_or((action.trim(), ""));
                (application, data.replace("{far}", &far))
            };
            let actions = plan.split(';').map(action).collect();
            let called = side == "called";
            cases.push(Case { name, transport, called, status: status.parse().unwrap_or(0), actions, port });
        }
    }
    cases
}

/// Plays one case; the error says what was wrong.
async fn play(case: &Case, switch: &Switch, folder: &Path) -> Result<(), String> {
    let number = case.number();
    let log = folder.join(format!("{number}.log"));
    let out = std::fs::File::create(&log).map_err(|error| error.to_string())?;
    let mut command = Command::new("sipp");
    command
        .args(["-sf", &format!("{FOLDER}/{}.xml", case.name), "-m", "1", "-nostdin", "-skip_rlimit"])
        .args(["-timeout", "15s", "-timeout_error", "-p", &case.port.to_string()])
        .args(["-t", if case.transport == "tcp" { "t1" } else { "u1" }])
        .args(["-trace_err", "-error_file", &folder.join(format!("{number}.err")).to_string_lossy()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(out.try_clone().map_err(|error| error.to_string())?)
        .stderr(out);
    if case.called {
        command.args(["-i", "127.0.0.2"]);
    } else {
        command.args(["-i", "127.0.0.1", "-s", &number, &switch.address.to_string()]);
    }
    let mut process = command.spawn().map_err(|error| error.to_string())?;
    let ended = tokio::task::spawn_blocking(move || process.wait());
    let mut heard = 0;
    if case.called {
        listening(case.transport, [127, 0, 0, 2], case.port).await;
        heard = switch.call(&number, |_| ()).await.status.unwrap_or(0);
    }
    let status = ended.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let said = std::fs::read_to_string(folder.join(format!("{number}.err"))).unwrap_or_default();
    if !status.success() {
        return Err(format!("SIPp: {:?}\n{said}", status.code()));
    }
    if case.called && heard != case.status {
        return Err(format!("the caller got {heard}, not {}\n{said}", case.status));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn awkward_calls() {
    if !is_there("sipp") {
        return;
    }
    let only = std::env::var("SIPP_CASE").unwrap_or_default();
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.number().starts_with(&only)).collect();
    fn actions(case: &Case) -> Vec<(&str, &str)> {
        case.actions.iter().map(|(name, data)| (*name, data.as_str())).collect()
    }
    let rows: Vec<(String, Vec<(&str, &str)>)> =
        cases.iter().map(|case| (format!("^{}$", case.number()), actions(case))).collect();
    let rows: Vec<(&str, &[(&str, &str)])> = rows.iter().map(|(number, actions)| (&**number, &**actions)).collect();
    let plan = format!("<include>\n{}</include>\n", context("public", &rows));
    let switch = Arc::new(Switch::start(&[("dialplan/a.xml", &plan)]));
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let (room, count) = (Arc::new(Semaphore::new(TOGETHER)), cases.len());
    let begun = tokio::time::Instant::now();
    let mut running = JoinSet::new();
    for case in cases {
        let (switch, folder, room) = (Arc::clone(&switch), Arc::clone(&folder), Arc::clone(&room));
        running.spawn(async move {
            let _place = room.acquire_owned().await;
            let begun = tokio::time::Instant::now();
            let result = play(&case, &switch, folder.path()).await;
            (case.number(), begun.elapsed(), result)
        });
    }
    let (mut report, mut slowest) = (String::new(), (Duration::ZERO, String::new()));
    while let Some(done) = running.join_next().await {
        let (number, took, result) = done.expect("a task");
        if let Err(why) = result {
            let _ = writeln!(report, "{number}: {why}");
        }
        slowest = slowest.max((took, number));
    }
    assert!(report.is_empty(), "{report}{}", switch.log());
    assert!(begun.elapsed() < LIMIT, "{count} calls took {:?}", begun.elapsed());
    eprintln!("{count} calls in {:?}, the slowest {slowest:?}", begun.elapsed());
}
