//! Arguments of methods: what scripts may pass, how it is converted, and the texts of refusals. Scripts compare these
//! texts, so they are FreeSWITCH's.

use mlua::{AnyUserData, Lua, Table, Value};

use super::table::Method;

/// Type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string or number; nil is "not given".
    Text,
    /// A number or numeric string, truncated toward zero.
    Int,
    /// A real boolean.
    Bool,
    /// `freeswitch.Session`, or nil.
    Session,
    /// `freeswitch.API`.
    Api,
    /// `freeswitch.Stream`.
    Stream,
    /// `freeswitch.JSON`.
    Json,
    /// An event.
    Event,
    /// `freeswitch.EventConsumer`.
    Consumer,
    /// `freeswitch.DTMF`.
    Dtmf,
    /// `freeswitch.Dbh`.
    Dbh,
    /// `freeswitch.IVRMenu`, or nil.
    Menu,
    /// Any object of the switch.
    Object,
    /// A function, or nil.
    Function,
    /// A table.
    Table,
    /// The name of a global function, or a function.
    Callback,
    /// Anything.
    Any,
}

impl Kind {
    /// As messages name it.
    fn name(self) -> &'static str {
        match self {
            Self::Text => "char *",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Session => "CoreSession *",
            Self::Api => "API *",
            Self::Stream => "Stream *",
            Self::Json => "JSON *",
            Self::Event => "Event *",
            Self::Consumer => "EventConsumer *",
            Self::Dtmf => "DTMF *",
            Self::Dbh => "Dbh *",
            Self::Menu => "IVRMenu *",
            Self::Object => "void *",
            Self::Function => "SWIGLUA_FN",
            Self::Table => "table",
            Self::Callback => "char *",
            Self::Any => "value",
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => matches!(value, Value::Nil | Value::String(_) | Value::Integer(_) | Value::Number(_)),
            Self::Int => integer(value).is_some(),
            Self::Bool => matches!(value, Value::Boolean(_)),
            Self::Session => value.is_nil() || is_object::<super::session::Session>(value),
            Self::Api => is_object::<super::api::Api>(value),
            Self::Stream => is_object::<super::stream::Stream>(value),
            Self::Json => is_object::<super::json::Json>(value),
            Self::Event => is_object::<super::event::Event>(value),
            Self::Consumer => is_object::<super::consumer::EventConsumer>(value),
            Self::Dtmf => is_object::<super::dtmf::Dtmf>(value),
            Self::Dbh => is_object::<super::dbh::Dbh>(value),
            Self::Menu => value.is_nil() || is_object::<super::ivr::IvrMenu>(value),
            Self::Object => value.is_nil() || value.is_userdata(),
            Self::Function => value.is_nil() || value.is_function(),
            Self::Table => value.is_table(),
            Self::Callback => value.is_function() || Self::Text.takes(value),
            Self::Any => true,
        }
    }
}

fn is_object<T: 'static>(value: &Value) -> bool {
    matches!(value, Value::UserData(data) if data.is::<T>())
}

/// Arguments of one call, checked against the method's parameters.
pub(super) struct Arguments<'a> {
    lua: &'a Lua,
    values: Vec<Value>,
}

impl<'a> Arguments<'a> {
    /// Checks number and types. The error is the message for the script, without its position.
    pub(super) fn check(lua: &'a Lua, method: &Method, values: Vec<Value>) -> Result<Self, String> {
        let (least, most, given) = (method.required, method.parameters.len(), values.len());
        let wrong = values.iter().zip(method.parameters).position(|(value, kind)| !kind.takes(value));
        let count_fits = (least..=most).contains(&given);
        if count_fits && wrong.is_none() {
            return Ok(Self { lua, values });
        }
        if method.overloaded {
            return Err(overload_error(method));
        }
        let name = method.full_name("::");
        let Some((at, value, kind)) =
            wrong.filter(|_| count_fits).and_then(|at| Some((at, values.get(at)?, method.parameters.get(at)?)))
        else {
            return Err(format!("Error in {name} expected {least}..{most} args, got {given}"));
        };
        Err(format!("Error in {name} (arg {}), expected '{}' got '{}'", at + 1, kind.name(), type_of(value)))
    }

    fn get(&self, at: usize) -> &Value {
        self.values.get(at).unwrap_or(&Value::Nil)
    }

    /// The state in which the method was called.
    pub(super) fn lua(&self) -> &Lua {
        self.lua
    }

    /// How many were given.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Text; none for nil. Bytes after a NUL are lost, what is no UTF-8 is replaced.
    pub(super) fn text(&self, at: usize) -> Option<String> {
        text(self.get(at))
    }

    /// Text; empty for nil.
    pub(super) fn text_or_empty(&self, at: usize) -> String {
        self.text(at).unwrap_or_default()
    }

    /// An integer; `default` when not given.
    pub(super) fn integer(&self, at: usize, default: i64) -> i64 {
        integer(self.get(at)).unwrap_or(default)
    }

    /// An integer clamped to what is not negative; `default` when not given.
    pub(super) fn unsigned(&self, at: usize, default: u32) -> u32 {
        u32::try_from(self.integer(at, i64::from(default)).max(0)).unwrap_or(u32::MAX)
    }

    /// A boolean; false when not given.
    pub(super) fn flag(&self, at: usize) -> bool {
        matches!(self.get(at), Value::Boolean(true))
    }

    /// The bytes of a string.
    pub(super) fn bytes(&self, at: usize) -> Vec<u8> {
        match self.get(at) {
            Value::String(text) => text.as_bytes().to_vec(),
            other => text(other).unwrap_or_default().into_bytes(),
        }
    }

    /// A table.
    pub(super) fn table(&self, at: usize) -> Option<&Table> {
        self.get(at).as_table()
    }

    /// The value as it is.
    pub(super) fn value(&self, at: usize) -> &Value {
        self.get(at)
    }

    /// Reads an object's data.
    pub(super) fn with<T: 'static, R>(&self, at: usize, read: impl FnOnce(&T) -> R) -> Option<R> {
        let data: &AnyUserData = self.get(at).as_userdata()?;
        data.borrow::<T>().ok().map(|object| read(&object))
    }
}

/// Text of a string or number. A float without fraction prints as an integer.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let bytes = text.as_bytes();
            let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        Value::Integer(number) => Some(number.to_string()),
        Value::Number(number) => Some(float_text(*number)),
        _ => None,
    }
}

/// As `%.14g` prints it, without `.0`.
fn float_text(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let scientific = format!("{number:.13e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..14).contains(&exponent) {
        let decimals = usize::try_from(13_i32.saturating_sub(exponent)).unwrap_or(0);
        let plain = format!("{number:.decimals$}");
        return without_zeros(&plain).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.unsigned_abs())
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) if number.is_finite() => Some(number.trunc() as i64),
        Value::String(text) => {
            let text = text.to_str().ok()?;
            let text = text.trim();
            text.parse::<i64>().ok().or_else(|| {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
                Some(number.trunc() as i64)
            })
        }
        _ => None,
    }
}

/// Type of a value as messages name it.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        Value::UserData(_) => "userdata",
        other => other.type_name(),
    }
}

fn overload_error(method: &Method) -> String {
    use std::fmt::Write as _;

    let mut text = format!(
        "Wrong arguments for overloaded function '{}'\n  Possible C/C++ prototypes are:\n",
        method.full_name("_")
    );
    let own = usize::from(method.is_method());
    for count in method.required..=method.parameters.len() {
        let shown = method.parameters.get(own..count).unwrap_or_default();
        let shown: Vec<&str> = shown.iter().map(|kind| kind.name()).collect();
        let _ = writeln!(text, "    {}({})", method.full_name("::"), shown.join(","));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_without_a_needless_fraction() {
        for (number, expected) in [
            (5.0, "5"),
            (5.5, "5.5"),
            (-1.0, "-1"),
            (0.1, "0.1"),
            (1e15, "1e+15"),
            (1.5e-7, "1.5e-07"),
            (100_000.0, "100000"),
            (1.0 / 3.0, "0.33333333333333"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(float_text(number), expected);
        }
    }
}
