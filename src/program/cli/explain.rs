//! `switch explain`: which extension a number reaches, why, and what would run.
//!
//! Exit status: 0 an extension matched; 1 none did, or the configuration is broken; 2 wrong arguments, or nothing to load.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use super::folders::FolderArgs;
use crate::edge::control::ask;
use crate::program::check::{Loaded, load};
use crate::program::rehearsal::{FarEnd, Outcome, Rehearsal, Request};
use crate::program::story::Heading;
use crate::words::text::render;

/// Arguments of `switch explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// Number dialled
    #[arg(required_unless_present = "uuid")]
    destination: Option<String>,
    /// Folder that holds dialplan/, directory/, scripts/ and sounds/
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Context of the call
    #[arg(long, value_name = "NAME", default_value = "public")]
    context: String,
    /// Caller's number
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    caller: String,
    /// Caller's name
    #[arg(long, value_name = "NAME", default_value = "")]
    caller_name: String,
    /// Channel variable from the start; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// Time of the call: 2026-12-24T18:00, 18:00 (today), or with zone, 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<u64>,
    /// What every far end does: ANSWER, a SIP status, or a cause
    #[arg(long, value_name = "CAUSE|STATUS", default_value = "ANSWER", value_parser = FarEnd::parse)]
    far_end: FarEnd,
    /// Show every extension, also those that are skipped because they cannot match
    #[arg(long)]
    all: bool,
    /// Instead of rehearsing a call: what this one did, by its uuid or Call-ID; the switch runs with --stories
    #[arg(long, value_name = "UUID")]
    uuid: Option<String>,
    /// Data folder of the running switch, for --uuid
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folders: FolderArgs,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    if name.is_empty() { Err("write NAME=VALUE".to_owned()) } else { Ok((name.to_owned(), value.to_owned())) }
}

/// Microseconds since 1970 of a time as users write it.
pub(super) fn moment(text: &str) -> Result<u64, String> {
    let zone = TimeZone::system();
    let local = |at: civil::DateTime| at.to_zoned(zone.clone()).map(|at| at.timestamp());
    let today = || now().to_zoned(zone.clone()).date();
    let read = text
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<civil::DateTime>().and_then(local))
        .or_else(|_| text.parse::<civil::Time>().and_then(|time| local(today().to_datetime(time))));
    let at = read.map_err(|_| format!("{text} is no time; write 2026-12-24T18:00 or 18:00"))?;
    u64::try_from(at.as_microsecond()).map_err(|_| format!("{text} lies before 1970"))
}

fn now() -> Timestamp {
    Timestamp::now()
}

/// `--at`, or this moment, in microseconds since 1970.
pub(super) fn moment_or_now(at: Option<u64>) -> u64 {
    at.unwrap_or_else(|| u64::try_from(now().as_microsecond()).unwrap_or_default())
}

/// Runs the command.
pub fn run(args: &ExplainArgs) -> ExitCode {
    let fail = |why: &dyn std::fmt::Display, code: u8| {
        let _ = writeln!(std::io::stderr(), "switch explain: {why}");
        ExitCode::from(code)
    };
    if let Some(uuid) = &args.uuid {
        return what_it_did(args, uuid);
    }
    let mut folders = args.folders.clone();
    let dialplan = folders.take_dialplan_name().unwrap_or_default();
    let loaded = match load(&folders.subject(&args.folder)) {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error, 2),
    };
    if loaded.root.is_none() {
        let mistakes = render(&loaded.sources, &loaded.diagnostics);
        return fail(&format!("the configuration is broken:\n{mistakes}"), 1);
    }
    let request = Request {
        destination: args.destination.clone().unwrap_or_default(),
        context: args.context.clone(),
        dialplan,
        caller: args.caller.clone(),
        caller_name: args.caller_name.clone(),
        variables: args.variables.clone(),
        at: moment_or_now(args.at),
        far_end: args.far_end,
        exhaustive: args.all,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 2),
    };
    let outcome = runtime.block_on(Rehearsal::new(&loaded).call(&request));
    show(args, &loaded, &outcome);
    if outcome.story.matched() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Asks the running switch.
fn what_it_did(args: &ExplainArgs, uuid: &str) -> ExitCode {
    let command = format!("explain {}{uuid}", if args.json { "json " } else { "" });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(ask(&args.data, &command))) {
        Ok(answer) => {
            if let Some(story) = answer.strip_prefix("+OK\n") {
                let _ = write!(std::io::stdout(), "{story}");
                return ExitCode::SUCCESS;
            }
            let _ = write!(std::io::stderr(), "switch explain: {}", answer.trim_start_matches("-ERR "));
            ExitCode::FAILURE
        }
        Err(error) => {
            let data = args.data.display();
            let _ = writeln!(std::io::stderr(), "switch explain: no switch answers in the data folder {data}: {error}");
            ExitCode::from(2)
        }
    }
}

fn show(args: &ExplainArgs, loaded: &Loaded, outcome: &Outcome) {
    let (caller, context) = (args.caller.clone(), args.context.clone());
    let destination = args.destination.clone().unwrap_or_default();
    let heading = Heading { destination, caller, context };
    let text = if args.json {
        outcome.story.json(&loaded.sources, &heading)
    } else {
        let note = if args.all { "" } else { "(extensions that cannot match are not shown: --all shows them)" };
        outcome.story.text(&loaded.sources, &heading, note)
    };
    let _ = write!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_users_write_them() {
        assert_eq!(moment("2026-12-24T18:00:00Z"), Ok(1_798_135_200_000_000));
        assert!(moment("2026-12-24T18:00").is_ok() && moment("2026-12-24 18:00").is_ok() && moment("18:00").is_ok());
        for wrong in ["", "tomorrow", "25:00", "1969-01-01T00:00:00Z"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
