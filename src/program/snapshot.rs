//! What was loaded, as calls see it.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::call::api::{Directory as ApiDirectory, UserField};
use crate::call::services::Snapshot;
use crate::engine::config::Directory;
use crate::program::check::Loaded;
use crate::words::civil::Zones;

/// The state of the configuration that calls keep.
pub fn snapshot(loaded: &Loaded) -> Snapshot {
    let mut zones = Zones::new(TimeZone::system()).with_system(Arc::new(|name| TimeZone::get(name).ok()));
    for (name, value) in &loaded.settings.zones {
        zones.add(name, value);
    }
    Snapshot {
        dialplan: Arc::clone(&loaded.dialplan),
        directory: Arc::new(UsersOfDirectory {
            directory: Arc::clone(&loaded.directory),
            default_domain: loaded.globals.get("domain").unwrap_or_default().to_owned(),
        }),
        zones: Arc::new(zones),
        voice: Arc::clone(&loaded.voice),
        settings: loaded.settings.clone(),
    }
}

/// Users, groups and domains of the loaded configuration.
struct UsersOfDirectory {
    directory: Arc<Directory>,
    default_domain: String,
}

impl ApiDirectory for UsersOfDirectory {
    fn domain_exists(&self, domain: &str) -> bool {
        self.directory.domains().any(|known| known.eq_ignore_ascii_case(domain))
    }

    fn user_exists(&self, key: &str, user: &str, domain: &str) -> bool {
        if key.eq_ignore_ascii_case("id") {
            return self.directory.user(user, domain).is_some();
        }
        self.directory.user_by(key, user, domain).is_some()
    }

    fn user_field(&self, user: &str, domain: &str, field: UserField, name: &str) -> Option<String> {
        let user = self.directory.user(user, domain)?;
        let value = match field {
            UserField::Attribute => user.attribute(name),
            UserField::Param => user.param(name),
            UserField::Variable => user.variable(name),
        };
        value.map(str::to_owned)
    }

    fn domain_field(&self, domain: &str, field: UserField, name: &str) -> Option<String> {
        let entries = self.directory.domain_entries(domain)?;
        let value = match field {
            UserField::Attribute => entries.attribute(name),
            UserField::Param => entries.param(name),
            UserField::Variable => entries.variable(name),
        };
        value.map(str::to_owned)
    }

    fn default_domain(&self) -> &str {
        &self.default_domain
    }

    fn access_allows(&self, list: &str, ip: std::net::IpAddr) -> bool {
        self.directory.access().ask(list, ip).allows()
    }

    fn users(&self) -> Vec<(String, String, String)> {
        let of = |domain: &str| {
            let users = self.directory.users(domain).iter();
            let group = |id: &str| self.directory.group_of(id, domain).unwrap_or_default().to_owned();
            users.map(|user| (user.id.clone(), domain.to_owned(), group(&user.id))).collect::<Vec<_>>()
        };
        self.directory.domains().flat_map(of).collect()
    }

    fn members(&self, group: &str, domain: &str) -> Option<Vec<(String, Option<String>)>> {
        let ids = self.directory.members(group, domain)?;
        let member = |id: &String| {
            let user = self.directory.user(id, domain);
            (id.clone(), user.and_then(|user| user.group_dial_string.clone()))
        };
        Some(ids.iter().map(member).collect())
    }

    fn in_group(&self, user: &str, domain: Option<&str>, group: &str) -> bool {
        self.directory.in_group(user, group, domain.unwrap_or(&self.default_domain))
    }
}
