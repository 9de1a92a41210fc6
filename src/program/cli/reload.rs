//! `switch reload`: has a running switch load its configuration anew.
//!
//! Exit status: 0 it did; 1 the new configuration is broken, and the present one stays in force; 2 no switch answers.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::edge::control::ask;

/// Arguments of `switch reload`.
#[derive(Debug, clap::Args)]
pub struct ReloadArgs {
    /// Data folder of the running switch
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

/// Runs the command.
pub fn run(args: &ReloadArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(ask(&args.data, "reload"))) {
        Ok(answer) => {
            let _ = write!(std::io::stdout(), "{answer}");
            if answer.starts_with("+OK") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let data = args.data.display();
            let _ = writeln!(std::io::stderr(), "switch reload: no switch answers in the data folder {data}: {error}");
            ExitCode::from(2)
        }
    }
}
