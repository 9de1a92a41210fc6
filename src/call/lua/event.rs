//! The global `env` of a run started by the API command. Events are not offered yet: each method says so.

use mlua::{UserData, UserDataRegistry};

use super::objects;

/// Stands for an event.
pub(super) struct Event;

impl UserData for Event {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "Event");
    }
}
