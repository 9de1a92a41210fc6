//! What the prelude asks for itself. Scripts never see these by name.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use mlua::Value;

use super::arguments::{Arguments, Kind};
use super::log::{self, Level};
use super::run::Run;
use super::table::{Answer, Method, Step};

pub(super) const METHODS: &[Method] = &[
    Method::of("@", "print", &[Kind::Text], 1, print),
    Method::of("@", "warn", &[Kind::Text], 1, warn),
    Method::of("@", "os_execute", &[Kind::Text], 1, os_execute),
    Method::of("@", "capture", &[Kind::Text], 1, capture),
    Method::of("@", "load_file", &[Kind::Text], 1, load_file),
    Method::of("@", "refused", &[Kind::Text, Kind::Bool], 2, refused),
    Method::of("@", "expired", &[], 0, expired),
];

fn print(run: &Arc<Run>, arguments: &Arguments) -> Step {
    log::write(run, Level::Info, &arguments.text_or_empty(0));
    Step::Now(Answer::Nothing)
}

fn warn(run: &Arc<Run>, arguments: &Arguments) -> Step {
    log::write(run, Level::Err, &arguments.text_or_empty(0));
    Step::Now(Answer::Nothing)
}

/// Runs a shell command on the blocking pool while the script waits.
fn os_execute(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let command = arguments.text_or_empty(0);
    Step::wait(async move {
        let run = move || Command::new("/bin/sh").arg("-c").arg(command).stdin(Stdio::null()).status();
        let Ok(Ok(status)) = tokio::task::spawn_blocking(run).await else {
            return Ok(Answer::Exit(false, "exit", 127));
        };
        Ok(match status.code() {
            Some(code) => Answer::Exit(code == 0, "exit", i64::from(code)),
            None => Answer::Exit(false, "signal", signal_of(status)),
        })
    })
}

/// What a shell command prints.
fn capture(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let command = arguments.text_or_empty(0);
    Step::wait(async move {
        let run = move || Command::new("/bin/sh").arg("-c").arg(command).stdin(Stdio::null()).output();
        match tokio::task::spawn_blocking(run).await {
            Ok(Ok(output)) => Ok(Answer::Bytes(output.stdout)),
            _ => Ok(Answer::Bytes(Vec::new())),
        }
    })
}

#[cfg(unix)]
fn signal_of(status: std::process::ExitStatus) -> i64 {
    use std::os::unix::process::ExitStatusExt as _;

    i64::from(status.signal().unwrap_or(0))
}

#[cfg(not(unix))]
fn signal_of(_: std::process::ExitStatus) -> i64 {
    0
}

/// A file as a function, from the cache of compiled scripts; a string is the message of its failure.
fn load_file(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let path = PathBuf::from(arguments.text_or_empty(0));
    if let Some(why) = run.policy.refuses_file(&path, &run.host.scripts(), false) {
        return Step::Now(Answer::Text(why));
    }
    Step::Now(match run.host.cache().load(arguments.lua(), &path) {
        Ok(function) => Answer::Value(Value::Function(function)),
        Err(text) => Answer::Text(text),
    })
}

/// Why the script may not open a file, to read or to write; nil: it may.
fn refused(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let path = PathBuf::from(arguments.text_or_empty(0));
    let why = run.policy.refuses_file(&path, &run.host.scripts(), arguments.flag(1));
    Step::Now(why.map_or(Answer::Nil, Answer::Text))
}

/// Whether the run has used up a limit: then no `pcall` may hide it.
fn expired(run: &Arc<Run>, _: &Arguments) -> Step {
    Step::Now(Answer::Bool(run.budget.expired().is_some()))
}
