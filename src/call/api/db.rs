//! `db`: a value in the database.
//!
//! Deleting without a key changes nothing, and says so no more than the original does.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Db;

impl ApiFunction for Db {
    fn name(&self) -> &'static str {
        "db"
    }

    fn doc(&self) -> &'static str {
        "A value in the database"
    }

    fn syntax(&self) -> &'static str {
        "[insert|delete|select|exists|count|list]/<realm>/<key>/<value>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let parts: Vec<&str> = args.splitn(4, '/').collect();
        let command = parts.first().map(|command| command.to_ascii_lowercase()).unwrap_or_default();
        let rest = parts.get(1..).unwrap_or_default();
        let store = context.store();
        let done = |done: bool| (if done { "+OK" } else { "!err!" }).to_owned();
        match (command.as_str(), rest) {
            ("insert", [realm, key, value]) => done(store.db_insert(realm, key, value)),
            ("delete", [_]) => done(true),
            ("delete", [realm, key, ..]) => done(store.db_delete(realm, key)),
            ("select", [realm, key]) => store.db_select(realm, key).unwrap_or_default(),
            ("exists", [realm, key]) => store.db_select(realm, key).is_some().to_string(),
            ("count", realm) => store.db_count(realm.first().copied()).to_string(),
            ("list", realm) => store.db_list(realm.first().copied()).join(","),
            _ => "!err!".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("db", "insert/r/k/a/b", "+OK");
        check("db", "select/r/k", "kept");
        check("db", "exists/r/k", "true");
        check("db", "exists/r/none", "false");
        check("db", "count/r", "1");
        check("db", "list/r", "k");
        check("db", "delete/r/k", "+OK");
        check("db", "delete/r", "+OK");
        check("db", "frob/a", "!err!");
        check("db", "", "!err!");
    }
}
