//! Functions the prelude needs that see the stack or functions themselves.

use std::sync::Arc;

use mlua::{Function, Lua, Result, Table, Value};

use super::run::Failure;
use super::vm::{Ground, Slot};

/// Deepest level `getinfo` and `setfenv` look at.
const DEEPEST: i64 = 200_000;

/// The handler of an uncaught error: keeps message and traceback.
pub(super) fn reporter(lua: &Lua, slot: &Slot) -> Result<Function> {
    let slot = Arc::clone(slot);
    lua.create_function(move |lua, error: Value| {
        let traceback = lua.traceback(None, 1)?.to_string_lossy();
        if let Some(run) = slot.get() {
            run.set_failure(Failure { message: message_of(&error), traceback });
        }
        Ok(())
    })
}

/// Functions and settings of the prelude.
pub(super) fn table(lua: &Lua, ground: &Ground) -> Result<Table> {
    let (scripts, policy) = (ground.scripts.display(), &ground.policy);
    let table = lua.create_table_with_capacity(0, 9)?;
    let mut path = format!("{scripts}/?.lua;{scripts}/?/init.lua");
    for template in &policy.path {
        path.push(';');
        path.push_str(template);
    }
    table.raw_set("path", path)?;
    table.raw_set("restricted", policy.roots.is_some())?;
    table.raw_set("modern", policy.modern)?;
    table.raw_set("strict", policy.strict)?;
    table.raw_set("traceback", lua.create_function(traceback)?)?;
    table.raw_set("getinfo", lua.create_function(info)?)?;
    table.raw_set("setfenv", lua.create_function(set_environment)?)?;
    table.raw_set("getfenv", lua.create_function(environment)?)?;
    Ok(table)
}

/// Text of an error value: a table's `message` or `code`.
fn message_of(error: &Value) -> String {
    if let Value::Table(table) = error {
        for field in ["message", "code"] {
            if let Some(text) = table.raw_get::<Value>(field).ok().and_then(|value| super::arguments::text(&value)) {
                return text;
            }
        }
    }
    match error {
        Value::String(text) => text.to_string_lossy(),
        Value::Error(error) => super::cache::text_of(error),
        other => other.to_string().unwrap_or_else(|_| other.type_name().to_owned()),
    }
}

/// `debug.traceback([thread,] [message [, level]])`. Another thread's stack is not shown.
fn traceback(lua: &Lua, (first, second, third): (Value, Value, Value)) -> Result<Value> {
    let (message, level) = if first.is_thread() { (second, third) } else { (first, second) };
    if !message.is_nil() && super::arguments::text(&message).is_none() {
        return Ok(message);
    }
    let level = level.as_integer().and_then(|level| usize::try_from(level).ok()).unwrap_or(1);
    let text = super::arguments::text(&message);
    lua.traceback(text.as_deref(), level).map(Value::String)
}

/// `debug.getinfo(function or level [, what])`: source, lines, names.
fn info(lua: &Lua, (subject, _what): (Value, Value)) -> Result<Value> {
    let table = lua.create_table()?;
    match subject {
        Value::Function(function) => {
            let info = function.info();
            table.raw_set("source", info.source)?;
            table.raw_set("short_src", info.short_src)?;
            table.raw_set("what", info.what)?;
            table.raw_set("linedefined", info.line_defined)?;
            table.raw_set("lastlinedefined", info.last_line_defined)?;
            table.raw_set("currentline", -1)?;
            table.raw_set("func", function)?;
        }
        other => {
            let level = other.as_integer().filter(|level| (0..DEEPEST).contains(level)).unwrap_or(DEEPEST);
            let level = usize::try_from(level).unwrap_or_default();
            let found = lua.inspect_stack(level, |frame| {
                let source = frame.source();
                table.raw_set("source", source.source)?;
                table.raw_set("short_src", source.short_src)?;
                table.raw_set("what", source.what)?;
                table.raw_set("linedefined", source.line_defined)?;
                table.raw_set("lastlinedefined", source.last_line_defined)?;
                table.raw_set("currentline", frame.current_line().map_or(-1, |line| line as i64))?;
                let names = frame.names();
                table.raw_set("name", names.name)?;
                table.raw_set("namewhat", names.name_what.unwrap_or_default())?;
                table.raw_set("func", frame.function())
            });
            match found {
                Some(set) => set?,
                None => return Ok(Value::Nil),
            }
        }
    }
    Ok(Value::Table(table))
}

/// A function, or that of a level of the stack (1: the caller).
fn function_at(lua: &Lua, subject: Value) -> Option<Function> {
    match subject {
        Value::Function(function) => Some(function),
        Value::Integer(level) if (1..DEEPEST).contains(&level) => {
            let mut found = None;
            lua.inspect_stack(usize::try_from(level).ok()?, |frame| found = Some(frame.function()));
            found
        }
        _ => None,
    }
}

fn set_environment(lua: &Lua, (subject, environment): (Value, Table)) -> Result<Value> {
    let Some(function) = function_at(lua, subject) else {
        return Err(mlua::Error::RuntimeError("setfenv: no Lua function there".to_owned()));
    };
    function.set_environment(environment)?;
    Ok(Value::Function(function))
}

fn environment(lua: &Lua, subject: Value) -> Result<Table> {
    let subject = if subject.is_nil() { Value::Integer(1) } else { subject };
    let environment = function_at(lua, subject).and_then(|function| function.environment());
    Ok(environment.unwrap_or_else(|| lua.globals()))
}
