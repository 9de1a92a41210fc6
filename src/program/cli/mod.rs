//! Subcommands, one file each.

pub mod call;
pub mod causes;
