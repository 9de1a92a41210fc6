//! Lua scripts: so far, whether their text can be read.

mod syntax;

pub use syntax::{SyntaxError, syntax_error};
