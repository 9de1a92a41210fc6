//! The `switch` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    switch::program::cli::main()
}
