//! What `require "socket"` and `require "socket.http"` stand on: connections and requests by the host's [`Network`]. The
//! library itself is in the prelude.
//!
//! [`Network`]: super::seams::Network

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mlua::{UserData, UserDataRegistry, Value};

use super::arguments::{Arguments, Kind};
use super::objects;
use super::policy::Handle;
use super::run::Run;
use super::seams::{Connection, Fetch, Wanted};
use super::table::{Answer, Method, Step};

use Kind::{Any, Int, Table, Text};

const CLOSED: &str = "closed";

/// Headers of one request.
const MOST_HEADERS: usize = 64;

/// A connection; none after `close`.
#[derive(Clone)]
pub(super) struct Tcp(Arc<Mutex<Option<Open>>>);

/// It counts among what the run holds open.
type Open = (Arc<dyn Connection>, Handle);

impl Tcp {
    fn connection(&self) -> Option<Arc<dyn Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(connection, _)| Arc::clone(connection))
    }
}

impl UserData for Tcp {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "Tcp");
    }
}

/// Limits are ms; nil or less than 0 is none.
pub(super) const METHODS: &[Method] = &[
    Method::of("@", "has_network", &[], 0, has_network),
    Method::of("@", "tcp_connect", &[Text, Int, Any], 3, connect),
    Method::of("@", "tcp_send", &[Any, Text, Any], 3, send),
    Method::of("@", "tcp_receive", &[Any, Any, Any], 3, receive),
    Method::of("@", "tcp_address", &[Any, Kind::Bool], 2, address),
    Method::of("@", "tcp_close", &[Any], 1, close),
    Method::of("@", "fetch", &[Text, Text, Table, Any, Any], 5, fetch),
];

fn limit(arguments: &Arguments, at: usize) -> Option<Duration> {
    let ms = arguments.value(at).as_f64().filter(|ms| *ms >= 0.0)?;
    Duration::try_from_secs_f64(ms / 1000.0).ok()
}

/// Whether there is a network; an error in the profile that forbids it.
fn has_network(run: &Arc<Run>, _: &Arguments) -> Step {
    if run.policy.roots.is_some() {
        return Step::Fail("sockets are not allowed: lua-profile is restricted".to_owned());
    }
    Step::Now(Answer::Bool(run.host.network().is_some()))
}

fn connect(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(network) = run.host.network().filter(|_| run.policy.roots.is_none()) else {
        return Step::Fail("there is no network here".to_owned());
    };
    let Ok(port) = u16::try_from(arguments.integer(1, 0)) else {
        return Step::Now(Answer::NilAnd("host or service not provided, or not known".to_owned()));
    };
    let (host, limit) = (arguments.text_or_empty(0), limit(arguments, 2));
    let handle = match run.handles.open() {
        Ok(handle) => handle,
        Err(why) => return Step::Fail(why),
    };
    Step::wait(async move {
        Ok(match network.connect(host, port, limit).await {
            Ok(connection) => Answer::Connection(Tcp(Arc::new(Mutex::new(Some((connection, handle)))))),
            Err(why) => Answer::NilAnd(why),
        })
    })
}

fn connection(arguments: &Arguments) -> Option<Arc<dyn Connection>> {
    arguments.with(0, Tcp::connection).flatten()
}

fn send(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(connection) = connection(arguments) else { return Step::Now(Answer::Sent(0, Some(CLOSED.to_owned()))) };
    let (data, limit) = (arguments.bytes(1), limit(arguments, 2));
    Step::wait(async move {
        let (sent, why) = connection.send(data, limit).await;
        Ok(Answer::Sent(i64::try_from(sent).unwrap_or(i64::MAX), why))
    })
}

fn receive(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(connection) = connection(arguments) else {
        return Step::Now(Answer::Received(Vec::new(), Some(CLOSED.to_owned())));
    };
    let wanted = match arguments.value(1) {
        Value::Nil => Some(Wanted::Line),
        Value::String(text) => match text.to_string_lossy().trim_start_matches('*') {
            word if word.starts_with('l') => Some(Wanted::Line),
            word if word.starts_with('a') => Some(Wanted::All),
            number => number.parse().ok().map(Wanted::Octets),
        },
        _ => usize::try_from(arguments.integer(1, -1)).ok().map(Wanted::Octets),
    };
    let Some(wanted) = wanted else {
        return Step::Fail("bad argument #1 to 'receive' (invalid receive pattern)".to_owned());
    };
    let limit = limit(arguments, 2);
    Step::wait(async move {
        let (data, why) = connection.receive(wanted, limit).await;
        Ok(Answer::Received(data, why))
    })
}

/// Of the other end, or of ours.
fn address(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(connection) = connection(arguments) else { return Step::Now(Answer::NilAnd(CLOSED.to_owned())) };
    let (ours, theirs) = connection.addresses();
    Step::Now(Answer::Address(if arguments.flag(1) { theirs } else { ours }))
}

fn close(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let close = |tcp: &Tcp| drop(tcp.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    arguments.with(0, close);
    Step::Now(Answer::Integer(1))
}

fn fetch(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(network) = run.host.network().filter(|_| run.policy.roots.is_none()) else {
        return Step::Fail("there is no network here".to_owned());
    };
    let mut headers = Vec::new();
    for pair in arguments.table(2).into_iter().flat_map(mlua::Table::pairs::<Value, Value>) {
        let text = |value| super::arguments::text(value);
        if let Ok((name, value)) = &pair
            && let (Some(name), Some(value)) = (text(name), text(value))
        {
            headers.push((name, value));
        }
        if headers.len() > MOST_HEADERS {
            return Step::Fail(format!("more than {MOST_HEADERS} headers"));
        }
    }
    let request = Fetch {
        url: arguments.text_or_empty(0),
        method: arguments.text_or_empty(1).to_ascii_uppercase(),
        headers,
        body: (!arguments.value(3).is_nil()).then(|| arguments.bytes(3)),
        limit: limit(arguments, 4),
    };
    Step::wait(async move {
        Ok(match network.fetch(request).await {
            Ok(answer) => Answer::Fetched(answer),
            Err(why) => Answer::NilAnd(why),
        })
    })
}
