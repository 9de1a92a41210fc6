//! A small switch for the tests of API commands.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::{ApiContext, Directory, Store, UserField};
use crate::call::control::Order;
use crate::words::civil::Zones;
use crate::words::expand::{Api, Lookup};
use crate::words::model::Variables;

/// Runs a command in a fresh fixture.
pub(super) fn run(name: &str, args: &str) -> String {
    super::run(name, &mut Fixture::new(), args).unwrap_or_else(|| panic!("there is no command {name}"))
}

/// Compares the output of a command run in a fresh fixture.
pub(super) fn check(name: &str, args: &str, expected: &str) {
    assert_eq!(run(name, args), expected, "{name} {args}");
}

/// What a command tells the channels to do.
pub(super) fn orders(name: &str, args: &str) -> Vec<Order> {
    let mut fixture = Fixture::new();
    super::run(name, &mut fixture, args).unwrap_or_else(|| panic!("there is no command {name}"));
    fixture.ordered
}

struct Fixture {
    zones: Zones,
    globals: Variables,
    channel: Variables,
    users: Users,
    stored: Option<String>,
    memory: Option<String>,
    ordered: Vec<Order>,
}

impl Fixture {
    fn new() -> Self {
        let mut zones = Zones::default();
        assert!(zones.add("America/New_York", "EST5EDT,M3.2.0,M11.1.0"));
        Self {
            zones: zones.with_system(Arc::new(|_| None)),
            globals: [("color", "blue")].into_iter().collect(),
            channel: [("name", "value")].into_iter().collect(),
            users: Users,
            stored: Some("kept".to_owned()),
            memory: Some("kept".to_owned()),
            ordered: Vec::new(),
        }
    }
}

impl Lookup for Fixture {
    fn variable(&self, name: &str, _index: Option<usize>) -> Option<Cow<'_, str>> {
        self.globals.get(name).map(Cow::Borrowed)
    }

    fn api(&mut self, name: &str, args: &str) -> Api {
        super::run(name, self, args).map_or(Api::Unknown, Api::Value)
    }
}

impl ApiContext for Fixture {
    fn now(&self) -> Timestamp {
        "2026-11-25T13:05:09Z".parse().unwrap()
    }

    fn zones(&self) -> &Zones {
        &self.zones
    }

    fn hostname(&self) -> Cow<'_, str> {
        "host.example".into()
    }

    fn switchname(&self) -> Cow<'_, str> {
        "switch.example".into()
    }

    fn uuid(&mut self) -> String {
        "00000000-0000-4000-8000-000000000001".to_owned()
    }

    fn module_exists(&self, name: &str) -> bool {
        name == "mod_sofia"
    }

    fn global(&self, name: &str) -> Option<String> {
        self.globals.get(name).map(str::to_owned)
    }

    fn globals(&self) -> Vec<(String, String)> {
        self.globals.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn set_global(&mut self, name: &str, value: &str) {
        self.globals.set(name, value);
    }

    fn channel_variable(&self, uuid: &str, name: &str) -> Option<Option<String>> {
        self.channel_exists(uuid).then(|| self.channel.get(name).map(str::to_owned))
    }

    fn set_channel_variable(&mut self, uuid: &str, name: &str, value: &str) -> bool {
        self.channel.set(name, value);
        self.channel_exists(uuid)
    }

    fn channel_exists(&self, uuid: &str) -> bool {
        uuid == "abc"
    }

    fn channel_header(&self, uuid: &str, name: &str) -> Option<String> {
        (uuid == "abc" && name == "Caller-Context").then(|| "public".to_owned())
    }

    fn order(&mut self, uuid: &str, order: Order) -> bool {
        self.ordered.push(order);
        uuid == "abc"
    }

    fn directory(&self) -> &dyn Directory {
        &self.users
    }

    fn contacts(&self, profile: Option<&str>, user: &str, domain: &str, user_agent: Option<&str>) -> Vec<String> {
        let there = user == "1000" && domain == "example.com" && profile.is_none_or(|name| name == "internal");
        let all = ["sofia/internal/sip:1000@192.0.2.1", "sofia/internal/sip:1000@192.0.2.2"];
        let count = if !there {
            0
        } else if user_agent.is_some() {
            1
        } else {
            2
        };
        all.iter().take(count).map(|&contact| contact.to_owned()).collect()
    }

    fn store(&mut self) -> &mut dyn Store {
        self
    }
}

struct Users;

impl Directory for Users {
    fn domain_exists(&self, domain: &str) -> bool {
        domain == "example.com"
    }

    fn user_exists(&self, key: &str, user: &str, domain: &str) -> bool {
        key == "id" && user == "1000" && self.domain_exists(domain)
    }

    fn user_field(&self, user: &str, domain: &str, field: UserField, name: &str) -> Option<String> {
        if !self.user_exists("id", user, domain) {
            return None;
        }
        match (field, name) {
            (UserField::Attribute, "id") | (UserField::Variable, "accountcode") => Some("1000".to_owned()),
            (UserField::Param, "password") => Some("secret".to_owned()),
            _ => None,
        }
    }

    fn domain_field(&self, domain: &str, field: UserField, name: &str) -> Option<String> {
        let known = self.domain_exists(domain) && field == UserField::Attribute && name == "name";
        known.then(|| domain.to_owned())
    }

    fn default_domain(&self) -> &'static str {
        "example.com"
    }

    fn access_allows(&self, _: &str, ip: std::net::IpAddr) -> bool {
        ip.is_loopback()
    }

    fn users(&self) -> Vec<(String, String, String)> {
        Vec::new()
    }

    fn members(&self, group: &str, domain: &str) -> Option<Vec<(String, Option<String>)>> {
        let dial_string = "${sofia_contact(*/${dialed_user}@${dialed_domain})}".to_owned();
        (group == "sales" && self.domain_exists(domain))
            .then(|| vec![("1000".to_owned(), Some(dial_string)), ("1001".to_owned(), None)])
    }

    fn in_group(&self, user: &str, domain: Option<&str>, group: &str) -> bool {
        self.user_exists("id", user, domain.unwrap_or("example.com")) && group == "sales"
    }
}

impl Store for Fixture {
    fn hash_select(&self, realm: &str, key: &str) -> Option<String> {
        self.memory.clone().filter(|_| (realm, key) == ("r", "k"))
    }

    fn hash_insert(&mut self, _realm: &str, _key: &str, value: &str) {
        self.memory = Some(value.to_owned());
    }

    fn hash_delete(&mut self, realm: &str, key: &str) -> bool {
        self.hash_select(realm, key).is_some() && self.memory.take().is_some()
    }

    fn db_select(&self, realm: &str, key: &str) -> Option<String> {
        self.stored.clone().filter(|_| (realm, key) == ("r", "k"))
    }

    fn db_insert(&mut self, _realm: &str, _key: &str, value: &str) -> bool {
        self.stored = Some(value.to_owned());
        true
    }

    fn db_delete(&mut self, _realm: &str, _key: &str) -> bool {
        self.stored = None;
        true
    }

    fn db_list(&self, realm: Option<&str>) -> Vec<String> {
        vec![if realm.is_some() { "k" } else { "r" }.to_owned()]
    }

    fn db_count(&self, _realm: Option<&str>) -> usize {
        1
    }
}
