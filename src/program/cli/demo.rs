//! `switch demo`: starts a switch with the shipped dialplan, scripts and prompts on loopback ports that the system
//! chooses, calls through it with the scripted phone, plays the far ends, and prints what happened to each call.
//!
//! Exit status: 0 everything happened as it should; 1 something did not; 2 the demo could not start.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::call::response_line;
use crate::program::phone::{
    CallPlan, CallReport, FarEnd, FarReport, FarScript, Phone, Prompts, Sound, tone_share, write_wav,
};
use crate::program::server::{Clients, Server, ServerConfig};

/// Arguments of `switch demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Folder that holds dialplan/, directory/, scripts/ and sounds/
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the recordings go; by default a folder of the system's for temporary files
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Log level: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "off")]
    log: String,
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longest time for one call.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the answering far end says.
const TONE_HZ: f64 = 440.0;
/// Seconds the outside line may ring.
const RING_S: &str = "2";

/// One call and what must come of it.
struct Case {
    title: &'static str,
    number: &'static str,
    /// Who is called behind the prefix.
    user: &'static str,
    far: fn() -> FarScript,
    disposition: &'static str,
    /// Prompt; none: the far end's tone.
    prompt: Option<&'static str>,
    status: u16,
}

fn answers() -> FarScript {
    FarScript::answer_then_bye(Duration::from_millis(300), Sound::tone(TONE_HZ), Duration::from_millis(1500))
}

fn busy() -> FarScript {
    FarScript::ring_then_refuse(Duration::from_millis(200), 486)
}

macro_rules! cases {
    ($($title:literal $number:literal $user:literal $far:expr => $disposition:ident $prompt:expr, $status:literal;)*) => {
        &[$(Case {
            title: $title, number: $number, user: $user, far: $far,
            disposition: stringify!($disposition), prompt: $prompt, status: $status,
        }),*]
    };
}

const CASES: &[Case] = cases! {
    "Answered" "815550200" "5550200" answers => SUCCESS None, 200;
    "Busy, Lua handler" "815550486" "5550486" busy => USER_BUSY Some("ivr/ivr-user_busy.wav"), 486;
    "Busy, transfer_on_fail" "835550487" "5550487" busy => USER_BUSY Some("ivr/ivr-user_busy.wav"), 486;
    "Unknown number, Lua handler" "815550404" "5550404" || FarScript::refuse(404)
        => UNALLOCATED_NUMBER Some("ivr/ivr-unallocated_number.wav"), 404;
    "Unknown number, transfer_on_fail" "835550405" "5550405" || FarScript::refuse(404)
        => UNALLOCATED_NUMBER Some("NotInService.wav"), 404;
    "No answer, Lua handler" "815550408" "5550408" FarScript::ring => NO_ANSWER Some("ivr/ivr-no_answer.wav"), 480;
    "No answer, transfer_on_fail" "835550409" "5550409" FarScript::ring
        => NO_ANSWER Some("ivr/ivr-no_user_response.wav"), 480;
    "Declined, Lua handler" "815550603" "5550603" || FarScript::refuse(603)
        => CALL_REJECTED Some("ivr/ivr-call_rejected.wav"), 603;
    "Declined, transfer_on_fail" "835550604" "5550604" || FarScript::refuse(603)
        => CALL_REJECTED Some("ivr/ivr-call_rejected.wav"), 603;
    "Unavailable, Lua handler" "815550480" "5550480" || FarScript::refuse(480)
        => NO_USER_RESPONSE Some("ivr/ivr-no_user_response.wav"), 480;
    "Server trouble, Lua handler" "815550503" "5550503" || FarScript::refuse(503)
        => NORMAL_TEMPORARY_FAILURE Some("ivr/ivr-temporary_failure.wav"), 503;
    "Server trouble, transfer_on_fail" "835550504" "5550504" || FarScript::refuse(503)
        => NORMAL_TEMPORARY_FAILURE Some("ivr/ivr-temporary_failure.wav"), 503;
    "Busy, the first document's Lua example" "845550600" "5550600" busy
        => USER_BUSY Some("ivr/ivr-user_busy.wav"), 486;
    "Unknown number, the first document's transfer example" "855550601" "5550601" || FarScript::refuse(404)
        => UNALLOCATED_NUMBER Some("NotInService.wav"), 404;
};

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("no folder of ports is free")]
    Ports,
    #[error(transparent)]
    Start(#[from] crate::program::server::StartError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the switch does not listen on UDP")]
    NoListener,
}

/// What one call came to.
struct Outcome {
    report: Result<CallReport, String>,
    far: Option<FarReport>,
}

/// Runs the command.
pub fn run(args: &DemoArgs) -> ExitCode {
    let _guard = if args.log == "off" { None } else { super::run::log(&args.log, false).ok() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(DemoError::from).and_then(|runtime| runtime.block_on(demo(args)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "switch demo: {error}");
            ExitCode::from(2)
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

async fn demo(args: &DemoArgs) -> Result<bool, DemoError> {
    let out = args.out.clone().unwrap_or_else(|| std::env::temp_dir().join("switch-demo"));
    std::fs::create_dir_all(&out)?;
    let records = out.join("cdr.jsonl");
    if records.exists() {
        std::fs::remove_file(&records)?;
    }
    let config = ServerConfig {
        clients: Clients::Nobody,
        sip: vec![SocketAddr::new(LOOPBACK, 0)],
        rtp: free_range().ok_or(DemoError::Ports)?,
        data: out.clone(),
        ..ServerConfig::below(&args.folder)
    };
    let server = Server::start(&config)?;
    let switch = server.listening().first().map(|(_, address)| *address).ok_or(DemoError::NoListener)?;
    let scripts = CASES.iter().map(|case| (case.user.to_owned(), (case.far)())).collect::<HashMap<_, _>>();
    let mut far_end = FarEnd::bind(LOOPBACK, scripts).await?;
    server.set_global("outside_gateway", &far_end.local().to_string());
    server.set_global("outside_timeout", RING_S);
    say(&format!(
        "A switch listens on {switch}, the far ends on {}. {} calls at once:\n",
        far_end.local(),
        CASES.len()
    ));

    let calls: Vec<_> = CASES.iter().map(|case| tokio::spawn(place(case.number, switch))).collect();
    let mut reports = Vec::new();
    for call in calls {
        reports.push(call.await.unwrap_or_else(|error| Err(error.to_string())));
    }
    let mut far: HashMap<String, FarReport> = HashMap::new();
    while let Some(report) = far_end.report(Duration::from_secs(3)).await {
        far.insert(report.user.clone(), report);
        if far.len() == CASES.len() {
            break;
        }
    }
    let stopping = Arc::clone(&server);
    let _ = tokio::task::spawn_blocking(move || stopping.stop()).await;

    let dispositions = dispositions(&records);
    let prompts = Prompts::load(&config.subject.sounds);
    let mut right = 0;
    for (case, report) in CASES.iter().zip(reports) {
        let outcome = Outcome { report, far: far.remove(case.user) };
        let (text, ok) = show(case, &outcome, &dispositions, &prompts, &out);
        right += usize::from(ok);
        say(&text);
    }
    say(&format!("{right} of {} calls went as they should.", CASES.len()));
    Ok(right == CASES.len())
}

/// A range of RTP ports of which the first is free.
fn free_range() -> Option<(u16, u16)> {
    (0..50).find_map(|_| {
        let probe = UdpSocket::bind((LOOPBACK, 0)).ok()?;
        let low = probe.local_addr().ok()?.port() & !1;
        Some((low, low.checked_add(999)?))
    })
}

async fn place(number: &str, switch: SocketAddr) -> Result<CallReport, String> {
    let mut plan = CallPlan::to(&format!("sip:{number}@{switch}"));
    "demo".clone_into(&mut plan.from);
    plan.deadline = PATIENCE;
    Phone::bind(LOOPBACK).call(plan).await.map_err(|error| error.to_string())
}

/// `originate_disposition` by Call-ID, from the call records.
fn dispositions(records: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(records).unwrap_or_default();
    let rows = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let field = |row: &serde_json::Value, name: &str| row.get(name).and_then(|text| text.as_str()).map(str::to_owned);
    rows.filter(|row| field(row, "direction").as_deref() == Some("inbound"))
        .filter_map(|row| Some((field(&row, "call_id")?, field(&row, "disposition")?)))
        .collect()
}

/// The timeline of a call, and whether it is right.
fn show(
    case: &Case,
    outcome: &Outcome,
    dispositions: &HashMap<String, String>,
    prompts: &Prompts,
    out: &Path,
) -> (String, bool) {
    let mut text = format!("{}\n", case.title);
    let mut wrong = Vec::new();
    let report = match &outcome.report {
        Ok(report) => report,
        Err(error) => return (format!("{text}    WRONG         {error}\n"), false),
    };
    let _ = writeln!(text, "    dialled       {}", case.number);
    for response in &report.responses {
        let _ = writeln!(text, "    caller        {}", response_line(response).trim_start());
    }
    let replies = outcome.far.as_ref().map(|far| {
        far.sent.iter().map(|(at, status)| format!("{status} at {:.2} s", at.as_secs_f64())).collect::<Vec<_>>()
    });
    match &replies {
        Some(replies) => {
            let _ = writeln!(text, "    far end       {}", replies.join(", "));
        }
        None => wrong.push("the far end was not called".to_owned()),
    }
    let disposition = dispositions.get(&report.call_id).map_or("", String::as_str);
    let _ = writeln!(text, "    disposition   {disposition}");
    if disposition != case.disposition {
        wrong.push(format!("originate_disposition should be {}", case.disposition));
    }
    heard(case, report, prompts, &mut text, &mut wrong);
    let status = report.status.unwrap_or_default();
    let _ = writeln!(text, "    final status  {status}");
    if status != case.status {
        wrong.push(format!("the final status should be {}", case.status));
    }
    let path = out.join(format!("{}.wav", case.number));
    match write_wav(&path, &report.heard.samples) {
        Ok(()) => {
            let _ = writeln!(text, "    recording     {}", path.display());
        }
        Err(error) => wrong.push(error.to_string()),
    }
    for what in &wrong {
        let _ = writeln!(text, "    WRONG         {what}");
    }
    (text, wrong.is_empty())
}

fn heard(case: &Case, report: &CallReport, prompts: &Prompts, text: &mut String, wrong: &mut Vec<String>) {
    let samples = &report.heard.samples;
    match case.prompt {
        None => {
            let share = tone_share(samples, TONE_HZ);
            let _ = writeln!(text, "    heard         the far end's tone ({:.0} % of the sound)", share * 100.0);
            if share < 0.8 || report.heard.loud_seconds() < 0.8 {
                wrong.push("the far end was not heard".to_owned());
            }
        }
        Some(expected) => {
            let found = prompts.identify(samples);
            let name = found.map_or("no prompt", |(name, _)| name);
            let _ = writeln!(text, "    prompt        {name}");
            if name != expected || found.is_none_or(|(_, found)| found.covered < 0.98) {
                wrong.push(format!("the whole prompt {expected} should be heard"));
            }
        }
    }
    let (all, loud) = (report.heard.seconds(), report.heard.loud_seconds());
    let _ = writeln!(text, "    audio         {all:.2} s received, {loud:.2} s of it loud");
}
