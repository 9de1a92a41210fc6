//! One pattern with PCRE's meaning.
//!
//! Patterns come from dialplans and scripts: `^9(\d+)$`, FreeSWITCH's `/expr/i` and Asterisk-style `_NXX`. They mean what
//! PCRE2 makes of them without UTF mode and without options: an unanchored, case-sensitive search over bytes, `.` without
//! newline, `$` also before a final newline, ASCII classes.
//!
//! A pattern is read when it is made (so that mistakes are found at load) and its engine is built at first use. Literal
//! patterns and those of a simple subset need no engine; the others go to the linear-time engine, or, with look-around, back-references, atomic groups
//! or possessive quantifiers, to a backtracking one with a step limit. A pattern that fails to compile or exceeds a limit
//! never matches; [`Pattern::error`] says why.
//!
//! This is the only user of the regular-expression engines.

mod analysis;
mod class;
mod engine;
mod error;
mod forms;
mod small;
mod substitute;
mod syntax;

pub use engine::{Groups, Pattern};
pub use error::PatternError;
pub use forms::Shape;
pub use small::Heads;
