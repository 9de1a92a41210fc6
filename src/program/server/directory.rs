//! The directory as API commands ask for it.

use std::sync::Arc;

use crate::call::api::{Directory as ApiDirectory, UserField};
use crate::engine::config::Directory;

/// Users, groups and domains of the loaded configuration.
pub(super) struct UsersOfDirectory {
    pub(super) directory: Arc<Directory>,
    pub(super) default_domain: String,
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

    fn in_group(&self, user: &str, domain: Option<&str>, group: &str) -> bool {
        self.directory.in_group(user, group, domain.unwrap_or(&self.default_domain))
    }
}
