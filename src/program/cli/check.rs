//! `switch check [DIR]`: every mistake in dialplan, directory, scripts and prompts, with file, line, column and remedy.
//!
//! Exit status: 0 no error (there may be warnings, unless they are denied); 1 at least one; 2 there is nothing to check.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::folders::FolderArgs;
use crate::program::check::{Report, check, nearest, output, page, rules};
use crate::words::text::Severity;

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
}

/// What makes the command fail, errors apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Deny {
    /// Warnings, too
    Warnings,
}

/// How a report is given, for every command that checks.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Fail on warnings, too
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Leave out a rule, by name or code; may be given several times, or with commas
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) allow: Vec<String>,
}

impl ReportArgs {
    /// A rule that is to be left out and does not exist.
    pub(super) fn mistake(&self) -> Option<String> {
        self.allow.iter().find(|name| rules::find(name).is_none()).map(|name| unknown(name))
    }

    /// Writes a report, with a summary behind its text.
    pub(super) fn give(&self, report: &Report, summary: &str) -> ExitCode {
        let shown = match self.format {
            Format::Json => format!("{:#}\n", output::json(report)),
            Format::Sarif => format!("{:#}\n", output::sarif(report)),
            Format::Text => format!(
                "{}{summary}: {} errors, {} warnings\n",
                output::text(report),
                report.count(Severity::Error),
                report.count(Severity::Warning),
            ),
        };
        let _ = write!(std::io::stdout().lock(), "{shown}");
        let denied = self.deny.is_some() && report.count(Severity::Warning) > 0;
        if report.count(Severity::Error) > 0 || denied { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// Arguments of `switch check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Folder that holds dialplan/, directory/, scripts/ and sounds/
    #[arg(default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    folders: FolderArgs,
    #[command(flatten)]
    report: ReportArgs,
    /// Print the page of a rule, by code or name, and check nothing
    #[arg(long, value_name = "RULE")]
    explain: Option<String>,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> ExitCode {
    if let Some(name) = &args.explain {
        let Some(rule) = rules::find(name) else { return refuse(&unknown(name)) };
        let _ = write!(std::io::stdout().lock(), "{}", page::page(rule));
        return ExitCode::SUCCESS;
    }
    if let Some(mistake) = args.report.mistake() {
        return refuse(&mistake);
    }
    match check(&args.folders.subject(&args.folder), &args.report.allow) {
        Ok(report) => {
            let extensions: usize = report.contexts.iter().map(|(_, count)| count).sum();
            let (contexts, users, scripts) = (report.contexts.len(), report.users, report.scripts);
            let summary = format!("{contexts} contexts, {extensions} extensions, {users} users, {scripts} scripts");
            args.report.give(&report, &summary)
        }
        Err(error) => refuse(&error),
    }
}

fn unknown(name: &str) -> String {
    let meant = nearest(name, rules::all().iter().map(|rule| rule.name));
    let meant = meant.map_or(String::new(), |meant| format!("; \"{meant}\" is meant"));
    format!("there is no rule \"{name}\"{meant}")
}

fn refuse(error: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "switch check: {error}");
    ExitCode::from(2)
}
