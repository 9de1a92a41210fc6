//! `freeswitch.Event`: what happened, as headers and a body.

use std::sync::{Arc, Mutex, PoisonError};

use mlua::{UserData, UserDataRegistry};

use super::arguments::{Arguments, Kind};
use super::log::{self, Level};
use super::objects;
use super::run::Run;
use super::table::{Answer, Method, Step};
use crate::call::event::{self, EventName, Origin};

use Kind::{Event as Object, Int, Text};

/// An event of a script.
#[derive(Clone)]
pub(super) struct Event(Arc<Inner>);

struct Inner {
    event: Mutex<event::Event>,
    /// The script made it and may fire it.
    own: bool,
}

impl Event {
    /// An event the script was given.
    pub(super) fn given(event: event::Event) -> Self {
        Self(Arc::new(Inner { event: Mutex::new(event), own: false }))
    }

    /// Looks at the event or changes it.
    pub(super) fn with<T>(&self, with: impl FnOnce(&mut event::Event) -> T) -> T {
        with(&mut self.0.event.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl UserData for Event {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "Event");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor("Event", &[Text, Text], 1, new).overloaded(),
    Method::of("Event", "getHeader", &[Object, Text], 2, get_header),
    Method::of("Event", "addHeader", &[Object, Text, Text], 3, add_header),
    Method::of("Event", "delHeader", &[Object, Text], 2, del_header),
    Method::of("Event", "addBody", &[Object, Text], 2, add_body),
    Method::of("Event", "getBody", &[Object], 1, get_body),
    Method::of("Event", "getType", &[Object], 1, get_type),
    Method::of("Event", "serialize", &[Object, Text], 1, serialize),
    Method::of("Event", "fire", &[Object], 1, fire),
    Method::of("Event", "merge", &[Object, Object], 2, merge),
    Method::of("Event", "setPriority", &[Object, Int], 1, |_, _| Step::Now(Answer::Bool(true))),
    Method::of("Event", "chat_execute", &[Object, Text, Text], 2, |_, _| Step::missing("event:chat_execute")),
    Method::of("Event", "chat_send", &[Object, Text], 1, |_, _| Step::missing("event:chat_send")),
];

/// What all events of the switch begin with.
pub(super) fn origin(run: &Run) -> Origin {
    let global = |name| run.host.globals().get(name).unwrap_or_default();
    Origin {
        core_uuid: global("core_uuid"),
        hostname: global("hostname"),
        switchname: global("switchname"),
        address: global("local_ip_v4"),
        now: run.host.api().now(),
        sequence: run.host.events().next_sequence(),
    }
}

/// An unknown name makes a `MESSAGE`; a subclass makes any other a `CUSTOM`.
fn new(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (name, subclass) = (arguments.text_or_empty(0), arguments.text(1).filter(|text| !text.is_empty()));
    if name.eq_ignore_ascii_case("json")
        && let Some(text) = &subclass
    {
        return Step::Now(from_json(text).map_or_else(
            || {
                log::write(run, Level::Err, "Event: the text is no JSON object");
                Answer::Nil
            },
            own,
        ));
    }
    let message = || EventName::parse("MESSAGE").unwrap_or(EventName::CUSTOM);
    let mut name = EventName::parse(&name).unwrap_or_else(message);
    if subclass.is_some() && name != EventName::CUSTOM {
        log::write(run, Level::Warning, "Event: an event with a subclass becomes a CUSTOM event");
        name = EventName::CUSTOM;
    }
    Step::Now(own(event::Event::new(name, subclass.as_deref(), &origin(run))))
}

fn own(event: event::Event) -> Answer {
    Answer::Event(Event(Arc::new(Inner { event: Mutex::new(event), own: true })))
}

/// The event that [`event::Event::json`] printed.
fn from_json(text: &str) -> Option<event::Event> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let name = object.get("Event-Name").and_then(|name| EventName::parse(name.as_str()?));
    let mut event = event::Event::bare(name.unwrap_or(EventName::CUSTOM));
    for (name, value) in &object {
        match (name.as_str(), value) {
            ("_body", serde_json::Value::String(body)) => event.set_body(body),
            ("Content-Length", _) => {}
            (name, serde_json::Value::String(text)) => drop(event.add(name, text)),
            (name, serde_json::Value::Array(items)) => {
                for item in items.iter().filter_map(serde_json::Value::as_str) {
                    event.add(name, item);
                }
            }
            (name, other) => drop(event.add(name, &other.to_string())),
        }
    }
    Some(event)
}

/// Reads or changes the event of argument 0.
fn on(arguments: &Arguments, with: impl FnOnce(&mut event::Event) -> Answer) -> Step {
    Step::Now(arguments.with(0, |event: &Event| event.with(with)).unwrap_or(Answer::Nil))
}

/// A header without text reads as none.
fn get_header(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let name = arguments.text_or_empty(1);
    if name.is_empty() {
        log::write(run, Level::Err, "getHeader: no name");
        return Step::Now(Answer::Nil);
    }
    on(arguments, |event| {
        event.get(&name).filter(|value| !value.is_empty()).map_or(Answer::Nil, |value| Answer::Text(value.to_owned()))
    })
}

fn add_header(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let (Some(name), Some(value)) = (arguments.text(1).filter(|name| !name.is_empty()), arguments.text(2)) else {
        return Step::Now(Answer::Bool(false));
    };
    on(arguments, |event| Answer::Bool(event.add(&name, &value)))
}

fn del_header(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let name = arguments.text_or_empty(1);
    on(arguments, |event| Answer::Bool(event.remove(&name)))
}

fn add_body(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(text) = arguments.text(1) else { return Step::Now(Answer::Bool(false)) };
    on(arguments, |event| {
        event.set_body(&text);
        Answer::Bool(true)
    })
}

fn get_body(_: &Arc<Run>, arguments: &Arguments) -> Step {
    on(arguments, |event| event.body().map_or(Answer::Nil, |body| Answer::Text(body.to_owned())))
}

fn get_type(_: &Arc<Run>, arguments: &Arguments) -> Step {
    on(arguments, |event| Answer::Text(event.name().as_str().to_owned()))
}

fn serialize(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let form = arguments.text_or_empty(1);
    on(arguments, |event| {
        Answer::Text(match form.to_ascii_lowercase().as_str() {
            "xml" => event.xml(),
            "json" => event.json().to_string(),
            _ => event.plain(),
        })
    })
}

/// Fires a copy, so that it can be fired again.
fn fire(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let copy = arguments.with(0, |event: &Event| event.0.own.then(|| event.with(|event| event.clone()))).flatten();
    let Some(event) = copy else {
        log::write(run, Level::Err, "fire: the event is not the script's own");
        return Step::Now(Answer::Bool(false));
    };
    run.host.events().publish(event);
    Step::Now(Answer::Bool(true))
}

fn merge(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let other = arguments.with(1, |other: &Event| other.with(|other| other.clone()));
    on(arguments, |event| {
        if let Some(other) = &other {
            event.merge(other);
        }
        Answer::Bool(other.is_some())
    })
}
