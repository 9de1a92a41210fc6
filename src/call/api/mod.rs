//! API commands, one file each, and their table.
//!
//! The same functions serve `${name(args)}` in the dialplan, `freeswitch.API()` in scripts, hooks and the console. Each is
//! a pure function of its arguments and of what [`ApiContext`] answers; an output is text, errors included (`-ERR …`, or
//! `!err!` where clients expect that), because that is what its users compare with.

mod acl;
mod bg_system;
mod coalesce;
mod cond;
mod context;
mod create_uuid;
mod db;
mod domain_data;
mod domain_exists;
mod echo;
mod escape;
mod eval;
mod expand;
mod expr;
mod global_getvar;
mod global_setvar;
mod group;
mod group_call;
mod hash;
mod hostname;
mod in_group;
mod md5;
mod module_exists;
mod regex;
mod replace;
mod say_string;
mod sofia_contact;
mod sql_escape;
mod strepoch;
mod strftime;
mod strftime_tz;
mod switchname;
mod system;
mod table;
#[cfg(test)]
mod testing;
mod tolower;
mod toupper;
mod url_decode;
mod url_encode;
mod user_data;
mod user_exists;
mod uuid_break;
mod uuid_exists;
mod uuid_getvar;
mod uuid_kill;
mod uuid_setvar;
mod uuid_transfer;

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
