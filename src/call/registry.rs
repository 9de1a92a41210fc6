//! The calls that live, by the uuids of their channels: how one call reaches another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::call::control::Order;
use crate::call::event::Event;
use crate::call::leg::EventSink;

/// What one call may ask another.
#[derive(Debug)]
pub enum Question {
    /// A variable of a channel.
    Get {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Name, or `name[n]`.
        name: String,
        /// Outer none: the channel is gone; inner: the variable is not set.
        reply: oneshot::Sender<Option<Option<String>>>,
    },
    /// Tells a channel what to do.
    Order {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// What.
        order: Order,
        /// Whether it was carried out; dropped: the channel is gone.
        reply: Option<oneshot::Sender<bool>>,
    },
    /// Everything about a channel, as an event.
    Dump {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Which event; none: the channel is gone.
        reply: oneshot::Sender<Option<Event>>,
    },
    /// Runs an API command with a channel as its own.
    Command {
        /// Command.
        command: String,
        /// Arguments.
        args: String,
        /// What it printed; none: there is no such command.
        reply: oneshot::Sender<Option<String>>,
    },
    /// Sets a variable of a channel.
    Set {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Name.
        name: String,
        /// Empty removes.
        value: String,
        /// False: the channel is gone.
        reply: oneshot::Sender<bool>,
    },
}

/// The list. Locked only while one entry is read or written.
#[derive(Debug, Default)]
pub struct Calls(Mutex<HashMap<Arc<str>, EventSink>>);

/// A channel that is in the list while this lives.
#[derive(Debug)]
pub struct Listed {
    uuid: Arc<str>,
    calls: Arc<Calls>,
}

impl Calls {
    /// Puts a channel into the list; its call is told through `sink`.
    pub fn list(self: &Arc<Self>, uuid: Arc<str>, sink: EventSink) -> Listed {
        self.entries().insert(Arc::clone(&uuid), sink);
        Listed { uuid, calls: Arc::clone(self) }
    }

    /// The way to the call that a channel belongs to.
    pub fn find(&self, uuid: &str) -> Option<(Arc<str>, EventSink)> {
        self.entries().get_key_value(uuid).map(|(uuid, sink)| (Arc::clone(uuid), sink.clone()))
    }

    /// Every channel with the way to its call.
    pub fn all(&self) -> Vec<(Arc<str>, EventSink)> {
        self.entries().iter().map(|(uuid, sink)| (Arc::clone(uuid), sink.clone())).collect()
    }

    /// Channels that live.
    pub fn count(&self) -> usize {
        self.entries().len()
    }

    /// Takes a channel out of the list before its time.
    pub fn forget(&self, uuid: &str) {
        self.entries().remove(uuid);
    }

    /// Whether a channel lives.
    pub fn exists(&self, uuid: &str) -> bool {
        self.entries().contains_key(uuid)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Arc<str>, EventSink>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.calls.entries().remove(&self.uuid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_listed_while_they_live() {
        let calls = Arc::new(Calls::default());
        let (sink, _events) = EventSink::new();
        let listed = calls.list("a".into(), sink);
        assert!(calls.exists("a") && calls.find("a").is_some() && !calls.exists("b"));
        drop(listed);
        assert!(!calls.exists("a"));
    }
}
