//! Lua scripts: the host that runs them, and the objects they see.
//!
//! A run is one future on the host's own threads: a fresh Lua state, the prelude, the script as a coroutine. A
//! method that waits yields to the host, which asks the call by its [`SessionHandle`] and resumes the script with
//! the answer; a hook takes the thread from a long computation. So thousands of scripts wait on two threads, and a script
//! reaches neither the call's memory nor a media thread.
//!
//! What scripts may call is one table: a row per method with its parameters; one file per object. Behaviour is that
//! of FreeSWITCH's `mod_lua`, quirks included.
//!
//! [`SessionHandle`]: crate::call::control::SessionHandle

mod api;
mod arguments;
mod budget;
mod cache;
mod command;
mod config;
mod consumer;
mod dbh;
mod dialplan;
mod dtmf;
mod email;
mod event;
mod freeswitch;
mod host;
mod internal;
mod ivr;
mod json;
mod log;
mod modules;
mod native;
mod objects;
mod policy;
mod run;
mod seams;
mod session;
mod signatures;
mod socket;
mod spare;
mod stream;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod trace;
mod vm;

pub use config::{Limits, LuaConfig};
pub use host::LuaHost;
pub use policy::Policy;
pub use seams::{
    Anchors, ApiRunner, Connection, Database, Databases, Fetch, Fetched, Globals, Network, Pace, Row, Rows, Told,
    Wanted,
};
pub use signatures::{Parameter, Signature, signatures};
pub use syntax::{SyntaxError, syntax_error};
pub use trace::Trace;
