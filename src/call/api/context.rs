//! What an API command may ask of the switch.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::call::control::Order;
use crate::words::civil::Zones;
use crate::words::expand::Lookup;

/// The switch as API commands see it. Expansion ([`Lookup`]) is that of the calling channel; without a channel it reads
/// globals only. Its `api` is what `eval` calls for nested `${}`.
pub trait ApiContext: Lookup {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Zones by name.
    fn zones(&self) -> &Zones;

    /// Name of the machine.
    fn hostname(&self) -> Cow<'_, str>;

    /// Name of the switch.
    fn switchname(&self) -> Cow<'_, str>;

    /// A fresh identifier.
    fn uuid(&mut self) -> String;

    /// Whether the switch has what FreeSWITCH calls a module of this name.
    fn module_exists(&self, name: &str) -> bool;

    /// A global variable; names ignore case.
    fn global(&self, name: &str) -> Option<String>;

    /// All globals in order.
    fn globals(&self) -> Vec<(String, String)>;

    /// Sets a global variable; an empty value removes it.
    fn set_global(&mut self, name: &str, value: &str);

    /// A variable of another channel (or this one) by uuid: outer `None`, no such channel; inner `None`, not set. An
    /// array item is asked for as `name[n]`.
    fn channel_variable(&self, uuid: &str, name: &str) -> Option<Option<String>>;

    /// Sets a variable of a channel; an empty value removes it. False: no such channel.
    fn set_channel_variable(&mut self, uuid: &str, name: &str, value: &str) -> bool;

    /// Whether a channel lives.
    fn channel_exists(&self, uuid: &str) -> bool;

    /// A header of the events of a channel, `Caller-Destination-Number`.
    fn channel_header(&self, uuid: &str, name: &str) -> Option<String>;

    /// Tells a channel what to do; false: there is no such channel.
    fn order(&mut self, uuid: &str, order: Order) -> bool;

    /// Users, groups and domains.
    fn directory(&self) -> &dyn Directory;

    /// What dials the telephones that a user has registered, oldest first: on one profile or (none) all, those whose
    /// User-Agent matches the pattern.
    fn contacts(&self, profile: Option<&str>, user: &str, domain: &str, user_agent: Option<&str>) -> Vec<String>;

    /// Hash and database.
    fn store(&mut self) -> &mut dyn Store;
}

/// Which entry of a user is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    /// An attribute of the `<user>` element.
    Attribute,
    /// A `<param>`.
    Param,
    /// A `<variable>`.
    Variable,
}

/// Users, groups and domains. Values are those of the merged user: its own entries, then its group's, then its domain's.
pub trait Directory {
    /// Whether the domain is known.
    fn domain_exists(&self, domain: &str) -> bool;

    /// Whether a user with this value of the attribute `key` (`id`, or another) exists.
    fn user_exists(&self, key: &str, user: &str, domain: &str) -> bool;

    /// One entry of a user.
    fn user_field(&self, user: &str, domain: &str, field: UserField, name: &str) -> Option<String>;

    /// One entry of a domain itself.
    fn domain_field(&self, domain: &str, field: UserField, name: &str) -> Option<String>;

    /// Name of the domain that is meant when none is named.
    fn default_domain(&self) -> &str;

    /// Whether the access list of a name allows an address; an unknown list allows nobody.
    fn access_allows(&self, list: &str, ip: std::net::IpAddr) -> bool;

    /// Every user: id, domain, and the first group it is in, or nothing.
    fn users(&self) -> Vec<(String, String, String)>;

    /// The members of a group in order: id, and the dial string that stands for it, if it has one. None: no such group.
    fn members(&self, group: &str, domain: &str) -> Option<Vec<(String, Option<String>)>>;

    /// Whether the user is a member of the group. Without a domain the default one is meant.
    fn in_group(&self, user: &str, domain: Option<&str>, group: &str) -> bool;
}

/// Small stores shared by all calls: `hash` lives in memory, `db` outlives a restart.
pub trait Store {
    /// Value of `realm/key` in the memory store.
    fn hash_select(&self, realm: &str, key: &str) -> Option<String>;

    /// Sets `realm/key` in the memory store.
    fn hash_insert(&mut self, realm: &str, key: &str, value: &str);

    /// Removes `realm/key` from the memory store; false when it was not there.
    fn hash_delete(&mut self, realm: &str, key: &str) -> bool;

    /// Value of `realm/key` in the database.
    fn db_select(&self, realm: &str, key: &str) -> Option<String>;

    /// Sets `realm/key` in the database; false when that failed.
    fn db_insert(&mut self, realm: &str, key: &str, value: &str) -> bool;

    /// Removes `realm/key` from the database; false when that failed (a missing key is no failure).
    fn db_delete(&mut self, realm: &str, key: &str) -> bool;

    /// Keys of a realm, or, without one, the realms; in order.
    fn db_list(&self, realm: Option<&str>) -> Vec<String>;

    /// Number of keys of a realm, or of all.
    fn db_count(&self, realm: Option<&str>) -> usize;

    /// The switch ends: writes what waits to be written, where anything does.
    fn close(&mut self) {}
}
