//! The one table of what scripts may call, and the shape of its rows.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use mlua::{IntoLua, Lua, MultiValue, Value};

use super::arguments::{Arguments, Kind};
use super::dbh::Null;
use super::run::Run;
use super::seams::Row;
use super::{api, consumer, dbh, dtmf, event, freeswitch, internal, ivr, json, modules, session, socket, stream};

/// What a method answers to its script.
pub(super) enum Answer {
    /// No value at all.
    Nothing,
    /// nil.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A string.
    Text(String),
    /// A string of any bytes.
    Bytes(Vec<u8>),
    /// A digit for the input callback.
    Digit(char, u32),
    /// nil and 0.
    NilAndZero,
    /// Success, how it ended, number: what `os.execute` answers.
    Exit(bool, &'static str, i64),
    /// A session object.
    Session(session::Session),
    /// An API object.
    Api(api::Api),
    /// A stream object.
    Stream(stream::Stream),
    /// A JSON object.
    Json(json::Json),
    /// An event object.
    Event(event::Event),
    /// A listener.
    Consumer(consumer::EventConsumer),
    /// A digit object.
    Dtmf(dtmf::Dtmf),
    /// A menu object.
    Menu(ivr::IvrMenu),
    /// A database object.
    Dbh(dbh::Dbh),
    /// True, and rows, each a table of what its columns hold.
    Rows(Vec<Row>, Null),
    /// Success, rows, text of an error.
    RowsOrError(Result<Vec<Row>, &'static str>),
    /// A connection.
    Connection(socket::Tcp),
    /// Bytes, and the error that kept them from being more.
    Received(Vec<u8>, Option<String>),
    /// A number, and the error that kept it from being larger.
    Sent(i64, Option<String>),
    /// nil and why.
    NilAnd(String),
    /// An address and a port.
    Address(std::net::SocketAddr),
    /// An HTTP answer: body, status, headers.
    Fetched(super::seams::Fetched),
    /// JSON as tables.
    Decoded(serde_json::Value),
    /// A value made already.
    Value(Value),
    /// Several.
    Values(Vec<Value>),
}

impl Answer {
    /// The values.
    pub(super) fn into_values(self, lua: &Lua) -> mlua::Result<MultiValue> {
        let value = match self {
            Self::Nothing => return Ok(MultiValue::new()),
            Self::Values(values) => return Ok(values.into_iter().collect()),
            Self::Digit(digit, duration) => {
                let digit = digit.to_string().into_lua(lua)?;
                return Ok(["dtmf".into_lua(lua)?, digit, Value::Integer(duration.into())].into_iter().collect());
            }
            Self::NilAndZero => return Ok([Value::Nil, Value::Integer(0)].into_iter().collect()),
            Self::Exit(fine, how, code) => {
                let fine = if fine { Value::Boolean(true) } else { Value::Nil };
                return Ok([fine, how.into_lua(lua)?, Value::Integer(code)].into_iter().collect());
            }
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Boolean(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Text(text) => Value::String(lua.create_string(text)?),
            Self::Bytes(text) => Value::String(lua.create_string(text)?),
            Self::Session(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Api(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Stream(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Event(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Consumer(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Dtmf(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Menu(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Dbh(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Rows(rows, null) => {
                let rows = Value::Table(dbh::table(lua, &rows, null)?);
                return Ok([Value::Boolean(true), rows].into_iter().collect());
            }
            Self::RowsOrError(Ok(rows)) => {
                let rows = Value::Table(dbh::table(lua, &rows, Null::Absent)?);
                return Ok([Value::Boolean(true), rows, Value::Nil].into_iter().collect());
            }
            Self::RowsOrError(Err(text)) => {
                let rows = Value::Table(lua.create_table()?);
                return Ok([Value::Boolean(false), rows, text.into_lua(lua)?].into_iter().collect());
            }
            Self::Connection(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Received(bytes, why) => {
                return Ok([Value::String(lua.create_string(bytes)?), why.into_lua(lua)?].into_iter().collect());
            }
            Self::Sent(count, why) => return Ok([Value::Integer(count), why.into_lua(lua)?].into_iter().collect()),
            Self::NilAnd(why) => return Ok([Value::Nil, why.into_lua(lua)?].into_iter().collect()),
            Self::Address(address) => {
                let ip = address.ip().to_string().into_lua(lua)?;
                return Ok([ip, Value::Integer(address.port().into())].into_iter().collect());
            }
            Self::Fetched(answer) => {
                let headers = lua.create_table_with_capacity(0, answer.headers.len())?;
                for (name, value) in answer.headers {
                    headers.raw_set(name, value)?;
                }
                let body = Value::String(lua.create_string(answer.body)?);
                return Ok([body, Value::Integer(answer.status.into()), Value::Table(headers)].into_iter().collect());
            }
            Self::Json(object) => Value::UserData(lua.create_userdata(object)?),
            Self::Decoded(value) => json::to_lua(lua, value)?,
            Self::Value(value) => value,
        };
        Ok([value].into_iter().collect())
    }
}

/// What a waiting method comes to: an answer, or the message of an error.
pub(super) type Outcome = Result<Answer, String>;

/// A method that waits.
pub(super) type Wait = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What a call of a method comes to.
pub(super) enum Step {
    /// At once.
    Now(Answer),
    /// An error of the script, raised at the place of the call.
    Fail(String),
    /// Later; the script waits.
    Wait(Wait),
}

impl Step {
    /// A waiting step.
    pub(super) fn wait(future: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Self::Wait(Box::pin(future))
    }

    /// The error of what is not offered yet.
    pub(super) fn missing(what: &str) -> Self {
        Self::Fail(format!("{what} is not available yet"))
    }
}

/// One method, function or constructor.
pub(super) struct Method {
    /// Class that declares it, as messages name it; empty: a function of `freeswitch`; `@`: for the prelude only.
    pub owner: &'static str,
    /// Name; that of the owner: its constructor.
    pub name: &'static str,
    /// Types of the parameters, the object included.
    pub parameters: &'static [Kind],
    /// How many must be given.
    pub required: usize,
    /// Whether a wrong call is refused with the list of prototypes.
    pub overloaded: bool,
    /// Whether a due hang-up hook runs before and after it.
    pub checkpoint: bool,
    /// Whether the prelude defines the method around this.
    pub wrapped: bool,
    /// What it does.
    pub run: fn(&Arc<Run>, &Arguments) -> Step,
}

type Body = fn(&Arc<Run>, &Arguments) -> Step;

impl Method {
    pub(super) const fn of(
        owner: &'static str,
        name: &'static str,
        parameters: &'static [Kind],
        required: usize,
        run: Body,
    ) -> Self {
        Self { owner, name, parameters, required, overloaded: false, checkpoint: false, wrapped: false, run }
    }

    pub(super) const fn constructor(
        name: &'static str,
        parameters: &'static [Kind],
        required: usize,
        run: Body,
    ) -> Self {
        Self::of(name, name, parameters, required, run)
    }

    pub(super) const fn overloaded(mut self) -> Self {
        self.overloaded = true;
        self
    }

    pub(super) const fn checkpoint(mut self) -> Self {
        self.checkpoint = true;
        self
    }

    pub(super) const fn wrapped(mut self) -> Self {
        self.wrapped = true;
        self
    }

    /// Class in which scripts find it.
    pub(super) fn class(&self) -> &'static str {
        if self.owner == "CoreSession" { "Session" } else { self.owner }
    }

    pub(super) fn is_constructor(&self) -> bool {
        self.owner == self.name
    }

    pub(super) fn is_method(&self) -> bool {
        !self.owner.is_empty() && self.owner != "@" && !self.is_constructor()
    }

    /// As messages name it.
    pub(super) fn full_name(&self, separator: &str) -> String {
        if self.is_constructor() && separator == "_" {
            return format!("new_{}", self.name);
        }
        if self.owner.is_empty() { self.name.to_owned() } else { format!("{}{separator}{}", self.owner, self.name) }
    }
}

static TABLE: LazyLock<Vec<&'static Method>> = LazyLock::new(|| {
    [
        internal::METHODS,
        modules::METHODS,
        socket::METHODS,
        session::METHODS,
        api::METHODS,
        stream::METHODS,
        json::METHODS,
        event::METHODS,
        consumer::METHODS,
        dtmf::METHODS,
        dbh::METHODS,
        ivr::METHODS,
        freeswitch::METHODS,
    ]
    .into_iter()
    .flatten()
    .collect()
});

/// All rows; a row's place is its number in the prelude.
pub(super) fn all() -> &'static [&'static Method] {
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unique_and_sound() {
        let mut names: Vec<_> = all().iter().map(|method| (method.class(), method.name)).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "two rows of one name");
        for method in all() {
            assert!(method.required <= method.parameters.len(), "{}", method.full_name("::"));
            assert!(!method.is_method() || method.required > 0, "{} takes its object", method.full_name("::"));
        }
    }
}
