//! Dialling: so far, the grammar of dial strings.

mod string;

pub use string::{DialLeg, DialString, DialStringError, Pairs, Simple};
