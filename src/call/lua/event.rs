//! The global `env` of a run started by the API command. Events are not offered yet: each method says so.

use mlua::{UserData, UserDataRegistry};

use super::arguments::Kind;
use super::objects;
use super::table::{Method, Step};

use Kind::{Any, Event as Object};

/// Stands for an event.
pub(super) struct Event;

impl UserData for Event {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "Event");
    }
}

const fn missing(name: &'static str) -> Method {
    Method::of("Event", name, &[Object, Any, Any, Any], 1, |_, _| Step::missing("freeswitch.Event"))
}

pub(super) const METHODS: &[Method] = &[
    missing("getHeader"),
    missing("addHeader"),
    missing("delHeader"),
    missing("addBody"),
    missing("getBody"),
    missing("getType"),
    missing("serialize"),
    missing("fire"),
    missing("merge"),
    missing("setPriority"),
    missing("chat_execute"),
    missing("chat_send"),
];
