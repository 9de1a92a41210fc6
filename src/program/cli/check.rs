//! `switch check [DIR]`: every mistake in dialplan, directory, scripts and prompts, with file, line, column and remedy.
//!
//! Exit status: 0 no error (there may be warnings); 1 at least one error; 2 there is nothing to check.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::program::check::{Subject, check};
use crate::words::text::{Severity, render};

/// Arguments of `switch check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Folder that holds dialplan/, directory/, scripts/ and sounds/
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Configuration folder whose freeswitch.xml is the root
    #[arg(long, value_name = "DIR")]
    conf: Option<PathBuf>,
    /// XML dialplans
    #[arg(long, value_name = "DIR", conflicts_with = "conf")]
    dialplan: Option<PathBuf>,
    /// Users
    #[arg(long, value_name = "DIR", conflicts_with = "conf")]
    directory: Option<PathBuf>,
    /// Lua scripts
    #[arg(long, value_name = "DIR")]
    scripts: Option<PathBuf>,
    /// Prompts
    #[arg(long, value_name = "DIR")]
    sounds: Option<PathBuf>,
    /// Do not run the commands of exec and exec-set
    #[arg(long)]
    no_exec: bool,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> ExitCode {
    match check(&subject(args)) {
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

fn subject(args: &CheckArgs) -> Subject {
    let mut subject = Subject::below(args.conf.as_deref().unwrap_or(&args.folder));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    subject.conf.clone_from(&args.conf);
    subject.commands = !args.no_exec;
    if let Some(dialplan) = &args.dialplan {
        subject.folders.dialplan = text(dialplan);
    }
    if let Some(directory) = &args.directory {
        subject.folders.directory = text(directory);
    }
    if let Some(scripts) = &args.scripts {
        subject.scripts.clone_from(scripts);
    }
    if let Some(sounds) = &args.sounds {
        subject.sounds.clone_from(sounds);
    }
    subject
}
