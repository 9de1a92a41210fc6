//! Modules that scripts take from C elsewhere, made here: `cjson`, `lfs`, `socket`. The prelude gives them their Lua faces.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mlua::{Lua, Value};

use super::arguments::{Arguments, Kind};
use super::json;
use super::run::Run;
use super::table::{Answer, Method, Step};

/// Most names of a folder.
const MOST_NAMES: usize = 100_000;

pub(super) const METHODS: &[Method] = &[
    Method::of("@", "json_decode", &[Kind::Text, Kind::Any], 2, json_decode),
    Method::of("@", "json_encode", &[Kind::Any, Kind::Any], 2, json_encode),
    Method::of("@", "file_facts", &[Kind::Text, Kind::Bool], 2, file_facts),
    Method::of("@", "folder", &[Kind::Text], 1, folder),
    Method::of("@", "make_folder", &[Kind::Text], 1, make_folder),
    Method::of("@", "remove_folder", &[Kind::Text], 1, remove_folder),
    Method::of("@", "working_folder", &[], 0, working_folder),
    Method::of("@", "seconds", &[], 0, seconds),
    Method::of("@", "wait", &[Kind::Any], 1, wait),
];

/// A text as tables; the second argument stands for null. A string is the message of a failure.
fn json_decode(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let value = match serde_json::from_slice::<serde_json::Value>(&arguments.bytes(0)) {
        Ok(value) => value,
        Err(error) => return Step::Fail(format!("Expected value but found invalid token: {error}")),
    };
    let value = json::to_lua_with(arguments.lua(), value, arguments.value(1));
    value.map_or_else(|error| Step::Fail(error.to_string()), |value| Step::Now(Answer::Value(value)))
}

fn json_encode(_: &Arc<Run>, arguments: &Arguments) -> Step {
    match json::from_value(arguments.value(0), arguments.value(1)) {
        Ok(value) => Step::Now(Answer::Text(value.to_string())),
        Err(text) => Step::Fail(text),
    }
}

/// A path that the script may look at; the error is what the function answers.
fn looked_at(run: &Run, arguments: &Arguments, writes: bool) -> Result<PathBuf, String> {
    let path = PathBuf::from(arguments.text_or_empty(0));
    match run.policy.refuses_file(&path, &run.host.scripts(), writes) {
        Some(why) => Err(why),
        None => Ok(path),
    }
}

/// nil and a text, as these libraries fail.
fn failed(lua: &Lua, path: &Path, why: &dyn std::fmt::Display) -> Step {
    let text = format!("cannot obtain information from file '{}': {why}", path.display());
    Step::Now(Answer::Values(vec![Value::Nil, text_value(lua, &text)]))
}

fn text_value(lua: &Lua, text: &str) -> Value {
    lua.create_string(text).map_or(Value::Nil, Value::String)
}

/// `lfs.attributes`: mode, size and times of a file; links are followed when the second argument says so.
fn file_facts(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let lua = arguments.lua();
    let path = match looked_at(run, arguments, false) {
        Ok(path) => path,
        Err(why) => return failed(lua, Path::new(&arguments.text_or_empty(0)), &why),
    };
    let facts = if arguments.flag(1) { std::fs::metadata(&path) } else { std::fs::symlink_metadata(&path) };
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return failed(lua, &path, &error),
    };
    let kind = match facts.file_type() {
        kind if kind.is_dir() => "directory",
        kind if kind.is_file() => "file",
        kind if kind.is_symlink() => "link",
        _ => "other",
    };
    let time = |time: std::io::Result<SystemTime>| {
        let since = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
    };
    let made = lua.create_table().and_then(|table| {
        table.raw_set("mode", kind)?;
        table.raw_set("size", i64::try_from(facts.len()).unwrap_or(i64::MAX))?;
        table.raw_set("modification", time(facts.modified()))?;
        table.raw_set("access", time(facts.accessed()))?;
        table.raw_set("change", time(facts.modified()))?;
        Ok(table)
    });
    made.map_or_else(|error| Step::Fail(error.to_string()), |table| Step::Now(Answer::Value(Value::Table(table))))
}

/// Names in a folder, `.` and `..` included as in the original.
fn folder(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let path = match looked_at(run, arguments, false) {
        Ok(path) => path,
        Err(why) => return Step::Fail(why),
    };
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) => return Step::Fail(format!("cannot open {}: {error}", path.display())),
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = [".".to_owned(), "..".to_owned()].into_iter().chain(names).take(MOST_NAMES).collect();
    let table = arguments.lua().create_sequence_from(names);
    table.map_or_else(|error| Step::Fail(error.to_string()), |table| Step::Now(Answer::Value(Value::Table(table))))
}

/// true, or nil and a text.
fn done(lua: &Lua, result: Result<(), String>) -> Step {
    Step::Now(match result {
        Ok(()) => Answer::Bool(true),
        Err(why) => Answer::Values(vec![Value::Nil, text_value(lua, &why)]),
    })
}

fn make_folder(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let made = looked_at(run, arguments, true)
        .and_then(|path| std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display())));
    done(arguments.lua(), made)
}

fn remove_folder(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let removed = looked_at(run, arguments, true)
        .and_then(|path| std::fs::remove_dir(&path).map_err(|error| format!("{}: {error}", path.display())));
    done(arguments.lua(), removed)
}

fn working_folder(_: &Arc<Run>, _: &Arguments) -> Step {
    let folder = std::env::current_dir().map(|folder| folder.display().to_string());
    Step::Now(folder.map_or(Answer::Nil, Answer::Text))
}

/// `socket.gettime`: seconds since 1970.
fn seconds(run: &Arc<Run>, _: &Arguments) -> Step {
    let us = run.host.api().now().as_microsecond();
    Step::Now(Answer::Value(Value::Number(us as f64 / 1e6)))
}

/// `socket.sleep`: the script waits, its thread does not.
fn wait(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let seconds = arguments.value(0).as_f64().unwrap_or(0.0);
    let time = Duration::try_from_secs_f64(seconds.clamp(0.0, 1e9)).unwrap_or_default();
    let host = Arc::clone(&run.host);
    Step::wait(async move {
        host.sleep(time).await;
        Ok(Answer::Nothing)
    })
}
