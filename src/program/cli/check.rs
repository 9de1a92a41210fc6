//! `switch check [DIR]`: every mistake in dialplan, directory, scripts and prompts, with file, line, column and remedy.
//!
//! Exit status: 0 no error (there may be warnings); 1 at least one error; 2 there is nothing to check.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::folders::FolderArgs;
use crate::program::check::check;
use crate::words::text::{Severity, render};

/// Arguments of `switch check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Folder that holds dialplan/, directory/, scripts/ and sounds/
    #[arg(default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    folders: FolderArgs,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> ExitCode {
    match check(&args.folders.subject(&args.folder)) {
        Ok(report) => {
            let errors = report.count(Severity::Error);
            let extensions: usize = report.contexts.iter().map(|(_, count)| count).sum();
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "{}", render(&report.sources, &report.diagnostics));
            let _ = writeln!(
                out,
                "{} contexts, {extensions} extensions, {} users, {} scripts: {errors} errors, {} warnings",
                report.contexts.len(),
                report.users,
                report.scripts,
                report.count(Severity::Warning),
            );
            if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "switch check: {error}");
            ExitCode::from(2)
        }
    }
}
