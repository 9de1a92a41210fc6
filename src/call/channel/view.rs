//! A channel with its switch around it: what expansion, hunts and API commands look at.

use std::borrow::Cow;

use jiff::Timestamp;

use super::Channel;
use crate::call::api::{self, ApiContext, Directory, Store};
use crate::call::command;
use crate::call::control::Order;
use crate::call::leg::ContactQuery;
use crate::call::observe::Observer;
use crate::call::registry::Question;
use crate::call::services::{Services, Snapshot};
use crate::engine::dialplan::{HuntFacts, Recorder};
use crate::words::civil::Zones;
use crate::words::expand::{Api, Lookup};
use crate::words::model::Variables;

/// API commands that run a script or wait for something: the caller of the expansion awaits them.
const AWAITED: &[&str] = &["bg_system", "lua", "luarun", "system"];

/// What the switch has of FreeSWITCH's modules.
pub const MODULES: &[&str] = &[
    "mod_cdr_csv",
    "mod_cdr_sqlite",
    "mod_commands",
    "mod_db",
    "mod_dialplan_xml",
    "mod_dptools",
    "mod_hash",
    "mod_json_cdr",
    "mod_loopback",
    "mod_lua",
    "mod_sofia",
    "mod_tone_stream",
    "mod_xml_cdr",
];

/// A channel seen from inside an expansion. Without a channel ([`View::global`]) only globals exist.
pub struct View<'c> {
    services: &'c Services,
    snapshot: &'c Snapshot,
    globals: std::sync::Arc<Variables>,
    channel: Option<&'c mut Channel>,
    peer: Option<&'c mut Channel>,
    observer: Option<&'c mut (dyn Observer + 'static)>,
    store: SharedStore<'c>,
}

impl<'c> View<'c> {
    /// A channel's view; `peer` is the other leg of its call, reachable by `uuid_getvar` and `uuid_setvar`.
    pub fn new(
        services: &'c Services,
        snapshot: &'c Snapshot,
        channel: &'c mut Channel,
        peer: Option<&'c mut Channel>,
    ) -> Self {
        Self { channel: Some(channel), peer, ..Self::global(services, snapshot) }
    }

    /// A view without a channel.
    pub fn global(services: &'c Services, snapshot: &'c Snapshot) -> Self {
        Self {
            services,
            snapshot,
            globals: services.globals.all(),
            channel: None,
            peer: None,
            observer: None,
            store: SharedStore(services),
        }
    }

    /// Has somebody look on.
    #[must_use]
    pub fn observed(self, observer: Option<&'c mut (dyn Observer + 'static)>) -> Self {
        Self { observer, ..self }
    }

    /// Whether a command asks for a channel of another call, which has to be asked.
    fn is_about_another(&self, name: &str, args: &str) -> bool {
        let asks = ["uuid_getvar", "uuid_setvar"].iter().any(|command| command.eq_ignore_ascii_case(name));
        let uuid = args.split_whitespace().next().unwrap_or_default();
        asks && self.channel_of(uuid).is_none() && self.services.calls.exists(uuid)
    }

    fn channel_of(&self, uuid: &str) -> Option<&Channel> {
        [self.channel.as_deref(), self.peer.as_deref()].into_iter().flatten().find(|channel| *channel.uuid == *uuid)
    }
}

impl Lookup for View<'_> {
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        self.channel
            .as_deref()
            .and_then(|channel| channel.read(name, index))
            .or_else(|| self.globals.get(name).map(Cow::Borrowed))
    }

    fn api(&mut self, name: &str, args: &str) -> Api {
        if AWAITED.iter().any(|awaited| awaited.eq_ignore_ascii_case(name))
            || command::waits(name)
            || self.is_about_another(name, args)
        {
            return Api::Pending;
        }
        let value = api::run(name, self, args);
        if let Some(observer) = &mut self.observer {
            observer.api(name, args, value.as_deref());
        }
        value.map_or(Api::Unknown, Api::Value)
    }
}

impl HuntFacts for View<'_> {
    fn profile_field(&self, name: &str) -> Option<Cow<'_, str>> {
        self.channel.as_deref()?.profile_field(name)
    }

    fn set_variable(&mut self, name: &str, value: &str) {
        if let Some(channel) = &mut self.channel {
            channel.variables.set(name, value);
        }
    }

    fn clear_variables_with_prefix(&mut self, prefix: &str) {
        if let Some(channel) = &mut self.channel {
            channel.variables.remove_prefix(prefix);
        }
    }

    fn now(&self) -> Timestamp {
        ApiContext::now(self)
    }

    fn recorder(&mut self) -> Option<&mut dyn Recorder> {
        let observer = self.observer.as_deref_mut()?;
        Some(observer)
    }
}

impl ApiContext for View<'_> {
    fn now(&self) -> Timestamp {
        let us = i64::try_from((self.services.now_us)()).unwrap_or(i64::MAX);
        Timestamp::from_microsecond(us).unwrap_or_default()
    }

    fn zones(&self) -> &Zones {
        &self.snapshot.zones
    }

    fn hostname(&self) -> Cow<'_, str> {
        self.services.hostname.as_str().into()
    }

    fn switchname(&self) -> Cow<'_, str> {
        self.services.switchname.as_str().into()
    }

    fn uuid(&mut self) -> String {
        (self.services.new_uuid)()
    }

    fn module_exists(&self, name: &str) -> bool {
        MODULES.contains(&name)
    }

    fn global(&self, name: &str) -> Option<String> {
        self.globals.get(name).map(str::to_owned)
    }

    fn globals(&self) -> Vec<(String, String)> {
        self.globals.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn set_global(&mut self, name: &str, value: &str) {
        self.services.globals.set(name, value);
        self.globals = self.services.globals.all();
    }

    fn channel_variable(&self, uuid: &str, name: &str) -> Option<Option<String>> {
        let channel = self.channel_of(uuid)?;
        let (base, index) = match crate::words::model::variables::indexed(name) {
            Some((base, index)) => (base, Some(index)),
            None => (name, None),
        };
        Some(channel.read(base, index).map(Cow::into_owned))
    }

    fn set_channel_variable(&mut self, uuid: &str, name: &str, value: &str) -> bool {
        let channels = [self.channel.as_deref_mut(), self.peer.as_deref_mut()];
        let Some(channel) = channels.into_iter().flatten().find(|channel| *channel.uuid == *uuid) else {
            return false;
        };
        channel.variables.set(name, value);
        true
    }

    fn channel_exists(&self, uuid: &str) -> bool {
        self.channel_of(uuid).is_some() || self.services.calls.exists(uuid)
    }

    fn channel_header(&self, uuid: &str, name: &str) -> Option<String> {
        self.channel_of(uuid)?.as_event(true).get(name).map(str::to_owned)
    }

    fn order(&mut self, uuid: &str, order: Order) -> bool {
        let found = self.services.calls.find(uuid);
        found.map(|(uuid, sink)| sink.ask(Question::Order { uuid, order, reply: None })).is_some()
    }

    fn directory(&self) -> &dyn Directory {
        &*self.snapshot.directory
    }

    fn contacts(&self, profile: Option<&str>, user: &str, domain: &str, user_agent: Option<&str>) -> Vec<String> {
        self.services.legs.contacts(&ContactQuery { profile, user, domain, user_agent })
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }
}

/// The switch's stores, locked for each access.
struct SharedStore<'c>(&'c Services);

impl Store for SharedStore<'_> {
    fn hash_select(&self, realm: &str, key: &str) -> Option<String> {
        self.0.with_store(|store| store.hash_select(realm, key))
    }

    fn hash_insert(&mut self, realm: &str, key: &str, value: &str) {
        self.0.with_store(|store| store.hash_insert(realm, key, value));
    }

    fn hash_delete(&mut self, realm: &str, key: &str) -> bool {
        self.0.with_store(|store| store.hash_delete(realm, key))
    }

    fn db_select(&self, realm: &str, key: &str) -> Option<String> {
        self.0.with_store(|store| store.db_select(realm, key))
    }

    fn db_insert(&mut self, realm: &str, key: &str, value: &str) -> bool {
        self.0.with_store(|store| store.db_insert(realm, key, value))
    }

    fn db_delete(&mut self, realm: &str, key: &str) -> bool {
        self.0.with_store(|store| store.db_delete(realm, key))
    }

    fn db_list(&self, realm: Option<&str>) -> Vec<String> {
        self.0.with_store(|store| store.db_list(realm))
    }

    fn db_count(&self, realm: Option<&str>) -> usize {
        self.0.with_store(|store| store.db_count(realm))
    }
}
