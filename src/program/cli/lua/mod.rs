//! `switch lua …`: tools for those who write scripts. Subcommands, one file each.

mod check;
mod run;
mod trace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `switch lua`.
#[derive(Debug, clap::Args)]
pub struct LuaArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Report mistakes in scripts: syntax, calls, applications, commands, prompts
    Check(check::CheckArgs),
    /// Run a script against a call that only exists here, and print what it does
    Run(Box<run::RunArgs>),
    /// Show what the scripts of a running switch call, as it happens
    Trace(trace::TraceArgs),
}

/// Runs the command.
pub fn run(args: &LuaArgs) -> ExitCode {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::Run(args) => run::run(args),
        Command::Trace(args) => trace::run(args),
    }
}

/// The folder of prompts that belongs to scripts: in their folder or beside it.
fn sounds_of(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let folder = if path.is_dir() { path.as_path() } else { path.parent()? };
    let near = [Some(folder), folder.parent()];
    near.into_iter().flatten().map(|folder| folder.join("sounds")).find(|folder| folder.is_dir())
}

/// Microseconds since 1970.
fn now_us() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or(0)
}

/// Milliseconds as seconds.
fn time(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}
