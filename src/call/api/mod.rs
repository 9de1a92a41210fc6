//! API commands, one file each, and their table.
//!
//! The same functions serve `${name(args)}` in the dialplan, `freeswitch.API()` in scripts, hooks and the console. Each is
//! a pure function of its arguments and of what [`ApiContext`] answers; an output is text, errors included (`-ERR …`, or
//! `!err!` where clients expect that), because that is what its users compare with.

mod context;
mod table;

pub use context::{ApiContext, Directory, Store, UserField};
pub use table::{all, find};

/// One API command.
pub trait ApiFunction: Sync {
    /// Its name, as clients type it; looked up ignoring case.
    fn name(&self) -> &'static str;

    /// What it does, in one line.
    fn doc(&self) -> &'static str;

    /// Its arguments, as the usage line shows them.
    fn syntax(&self) -> &'static str;

    /// Runs it. `args` is trimmed.
    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String;
}

/// Runs a command by name; `None` when there is no such command.
pub fn run(name: &str, context: &mut dyn ApiContext, args: &str) -> Option<String> {
    find(name).map(|function| function.run(context, args.trim()))
}
