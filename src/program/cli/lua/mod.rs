//! `switch lua …`: tools for those who write scripts. Subcommands, one file each.

mod check;

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
}

/// Runs the command.
pub fn run(args: &LuaArgs) -> ExitCode {
    match &args.command {
        Command::Check(args) => check::run(args),
    }
}
