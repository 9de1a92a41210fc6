//! The calls that live, by the uuids of their channels: how one call reaches another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::call::control::{Execution, Order};
use crate::call::event::Event;
use crate::call::leg::EventSink;
use crate::call::media::PortId;
use crate::call::task::{Lent, Speaks};

/// A channel as others see it.
#[derive(Debug)]
pub struct Seen {
    /// Everything about it, as `CHANNEL_DATA`.
    pub event: Event,
    /// The channel that it is bridged with now.
    pub partner: Option<Arc<str>>,
    /// Files that it is recorded into beside what it does.
    pub recordings: Vec<String>,
}

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
    /// Asks the far end of a channel to call somebody else.
    Deflect {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Whom.
        uri: String,
        /// The line of status that the far end reports; dropped: it was not asked.
        reply: oneshot::Sender<String>,
    },
    /// Runs an application on a channel; whoever asks waits for its end.
    Execute {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// What.
        execution: Execution,
        /// Dropped: the channel is gone.
        done: oneshot::Sender<()>,
    },
    /// Gives the channel in front away.
    Lend {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Where what is said of it goes from then on.
        to: EventSink,
        /// Dropped: it is gone, or cannot leave its call.
        reply: oneshot::Sender<Lent>,
    },
    /// A channel of another call wants to listen to one, and to speak to it.
    Visit {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Port of the guest.
        port: PortId,
        /// Whom it speaks to.
        speaks: Speaks,
        /// The guest, and where it is told of changes.
        back: (Arc<str>, EventSink),
        /// Whom it is to hear; dropped: it cannot.
        reply: oneshot::Sender<Vec<PortId>>,
    },
    /// A guest speaks to others.
    Speaks {
        /// Its port.
        port: PortId,
        /// To whom.
        speaks: Speaks,
    },
    /// A guest leaves.
    Leave {
        /// Its port.
        port: PortId,
    },
    /// To a guest: whom it hears now; none: its visit is over.
    Hear {
        /// Uuid of the guest.
        uuid: Arc<str>,
        /// The ports.
        ports: Option<Vec<PortId>>,
    },
    /// Lets a caller go whose call is still dialling, and dials on for another channel.
    Adopt {
        /// Uuid of the caller.
        uuid: Arc<str>,
        /// Uuid of the other channel.
        partner: Arc<str>,
        /// Whether it will be asked for.
        reply: oneshot::Sender<bool>,
    },
    /// Waits until a channel is answered.
    AwaitAnswer {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Dropped: the channel is gone.
        reply: oneshot::Sender<()>,
    },
    /// Everything about a channel.
    Dump {
        /// Uuid of the channel.
        uuid: Arc<str>,
        /// Of its variables only those that tables show; nothing about the switch.
        brief: bool,
        /// None: the channel is gone.
        reply: oneshot::Sender<Option<Seen>>,
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
pub struct Calls(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// Number of the last entry.
    last: u64,
    channels: HashMap<Arc<str>, (u64, EventSink)>,
    /// Channels by the Call-ID of their dialog, and the other way round.
    dialogs: HashMap<Arc<str>, Arc<str>>,
    call_ids: HashMap<Arc<str>, Arc<str>>,
}

impl Entries {
    fn remove(&mut self, uuid: &str) {
        self.channels.remove(uuid);
        if let Some(call_id) = self.call_ids.remove(uuid)
            && self.dialogs.get(&call_id).is_some_and(|known| **known == *uuid)
        {
            self.dialogs.remove(&call_id);
        }
    }
}

/// A channel that is in the list while this lives.
#[derive(Debug)]
pub struct Listed {
    uuid: Arc<str>,
    /// Another call may have listed the channel since: then it is not ours to take out.
    number: u64,
    calls: Arc<Calls>,
}

impl Calls {
    /// Puts a channel into the list; its call is told through `sink`.
    pub fn list(self: &Arc<Self>, uuid: Arc<str>, sink: EventSink) -> Listed {
        let mut entries = self.entries();
        entries.last = entries.last.wrapping_add(1);
        let number = entries.last;
        entries.channels.insert(Arc::clone(&uuid), (number, sink));
        drop(entries);
        Listed { uuid, number, calls: Arc::clone(self) }
    }

    /// The way to the call that a channel belongs to.
    pub fn find(&self, uuid: &str) -> Option<(Arc<str>, EventSink)> {
        self.entries().channels.get_key_value(uuid).map(|(uuid, (_, sink))| (Arc::clone(uuid), sink.clone()))
    }

    /// Every channel with the way to its call.
    pub fn all(&self) -> Vec<(Arc<str>, EventSink)> {
        self.entries().channels.iter().map(|(uuid, (_, sink))| (Arc::clone(uuid), sink.clone())).collect()
    }

    /// Channels that live.
    pub fn count(&self) -> usize {
        self.entries().channels.len()
    }

    /// Takes a channel out of the list before its time.
    pub fn forget(&self, uuid: &str) {
        self.entries().remove(uuid);
    }

    /// Says which dialog a listed channel is.
    pub fn name_dialog(&self, uuid: &Arc<str>, call_id: &str) {
        let mut entries = self.entries();
        if entries.channels.contains_key(uuid) {
            let call_id: Arc<str> = call_id.into();
            entries.call_ids.insert(Arc::clone(uuid), Arc::clone(&call_id));
            entries.dialogs.insert(call_id, Arc::clone(uuid));
        }
    }

    /// The channel of a dialog.
    pub fn in_dialog(&self, call_id: &str) -> Option<Arc<str>> {
        self.entries().dialogs.get(call_id).cloned()
    }

    /// Whether a channel lives.
    pub fn exists(&self, uuid: &str) -> bool {
        self.entries().channels.contains_key(uuid)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut entries = self.calls.entries();
        if entries.channels.get(&self.uuid).is_some_and(|(number, _)| *number == self.number) {
            entries.remove(&self.uuid);
        }
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
        let (sink, _more) = EventSink::new();
        let again = calls.list("a".into(), sink);
        drop(listed);
        assert!(calls.exists("a"), "it was listed again meanwhile");
        calls.name_dialog(&"a".into(), "c1");
        calls.name_dialog(&"nobody".into(), "c2");
        assert_eq!((calls.in_dialog("c1").as_deref(), calls.in_dialog("c2")), (Some("a"), None));
        drop(again);
        assert_eq!(calls.in_dialog("c1"), None);
        assert!(!calls.exists("a"));
    }
}
