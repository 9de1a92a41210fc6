//! The calls that live, by the uuids of their channels: how one call reaches another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::call::control::{Execution, Order};
use crate::call::event::Event;
use crate::call::leg::EventSink;
use crate::call::media::PortId;
use crate::call::row::{Place, Row};
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
        /// None: the channel is gone.
        reply: oneshot::Sender<Option<Seen>>,
    },
    /// Asks the call to publish the rows of its channels.
    Publish {
        /// When it is done; dropped: the call is gone.
        done: oneshot::Sender<()>,
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
    channels: HashMap<Arc<str>, Entry>,
    /// Channels by the Call-ID of their dialog, and the other way round.
    dialogs: HashMap<Arc<str>, Arc<str>>,
    call_ids: HashMap<Arc<str>, Arc<str>>,
}

/// A channel in the list.
#[derive(Debug)]
struct Entry {
    number: u64,
    sink: EventSink,
    place: Arc<Place>,
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

/// A channel whose row is not known for sure.
#[derive(Debug)]
pub struct Unsure {
    sink: EventSink,
    place: Arc<Place>,
}

impl Unsure {
    /// Asks the call; the answer is the channel's row, none: the channel is gone.
    pub fn ask(self) -> impl Future<Output = Option<Arc<Row>>> {
        let (done, answer) = oneshot::channel();
        self.sink.ask(Question::Publish { done });
        async move {
            answer.await.ok()?;
            self.place.last()
        }
    }
}

/// A channel that is in the list while this lives.
#[derive(Debug)]
pub struct Listed {
    uuid: Arc<str>,
    /// Another call may have listed the channel since: then it is not ours to take out.
    number: u64,
    place: Arc<Place>,
    calls: Arc<Calls>,
}

impl Listed {
    /// Where the channel's row goes.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Calls {
    /// Puts a channel into the list; its call is told through `sink`.
    pub fn list(self: &Arc<Self>, uuid: Arc<str>, sink: EventSink) -> Listed {
        let mut entries = self.entries();
        entries.last = entries.last.wrapping_add(1);
        let number = entries.last;
        let place = Arc::<Place>::default();
        entries.channels.insert(Arc::clone(&uuid), Entry { number, sink, place: Arc::clone(&place) });
        drop(entries);
        Listed { uuid, number, place, calls: Arc::clone(self) }
    }

    /// The way to the call that a channel belongs to.
    pub fn find(&self, uuid: &str) -> Option<(Arc<str>, EventSink)> {
        self.entries().channels.get_key_value(uuid).map(|(uuid, entry)| (Arc::clone(uuid), entry.sink.clone()))
    }

    /// Every channel with the way to its call.
    pub fn all(&self) -> Vec<(Arc<str>, EventSink)> {
        self.entries().channels.iter().map(|(uuid, entry)| (Arc::clone(uuid), entry.sink.clone())).collect()
    }

    /// The rows of all channels, and the calls that have to be asked first: what was asked of them may have changed theirs.
    pub fn rows(&self) -> (Vec<Arc<Row>>, Vec<Unsure>) {
        let entries = self.entries();
        let mut rows = Vec::with_capacity(entries.channels.len());
        let mut unsure = Vec::new();
        for entry in entries.channels.values() {
            match entry.place.row(entry.sink.asked()) {
                Some(row) => rows.push(row),
                None => unsure.push(Unsure { sink: entry.sink.clone(), place: Arc::clone(&entry.place) }),
            }
        }
        (rows, unsure)
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
        if entries.channels.get(&self.uuid).is_some_and(|entry| entry.number == self.number) {
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
