//! `switch lua run SCRIPT [ARG…]`: runs a script against a call that only exists here, in virtual time, and prints every call
//! of a method with its result.
//!
//! Exit status: 0 the script ran to its end; 1 it failed or was ended; 2 it could not be started.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::{now_us, sounds_of, time};
use crate::program::check::{Loaded, Subject, bare, load};
use crate::program::cli::folders::FolderArgs;
use crate::program::rehearsal::script::{ScriptEnd, ScriptPlan, Step};
use crate::program::rehearsal::{FarEnd, Rehearsal};
use crate::words::model::Cause;

/// Longest time that can be named, s.
const LONGEST_S: f64 = 86_400.0;

/// Calls of methods that are shown.
const MOST_SHOWN: u64 = 10_000;

/// Between two digits at a time, ms.
const KEY_MS: u64 = 200;

/// Arguments of `switch lua run`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The script, or ~ and Lua
    script: String,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
    /// A variable of the channel, or a field of the caller such as destination_number; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,
    /// The call is answered before the script begins
    #[arg(long)]
    answer: bool,
    /// No call: the script runs as an API command
    #[arg(long, conflicts_with_all = ["answer", "dtmf", "hangup_at"])]
    alone: bool,
    /// Digits for the next method that reads some; with @SECONDS they are pressed at that time. May be given several times
    #[arg(long, value_name = "DIGITS[@SECONDS]", value_parser = keys)]
    dtmf: Vec<Keys>,
    /// What the next far end does: answer, a SIP status, or a cause. May be given several times; the last one stays
    #[arg(long, value_name = "OUTCOME", value_parser = FarEnd::parse)]
    far_end: Vec<FarEnd>,
    /// When the caller hangs up
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    hangup_at: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folders: FolderArgs,
}

/// Digits, and when they are pressed, ms; none: when they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Keys {
    digits: String,
    at: Option<u64>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is meant")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=LONGEST_S).contains(seconds));
    let seconds = seconds.ok_or_else(|| format!("{text} is no number of seconds"))?;
    Ok((seconds * 1000.0) as u64)
}

fn keys(text: &str) -> Result<Keys, String> {
    let (digits, at) = match text.split_once('@') {
        Some((digits, at)) => (digits, Some(seconds(at)?)),
        None => (text, None),
    };
    match digits.chars().find(|digit| !digit.is_ascii_digit() && !"*#ABCDabcd".contains(*digit)) {
        Some(other) => Err(format!("{other} is no digit of a telephone")),
        None => Ok(Keys { digits: digits.to_owned(), at }),
    }
}

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> ExitCode {
    let (plan, loaded) = match prepare(args) {
        Ok(prepared) => prepared,
        Err(error) => return refuse(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.to_string()),
    };
    let (as_json, shown) = (args.json, AtomicU64::new(0));
    let watch = Arc::new(move |step: &Step| {
        let line = match shown.fetch_add(1, Ordering::Relaxed) {
            0..MOST_SHOWN if as_json => step_json(step),
            0..MOST_SHOWN => step_text(step),
            MOST_SHOWN if !as_json => format!("{:>9}  … what follows is not shown", ""),
            _ => return,
        };
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    });
    match runtime.block_on(Rehearsal::new(&loaded).script(plan, watch)) {
        Ok(end) => {
            let shown = if as_json { end_json(&end) } else { end_text(&end, args.alone) };
            let _ = write!(std::io::stdout().lock(), "{shown}");
            if end.status == "ok" { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => refuse(&error.to_string()),
    }
}

fn prepare(args: &RunArgs) -> Result<(ScriptPlan, Loaded), String> {
    let mut subject = args.folders.subject(Path::new("."));
    subject.commands = false;
    let path = PathBuf::from(&args.script);
    let code = args.script.starts_with('~');
    if !code {
        if !path.is_file() {
            return Err(format!("there is no script {}", path.display()));
        }
        let path = path.canonicalize().map_err(|error| error.to_string())?;
        if !args.folders.names_scripts() {
            path.parent().unwrap_or(Path::new(".")).clone_into(&mut subject.scripts);
        }
        if !args.folders.names_sounds() {
            subject.sounds = sounds_of(&path).unwrap_or(subject.sounds);
        }
    }
    let loaded = loaded(&subject)?;
    let plan = ScriptPlan {
        text: if code { args.script.clone() } else { start_text(&path, &subject.scripts, &args.arguments)? },
        scripts: subject.scripts,
        sounds: subject.sounds,
        variables: args.variables.clone(),
        answered: args.answer,
        reads: args.dtmf.iter().filter(|keys| keys.at.is_none()).map(|keys| keys.digits.clone()).collect(),
        presses: args.dtmf.iter().flat_map(presses).collect(),
        far_ends: args.far_end.iter().copied().collect(),
        hangs_up_at: args.hangup_at,
        at: now_us(),
        alone: args.alone,
    };
    Ok((plan, loaded))
}

/// The configuration for API commands and global variables; where there is no dialplan, an empty one.
fn loaded(subject: &Subject) -> Result<Loaded, String> {
    let exists = subject.conf.is_some() || Path::new(&subject.folders.dialplan).is_dir();
    if exists { load(subject) } else { Ok(bare(subject)) }
}

/// What the application `lua` would be given.
fn start_text(path: &Path, scripts: &Path, arguments: &[String]) -> Result<String, String> {
    let path = path.canonicalize().map_err(|error| error.to_string())?;
    let below = scripts.canonicalize().ok().and_then(|folder| path.strip_prefix(folder).ok().map(Path::to_owned));
    let name = below.unwrap_or(path).to_string_lossy().into_owned();
    if name.contains(' ') {
        return Err(format!("the name of a script must not hold a blank: {name}"));
    }
    let quoted = arguments.iter().map(|word| format!(" '{}'", word.replace('\\', "\\\\").replace('\'', "\\'")));
    Ok(name + &quoted.collect::<String>())
}

fn presses(keys: &Keys) -> Vec<(u64, char)> {
    let Some(at) = keys.at else { return Vec::new() };
    keys.digits.chars().enumerate().map(|(number, digit)| (at + number as u64 * KEY_MS, digit)).collect()
}

fn step_text(step: &Step) -> String {
    let result = if step.result.is_empty() { String::new() } else { format!(" → {}", step.result) };
    let length = step.ended.saturating_sub(step.began);
    let length = if length == 0 { String::new() } else { format!("  [{} s]", time(length)) };
    format!("{:>9}  {}{result}{length}", time(step.began), step.call)
}

fn step_json(step: &Step) -> String {
    json!({"at_ms": step.began, "until_ms": step.ended, "call": step.call, "result": step.result}).to_string()
}

fn end_text(end: &ScriptEnd, alone: bool) -> String {
    let mut text = String::new();
    if !end.output.is_empty() {
        text = format!("{:>9}  the answer is:\n{}\n", "", end.output.trim_end());
    }
    let error = end.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
    let answered = if end.answered { "answered" } else { "not answered" };
    let fate = match (&end.transferred, end.cause) {
        (_, Some(cause)) if end.answered => format!("hung up: {}", cause.name()),
        (_, Some(cause)) => format!("refused: {}, SIP {}", cause.name(), cause.sip_status()),
        (Some(target), None) => format!("transferred to {}", target.trim_end()),
        (None, None) => "up".to_owned(),
    };
    let call = if alone { String::new() } else { format!("; call: {answered}, {fate}") };
    text + &format!("{:>9}  script: {}{error}{call}\n", time(end.at), end.status)
}

fn end_json(end: &ScriptEnd) -> String {
    let value = json!({
        "at_ms": end.at,
        "status": end.status,
        "error": end.error,
        "output": end.output,
        "answered": end.answered,
        "cause": end.cause.map(Cause::name),
        "transferred": end.transferred,
    });
    format!("{value}\n")
}

fn refuse(error: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "switch lua run: {error}");
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(keys("12#"), Ok(Keys { digits: "12#".to_owned(), at: None }));
        let timed = keys("12@1.5").expect("digits");
        assert_eq!(presses(&timed), [(1500, '1'), (1700, '2')]);
        for wrong in ["1x", "1@", "1@-1", "1@1e9", "1@nan"] {
            assert!(keys(wrong).is_err(), "{wrong}");
        }
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("a").is_err());
        assert_eq!(time(61_005), "61.005");
    }
}
