//! Plain values; nothing here does I/O, waits, or knows a protocol.

pub mod civil;
pub mod expand;
pub mod model;
pub mod pattern;
pub mod say;
pub mod text;
