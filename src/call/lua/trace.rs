//! Watching what a script calls: each method with its arguments and its result.

use std::sync::Arc;

use mlua::Value;
use tokio::time::Instant;

use super::arguments::{Arguments, text};
use super::event;
use super::run::Run;
use super::table::{Answer, Method, Outcome};
use crate::call::event::{Event, EventName};

/// Subclass of the events that tell of calls. They are fired while somebody listens to it by name.
const SUBCLASS: &str = "lua::trace";

/// Longest text of one value that is told, letters.
const LONGEST: usize = 120;

/// Is told of every call of a method, function or constructor.
pub trait Trace: Send + Sync {
    /// One begins; the answer comes back with its end. Times are the watcher's.
    fn begins(&self) -> u64;

    /// One has ended: when it began, what was called, and what came of it; an empty result is no value.
    fn ended(&self, began: u64, call: &str, result: &str);
}

/// A call that is watched until it ends.
pub(super) struct Watched {
    run: Arc<Run>,
    call: String,
    /// The host's watcher, and what it said at the beginning.
    trace: Option<(Arc<dyn Trace>, u64)>,
    /// When it began, for the event.
    since: Option<Instant>,
}

impl Watched {
    /// A call that begins; none: nobody watches, or it is the prelude's own.
    pub(super) fn begin(run: &Arc<Run>, method: &Method, arguments: &Arguments) -> Option<Self> {
        let trace = run.host.trace();
        let told = run.host.events().asks_for(EventName::CUSTOM, SUBCLASS);
        if trace.is_none() && !told {
            return None;
        }
        let call = call_text(method, arguments)?;
        let trace = trace.map(|trace| (Arc::clone(trace), trace.begins()));
        Some(Self { run: Arc::clone(run), call, trace, since: told.then(Instant::now) })
    }

    /// It has ended.
    pub(super) fn end(self, outcome: &Outcome) {
        let result = match outcome {
            Ok(answer) => result(answer),
            Err(message) => format!("error: {message}"),
        };
        if let Some((trace, began)) = &self.trace {
            trace.ended(*began, &self.call, &result);
        }
        if let Some(since) = self.since {
            self.fire(&result, since);
        }
    }

    fn fire(&self, result: &str, since: Instant) {
        let run = &self.run;
        let mut event = Event::new(EventName::CUSTOM, Some(SUBCLASS), &event::origin(run));
        for (name, value) in [
            ("Unique-ID", run.uuid()),
            ("Lua-Script", &run.name),
            ("Lua-Call", &self.call),
            ("Lua-Result", result),
            ("Lua-Duration-Ms", &since.elapsed().as_millis().to_string()),
        ] {
            event.add(name, value);
        }
        run.host.events().publish(event);
    }
}

/// A call as a script would write it; none: it is the prelude's own.
fn call_text(method: &Method, arguments: &Arguments) -> Option<String> {
    if method.owner == "@" {
        // What an input callback answered is the one thing the prelude asks that a script's author wants to see.
        return (method.name == "go_on").then(|| format!("input callback: {}", shown(arguments.value(1))));
    }
    let own = usize::from(method.is_method());
    let list: Vec<String> = (own..arguments.len()).map(|at| shown(arguments.value(at))).collect();
    let receiver = match method.class() {
        _ if !method.is_method() => "freeswitch.".to_owned(),
        "EventConsumer" => "consumer:".to_owned(),
        class => format!("{}:", class.to_ascii_lowercase()),
    };
    Some(format!("{receiver}{}({})", method.name, list.join(", ")))
}

/// A value as a script would write it.
fn shown(value: &Value) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::String(_) => quoted(&text(value).unwrap_or_default()),
        Value::Integer(_) | Value::Number(_) => text(value).unwrap_or_default(),
        Value::Table(_) => "{…}".to_owned(),
        Value::Function(_) => "function".to_owned(),
        // `<userdata of type 'LUA::Session *' at 0x…>`
        other => {
            let whole = other.to_string().unwrap_or_default();
            let class = whole.split('\'').nth(1).unwrap_or("object");
            class.trim_start_matches("LUA::").trim_end_matches(" *").to_ascii_lowercase()
        }
    }
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

#[allow(clippy::match_wildcard_for_single_variants, reason = "an answer that is added is shown as something")]
fn result(answer: &Answer) -> String {
    match answer {
        Answer::Nothing => String::new(),
        Answer::Nil => "nil".to_owned(),
        Answer::Bool(value) => value.to_string(),
        Answer::Integer(value) => value.to_string(),
        Answer::Text(text) => quoted(text),
        Answer::Bytes(bytes) => quoted(&String::from_utf8_lossy(bytes)),
        Answer::Digit(digit, _) => format!("digit {digit} for the input callback"),
        Answer::NilAndZero => "nil, 0".to_owned(),
        Answer::Exit(fine, how, code) => format!("{fine}, {how:?}, {code}"),
        Answer::Session(_) => "a session".to_owned(),
        Answer::Rows(rows, _) => format!("true, {} rows", rows.len()),
        Answer::RowsOrError(Ok(rows)) => format!("true, {} rows", rows.len()),
        Answer::RowsOrError(Err(why)) => format!("false, {{}}, {}", quoted(why)),
        Answer::Value(value) => shown(value),
        _ => "an object".to_owned(),
    }
}
