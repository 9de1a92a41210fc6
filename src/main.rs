//! The `switch` binary: arguments in, exit code out.

fn main() {}
