//! `hash`, in memory, and `db`, which outlives a restart.
//!
//! Both are answered from memory: nothing here waits for a disk. What `db` is told is [written behind](super::behind) into
//! the file and table that FreeSWITCH has for it, `call_limit.db` and `db_data`, where scripts read it by `freeswitch.Dbh`.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};

use super::behind::{Behind, StoreError, Waiting};
use crate::call::api::Store;

/// Entries either store may hold; beyond, new keys are refused.
const MAX_ENTRIES: usize = 1_000_000;

/// Realm and key.
type Place = (String, String);
type Entries = BTreeMap<Place, String>;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS db_data (hostname VARCHAR(255), realm VARCHAR(255), data_key VARCHAR(255), \
     data VARCHAR(255), UNIQUE (realm, data_key))";

/// Both stores.
#[derive(Default)]
pub struct LocalStore {
    hash: Entries,
    db: Entries,
    /// None: `db` is in memory, too.
    behind: Option<Behind<Place, String>>,
}

impl LocalStore {
    /// With what the file holds of `db`; its folder is made when it is missing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (behind, db) = Behind::open(path, "db", load, write)?;
        Ok(Self { hash: Entries::new(), db, behind: Some(behind) })
    }

    fn note(&self, realm: &str, key: &str, value: Option<&str>) {
        if let Some(behind) = &self.behind {
            behind.note([((realm.to_owned(), key.to_owned()), value.map(str::to_owned))]);
        }
    }
}

fn load(connection: &Connection) -> rusqlite::Result<Entries> {
    connection.execute(TABLE, [])?;
    let mut statement = connection.prepare("SELECT realm, data_key, data FROM db_data")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.take(MAX_ENTRIES).collect()
}

fn write(connection: &mut Connection, waiting: &Waiting<Place, String>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut put = transaction
            .prepare("INSERT OR REPLACE INTO db_data (hostname, realm, data_key, data) VALUES ('', ?1, ?2, ?3)")?;
        let mut remove = transaction.prepare("DELETE FROM db_data WHERE realm = ?1 AND data_key = ?2")?;
        for ((realm, key), value) in waiting {
            match value {
                Some(value) => put.execute(params![realm, key, value])?,
                None => remove.execute(params![realm, key])?,
            };
        }
    }
    transaction.commit()
}

fn insert(entries: &mut Entries, realm: &str, key: &str, value: &str) -> bool {
    let place = (realm.to_owned(), key.to_owned());
    if entries.len() >= MAX_ENTRIES && !entries.contains_key(&place) {
        tracing::error!(realm, key, "the store is full");
        return false;
    }
    entries.insert(place, value.to_owned());
    true
}

fn get(entries: &Entries, realm: &str, key: &str) -> Option<String> {
    entries.get(&(realm.to_owned(), key.to_owned())).cloned()
}

fn remove(entries: &mut Entries, realm: &str, key: &str) -> bool {
    entries.remove(&(realm.to_owned(), key.to_owned())).is_some()
}

impl Store for LocalStore {
    fn hash_select(&self, realm: &str, key: &str) -> Option<String> {
        get(&self.hash, realm, key)
    }

    fn hash_insert(&mut self, realm: &str, key: &str, value: &str) {
        insert(&mut self.hash, realm, key, value);
    }

    fn hash_delete(&mut self, realm: &str, key: &str) -> bool {
        remove(&mut self.hash, realm, key)
    }

    fn db_select(&self, realm: &str, key: &str) -> Option<String> {
        get(&self.db, realm, key)
    }

    fn db_insert(&mut self, realm: &str, key: &str, value: &str) -> bool {
        let inserted = insert(&mut self.db, realm, key, value);
        if inserted {
            self.note(realm, key, Some(value));
        }
        inserted
    }

    fn db_delete(&mut self, realm: &str, key: &str) -> bool {
        if remove(&mut self.db, realm, key) {
            self.note(realm, key, None);
        }
        true
    }

    fn db_list(&self, realm: Option<&str>) -> Vec<String> {
        let Some(realm) = realm else {
            let mut realms: Vec<String> = self.db.keys().map(|(realm, _)| realm.clone()).collect();
            realms.dedup();
            return realms;
        };
        self.db.keys().filter(|(known, _)| known == realm).map(|(_, key)| key.clone()).collect()
    }

    fn db_count(&self, realm: Option<&str>) -> usize {
        self.db.keys().filter(|(known, _)| realm.is_none_or(|realm| known == realm)).count()
    }

    fn close(&mut self) {
        if let Some(behind) = &self.behind {
            behind.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_by_realm_and_key() {
        let mut store = LocalStore::default();
        assert!(store.db_insert("a", "1", "x") && store.db_insert("a", "2", "y") && store.db_insert("b", "1", "z"));
        assert_eq!(store.db_select("a", "2").as_deref(), Some("y"));
        assert_eq!(
            (store.db_list(None), store.db_list(Some("a"))),
            (vec!["a".into(), "b".into()], vec!["1".into(), "2".into()])
        );
        assert_eq!((store.db_count(None), store.db_count(Some("b"))), (3, 1));
        assert!(store.db_delete("a", "1") && store.db_select("a", "1").is_none());
        store.hash_insert("a", "1", "h");
        assert_eq!(store.hash_select("a", "1").as_deref(), Some("h"));
        assert!(store.hash_delete("a", "1") && !store.hash_delete("a", "1"));
    }

    #[test]
    fn what_db_holds_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db/call_limit.db");
        let mut store = LocalStore::open(&path).unwrap();
        store.hash_insert("a", "1", "in memory");
        for (key, value) in [("1", "x"), ("2", "y"), ("3", "z"), ("1", "again")] {
            assert!(store.db_insert("a", key, value));
        }
        assert!(store.db_delete("a", "2"));
        store.close();
        let store = LocalStore::open(&path).unwrap();
        assert_eq!(store.db_list(Some("a")), ["1", "3"]);
        assert_eq!((store.db_select("a", "1").as_deref(), store.hash_select("a", "1")), (Some("again"), None));
    }
}
