//! What the binary does.

pub mod check;
pub mod cli;
pub mod client;
pub mod phone;
pub mod rehearsal;
pub mod server;
pub mod snapshot;
pub mod story;
