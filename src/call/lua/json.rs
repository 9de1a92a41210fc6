//! `freeswitch.JSON`: text to tables and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlua::{Lua, Table, UserData, UserDataRegistry, Value};

use super::arguments::{self, Arguments, Kind};
use super::objects;
use super::run::Run;
use super::table::{Answer, Method, Step};

/// Nesting beyond which a table is refused (it may contain itself).
const DEEPEST: usize = 100;

/// Settings of one object.
pub(super) struct Json {
    unformatted: AtomicBool,
    empty_is_object: AtomicBool,
}

impl UserData for Json {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "JSON");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor("JSON", &[], 0, new),
    Method::of("JSON", "decode", &[Kind::Json, Kind::Text], 2, decode),
    Method::of("JSON", "encode", &[Kind::Json, Kind::Table], 2, encode),
    Method::of("JSON", "return_unformatted_json", &[Kind::Json, Kind::Bool], 2, set_unformatted),
    Method::of("JSON", "encode_empty_table_as_object", &[Kind::Json, Kind::Bool], 2, set_empty_is_object),
    Method::of("JSON", "execute", &[Kind::Json, Kind::Any], 2, |run, arguments| execute(run, arguments, true)),
    Method::of("JSON", "execute2", &[Kind::Json, Kind::Any], 2, |run, arguments| execute(run, arguments, false)),
];

fn new(_: &Arc<Run>, _: &Arguments) -> Step {
    let json = Json { unformatted: AtomicBool::new(false), empty_is_object: AtomicBool::new(true) };
    Step::Now(Answer::Json(json))
}

fn set_unformatted(_: &Arc<Run>, arguments: &Arguments) -> Step {
    arguments.with(0, |json: &Json| json.unformatted.store(arguments.flag(1), Ordering::Relaxed));
    Step::Now(Answer::Nothing)
}

fn set_empty_is_object(_: &Arc<Run>, arguments: &Arguments) -> Step {
    arguments.with(0, |json: &Json| json.empty_is_object.store(arguments.flag(1), Ordering::Relaxed));
    Step::Now(Answer::Nothing)
}

/// A table; no value for what is no JSON, an empty table for a scalar.
fn decode(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(&arguments.bytes(1)) else {
        return Step::Now(Answer::Nothing);
    };
    let lua = arguments.lua();
    let value = match json {
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => to_lua(lua, json),
        _ => lua.create_table().map(Value::Table),
    };
    value.map_or_else(|error| Step::Fail(error.to_string()), |value| Step::Now(Answer::Value(value)))
}

pub(super) fn to_lua(lua: &Lua, json: serde_json::Value) -> mlua::Result<Value> {
    to_lua_with(lua, json, &Value::Nil)
}

/// The same with a value that stands for null.
pub(super) fn to_lua_with(lua: &Lua, json: serde_json::Value, null: &Value) -> mlua::Result<Value> {
    Ok(match json {
        serde_json::Value::Null => null.clone(),
        serde_json::Value::Bool(value) => Value::Boolean(value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(lua.create_string(text)?),
        serde_json::Value::Array(items) => {
            let table = lua.create_table()?;
            for (at, item) in (1..).zip(items) {
                let at: i64 = at;
                table.raw_set(at, to_lua_with(lua, item, null)?)?;
            }
            Value::Table(table)
        }
        serde_json::Value::Object(fields) => {
            let table = lua.create_table()?;
            for (name, field) in fields {
                table.raw_set(name, to_lua_with(lua, field, null)?)?;
            }
            Value::Table(table)
        }
    })
}

/// A command of the JSON API: `{"command": "fsapi", "data": {"cmd": …, "arg": …}}`. Other commands do not exist here, and
/// the reply says so as FreeSWITCH's does.
fn execute(run: &Arc<Run>, arguments: &Arguments, as_table: bool) -> Step {
    let given = match arguments.table(1) {
        Some(table) => from_table(table, true, 0),
        None => serde_json::from_slice(&arguments.bytes(1)).map_err(|error| error.to_string()),
    };
    let request = match given {
        Ok(serde_json::Value::Object(request)) => request,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let field = |name: &str| {
        let data = request.get("data").and_then(|data| data.get(name));
        data.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let command = request.get("command").and_then(serde_json::Value::as_str).unwrap_or_default();
    let (name, args) = match command {
        "fsapi" => (field("cmd"), field("arg")),
        "status" => ("status".to_owned(), String::new()),
        _ => (String::new(), String::new()),
    };
    if let Some(why) = run.policy.refuses(&name) {
        return Step::Fail(why);
    }
    let run = Arc::clone(run);
    Step::wait(async move {
        let output = if name.is_empty() { None } else { run.host.api().start(name, args).await.ok().flatten() };
        let mut reply = request;
        if let Some(output) = output {
            reply.insert("status".to_owned(), "success".into());
            reply.insert("response".to_owned(), serde_json::json!({ "message": output }));
        } else {
            reply.insert("status".to_owned(), "error".into());
            reply.insert("message".to_owned(), "Invalid request or non-existent command".into());
        }
        let reply = serde_json::Value::Object(reply);
        Ok(if as_table { Answer::Decoded(reply) } else { Answer::Text(reply.to_string()) })
    })
}

fn encode(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let settings =
        |json: &Json| (json.unformatted.load(Ordering::Relaxed), json.empty_is_object.load(Ordering::Relaxed));
    let (unformatted, empty_is_object) = arguments.with(0, settings).unwrap_or((false, true));
    let Some(table) = arguments.table(1) else { return Step::Now(Answer::Nothing) };
    let json = match from_table(table, empty_is_object, 0) {
        Ok(json) => json,
        Err(text) => return Step::Fail(text),
    };
    let text = if unformatted { serde_json::to_string(&json) } else { serde_json::to_string_pretty(&json) };
    text.map_or_else(|error| Step::Fail(error.to_string()), |text| Step::Now(Answer::Text(text)))
}

/// A value as JSON, one value standing for null.
pub(super) fn from_value(value: &Value, null: &Value) -> Result<serde_json::Value, String> {
    if value == null {
        return Ok(serde_json::Value::Null);
    }
    let Value::Table(table) = value else { return from_lua(value, true, 0) };
    from_table_with(table, true, 0, null)
}

/// A table whose first key is 1 is an array.
fn from_table(table: &Table, empty_is_object: bool, depth: usize) -> Result<serde_json::Value, String> {
    from_table_with(table, empty_is_object, depth, &Value::Nil)
}

fn from_table_with(
    table: &Table,
    empty_is_object: bool,
    depth: usize,
    null: &Value,
) -> Result<serde_json::Value, String> {
    if depth > DEEPEST {
        return Err(format!("JSON: tables nested deeper than {DEEPEST}"));
    }
    let pairs: Vec<(Value, Value)> =
        table.pairs().collect::<mlua::Result<_>>().map_err(|error: mlua::Error| error.to_string())?;
    if pairs.is_empty() {
        return Ok(if empty_is_object { serde_json::json!({}) } else { serde_json::json!([]) });
    }
    let inner = |value: &Value| match value {
        value if value == null => Ok(serde_json::Value::Null),
        Value::Table(table) => from_table_with(table, empty_is_object, depth + 1, null),
        value => from_lua(value, empty_is_object, depth + 1),
    };
    if matches!(pairs.first(), Some((Value::Integer(1), _))) {
        return pairs.iter().map(|(_, value)| inner(value)).collect();
    }
    let mut object = serde_json::Map::new();
    for (key, value) in &pairs {
        object.insert(arguments::text(key).unwrap_or_default(), inner(value)?);
    }
    Ok(serde_json::Value::Object(object))
}

fn from_lua(value: &Value, empty_is_object: bool, depth: usize) -> Result<serde_json::Value, String> {
    Ok(match value {
        Value::Boolean(value) => (*value).into(),
        Value::Integer(number) => (*number).into(),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => (*number as i64).into(),
        Value::Number(number) => (*number).into(),
        Value::String(text) => text.to_string_lossy().into(),
        Value::Table(table) => from_table(table, empty_is_object, depth)?,
        _ => serde_json::Value::Null,
    })
}
