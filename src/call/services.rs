//! What the calls of one switch share: the configuration snapshot, global variables, and the seams to the outside.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::call::administration::Administration;
use crate::call::api::{Directory, Store};
use crate::call::cdr::RecordSink;
use crate::call::clients::Clients;
use crate::call::control::ScriptHost;
use crate::call::event::Events;
use crate::call::leg::LegFactory;
use crate::call::limits::Limits;
use crate::call::media::MediaEngine;
use crate::call::meters::Meters;
use crate::call::outside::Outside;
use crate::call::pickup::Pickups;
use crate::call::registry::Calls;
use crate::call::scheduler::Scheduler;
use crate::call::status::Status;
use crate::engine::config::{Settings, Voice};
use crate::engine::dialplan::Dialplan;
use crate::words::civil::Zones;
use crate::words::model::Variables;

/// One state of the configuration. A call keeps the one it began with.
pub struct Snapshot {
    /// The compiled dialplan.
    pub dialplan: Arc<Dialplan>,
    /// Users, groups and domains.
    pub directory: Arc<dyn Directory + Send + Sync>,
    /// Time zones.
    pub zones: Arc<Zones>,
    /// Phrase macros and menus.
    pub voice: Arc<Voice>,
    /// Settings of the switch as a whole.
    pub settings: Settings,
}

/// Global variables: read by every call, written seldom.
#[derive(Debug, Default)]
pub struct Globals(ArcSwap<Variables>);

impl Globals {
    /// Those of a loaded configuration.
    pub fn new(variables: Variables) -> Self {
        Self(ArcSwap::from_pointee(variables))
    }

    /// The present state.
    pub fn all(&self) -> Arc<Variables> {
        self.0.load_full()
    }

    /// One value.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.load().get(name).map(str::to_owned)
    }

    /// Sets one; an empty value removes it.
    pub fn set(&self, name: &str, value: &str) {
        self.0.rcu(|old| {
            let mut new = Variables::clone(old);
            new.set(name, value);
            new
        });
    }

    /// Sets those of a configuration that was loaded anew; others stay, as in FreeSWITCH.
    pub fn extend(&self, variables: &Variables) {
        self.0.rcu(|old| {
            let mut new = Variables::clone(old);
            for (name, value) in variables.iter() {
                new.set(name, value);
            }
            new
        });
    }
}

/// Tells the microseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Everything a call needs from its switch.
pub struct Services {
    /// The present configuration.
    pub snapshot: ArcSwap<Snapshot>,
    /// Global variables.
    pub globals: Globals,
    /// Makes outgoing legs.
    pub legs: Arc<dyn LegFactory>,
    /// Opens media ports.
    pub media: Arc<dyn MediaEngine>,
    /// Runs scripts.
    pub scripts: Arc<dyn ScriptHost>,
    /// The calls that live.
    pub calls: Arc<Calls>,
    /// Where events are fired.
    pub events: Events,
    /// What the switch knows of itself.
    pub status: Status,
    /// Commands for later.
    pub scheduler: Scheduler,
    /// Calls that wait to be picked up.
    pub pickups: Arc<Pickups>,
    /// Resources that calls share.
    pub limits: Limits,
    /// Programs that take calls over.
    pub clients: Arc<dyn Clients>,
    /// What the operator may ask.
    pub administration: Arc<dyn Administration>,
    /// The machine.
    pub outside: Arc<dyn Outside>,
    /// What is measured while calls run.
    pub meters: Meters,
    /// Takes call records.
    pub records: Arc<dyn RecordSink>,
    /// The stores of `hash` and `db`. Held only while one value is read or written.
    pub store: Mutex<Box<dyn Store + Send>>,
    /// Microseconds since 1970.
    pub now_us: Clock,
    /// A fresh identifier.
    pub new_uuid: Arc<dyn Fn() -> String + Send + Sync>,
    /// Name of the machine.
    pub hostname: String,
    /// Name of the switch.
    pub switchname: String,
}

impl Services {
    /// The stores, to use at once.
    pub fn with_store<T>(&self, with: impl FnOnce(&mut dyn Store) -> T) -> T {
        // A panic in another call leaves single values, which are whole.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        with(&mut **store)
    }
}
