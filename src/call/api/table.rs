//! The table: sorted by name.

use super::ApiFunction;

static TABLE: &[&dyn ApiFunction] = &[];

/// Every command, sorted by name.
pub fn all() -> &'static [&'static dyn ApiFunction] {
    TABLE
}

/// A command by name, ignoring case.
pub fn find(name: &str) -> Option<&'static dyn ApiFunction> {
    TABLE.iter().copied().find(|function| function.name().eq_ignore_ascii_case(name))
}
