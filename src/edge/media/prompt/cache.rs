//! Encoded prompts that were played lately.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::super::clock::{Micros, SECOND};
use super::{Key, Prompt};

/// How long a file is believed not to have changed.
const TRUST: Micros = SECOND;

/// The prompts, up to a number of octets; the one that was not asked for the longest goes first.
#[derive(Debug)]
pub(in super::super) struct Cache {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    entries: HashMap<Key, Entry>,
    octets: usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    prompt: Prompt,
    octets: usize,
    file: Option<Version>,
    checked: Micros,
    /// Value of the counter when it was last asked for.
    used: u64,
}

/// A state of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) path: PathBuf,
    pub(super) modified: Option<SystemTime>,
    pub(super) len: u64,
}

impl Cache {
    pub(in super::super) fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::default() }
    }

    /// A prompt that needs no look at its file.
    pub(in super::super) fn get(&self, key: &Key, now: Micros) -> Option<Prompt> {
        self.with(|held| {
            let entry = held.touch(key)?;
            let trusted = entry.file.is_none() || now < entry.checked + TRUST;
            trusted.then(|| entry.prompt.clone())
        })
    }

    /// A prompt whose file was looked at just now.
    pub(super) fn confirm(&self, key: &Key, version: &Version, now: Micros) -> Option<Prompt> {
        self.with(|held| {
            let entry = held.touch(key).filter(|entry| entry.file.as_ref() == Some(version))?;
            entry.checked = now;
            Some(entry.prompt.clone())
        })
    }

    /// Keeps a prompt of which `octets` are made so far.
    pub(super) fn insert(&self, key: Key, prompt: Prompt, octets: usize, file: Option<Version>, now: Micros) {
        self.with(|held| {
            held.uses += 1;
            let entry = Entry { prompt, octets, file, checked: now, used: held.uses };
            held.octets += octets;
            if let Some(old) = held.entries.insert(key, entry) {
                held.octets -= old.octets;
            }
            held.shrink(self.limit);
        });
    }

    /// More of a prompt was made; it may have been thrown out meanwhile.
    pub(super) fn grow(&self, key: &Key, octets: usize) {
        self.with(|held| {
            if let Some(entry) = held.entries.get_mut(key) {
                entry.octets += octets;
                held.octets += octets;
                held.shrink(self.limit);
            }
        });
    }

    /// Forgets all: names mean other files now.
    pub(in super::super) fn clear(&self) {
        self.with(|held| {
            held.entries.clear();
            held.octets = 0;
        });
    }

    fn with<T>(&self, action: impl FnOnce(&mut Held) -> T) -> T {
        action(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    fn touch(&mut self, key: &Key) -> Option<&mut Entry> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.uses;
        Some(entry)
    }

    fn shrink(&mut self, limit: usize) {
        while self.octets > limit {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(entry) = oldest.and_then(|key| self.entries.remove(&key)) else { return };
            self.octets -= entry.octets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Segment, Source};
    use super::*;

    fn key(name: &str) -> Key {
        Key { source: Source::Tone { script: name.to_owned() }, codec: "PCMU" }
    }

    fn prompt(octet: u8) -> Prompt {
        Prompt::Encoded { head: Segment::last(vec![octet]), passes: Some(1) }
    }

    fn octet(prompt: Option<Prompt>) -> Option<u8> {
        match prompt? {
            Prompt::Encoded { head, .. } => head.octets().first().copied(),
            Prompt::Live(_) => None,
        }
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = Cache::new(100);
        for (name, octets) in [("a", 40), ("b", 40), ("c", 10)] {
            cache.insert(key(name), prompt(name.as_bytes()[0]), octets, None, 0);
        }
        assert_eq!(octet(cache.get(&key("a"), 0)), Some(b'a'));
        cache.grow(&key("c"), 20);
        let held = |name: &str| cache.get(&key(name), 0).is_some();
        assert_eq!((held("a"), held("b"), held("c")), (true, false, true));
        cache.insert(key("d"), prompt(b'd'), 200, None, 0);
        assert_eq!((held("a"), held("c"), held("d")), (false, false, false));
        cache.insert(key("e"), prompt(b'e'), 50, None, 0);
        cache.insert(key("e"), prompt(b'f'), 50, None, 0);
        cache.grow(&key("x"), 1000);
        assert_eq!(octet(cache.get(&key("e"), 0)), Some(b'f'));
        cache.clear();
        assert!(!held("e"));
    }

    #[test]
    fn files_are_believed_for_a_second() {
        let cache = Cache::new(100);
        let version = |len| Version { path: PathBuf::from("/a"), modified: None, len };
        cache.insert(key("a"), prompt(1), 1, Some(version(1)), 0);
        assert!(cache.get(&key("a"), TRUST - 1).is_some());
        assert!(cache.get(&key("a"), TRUST).is_none());
        assert!(cache.confirm(&key("a"), &version(2), TRUST).is_none());
        assert!(cache.confirm(&key("a"), &version(1), TRUST).is_some());
        assert!(cache.get(&key("a"), TRUST + 1).is_some());
    }
}
