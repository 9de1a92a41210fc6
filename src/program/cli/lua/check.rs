//! `switch lua check PATH…`: the rules about scripts, without a configuration.
//!
//! Exit status: 0 no error (there may be warnings, unless they are denied); 1 at least one; 2 there is nothing to check.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::sounds_of;
use crate::program::check::check_scripts;
use crate::program::cli::check::ReportArgs;

/// Arguments of `switch lua check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Folders of scripts, and scripts
    #[arg(default_value = "scripts", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Prompts; usually the folder sounds/ in or beside the first path. Without one prompts are not looked for
    #[arg(long, value_name = "DIR")]
    sounds: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArgs,
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> ExitCode {
    if let Some(mistake) = args.report.mistake() {
        return refuse(&mistake);
    }
    if let Some(folder) = args.sounds.as_ref().filter(|folder| !folder.is_dir()) {
        return refuse(&format!("there is no folder {}", folder.display()));
    }
    let sounds = args.sounds.clone().or_else(|| args.paths.first().and_then(|path| sounds_of(path)));
    match check_scripts(&args.paths, sounds.as_deref(), &args.report.allow) {
        Ok(report) => {
            let unchecked = if sounds.is_none() { ", prompts not looked for" } else { "" };
            args.report.give(&report, &format!("{} scripts{unchecked}", report.scripts))
        }
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "switch lua check: {error}");
    ExitCode::from(2)
}
