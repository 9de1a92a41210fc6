//! The `switch` binary: arguments in, exit code out.

use std::process::ExitCode;

/// Calls allocate much and briefly; measured in docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    switch::program::cli::main()
}
