//! `hash` and `db` in memory. Difference from FreeSWITCH: `db` does not outlive a restart yet.

use std::collections::BTreeMap;

use crate::call::api::Store;

/// Entries either store may hold; beyond, new keys are refused.
const MAX_ENTRIES: usize = 1_000_000;

type Entries = BTreeMap<(String, String), String>;

/// Both stores.
#[derive(Debug, Default)]
pub struct MemoryStore {
    hash: Entries,
    db: Entries,
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

impl Store for MemoryStore {
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
        insert(&mut self.db, realm, key, value)
    }

    fn db_delete(&mut self, realm: &str, key: &str) -> bool {
        remove(&mut self.db, realm, key);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_by_realm_and_key() {
        let mut store = MemoryStore::default();
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
}
