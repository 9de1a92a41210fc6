//! What the dialplan means: defaults filled in, patterns read, templates parsed.

/// Compiled contexts; immutable and shared.
#[derive(Debug, Default)]
pub struct Dialplan;
