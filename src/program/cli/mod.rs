//! The command line: what is said on it and which subcommand runs. Subcommands, one file each.
//!
//! Exit status of every command: 0 it did what was asked; 1 it was done, and the answer is no (a call that was not
//! answered, a word that is no cause); 2 it could not be done (bad arguments, no such address).

pub mod call;
pub mod causes;
pub mod check;
pub mod console;
pub mod demo;
pub mod diff;
mod editor;
pub mod explain;
pub mod folders;
pub mod lua;
pub mod reload;
pub mod run;
mod service;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A FreeSWITCH-compatible softswitch
#[derive(Debug, Parser)]
#[command(name = "switch", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Place one call with a scripted phone
    Call(Box<call::CallArgs>),
    /// Report every mistake in dialplan, users, scripts and prompts
    Check(check::CheckArgs),
    /// Give commands to a running switch through its event socket, hear its events, follow its log
    Cli(console::ConsoleArgs),
    /// Explain which extension a number reaches, why, and what would run
    Explain(Box<explain::ExplainArgs>),
    /// Show which numbers take another way in another configuration
    Diff(diff::DiffArgs),
    /// Start a switch, call through it, and show what the callers hear when calls fail
    Demo(demo::DemoArgs),
    /// Tools for those who write Lua scripts
    Lua(lua::LuaArgs),
    /// Have a running switch load its configuration anew
    Reload(reload::ReloadArgs),
    /// Explain SIP codes and hangup causes
    Causes(causes::CausesArgs),
}

/// Reads the arguments of the process and runs what they ask for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Call(args)) => call::run(&args),
        Some(Command::Causes(args)) => causes::run(&args),
        Some(Command::Cli(args)) => console::run(&args),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Lua(args)) => lua::run(&args),
        Some(Command::Reload(args)) => reload::run(&args),
        None => run::run(&cli.run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
