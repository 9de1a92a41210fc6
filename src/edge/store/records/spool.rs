//! Records that wait for their output, oldest first: in a file of the data folder, in memory while that cannot be written.
//!
//! The file holds one item of JSON per line; how much of it is done stands beside it. A crash may have an item delivered
//! twice, never not at all.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Largest file, octets.
const MAX_FILE: u64 = 256 << 20;
/// Items in memory while the file cannot be written.
const MAX_MEMORY: usize = 16_384;
/// Longest line, octets.
const MAX_LINE: u64 = 16 << 20;

/// What one output is to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    /// Where it goes: a file, a name; each output its own.
    pub(super) target: String,
    /// The text.
    pub(super) body: String,
}

/// Items that wait.
pub(super) struct Spool {
    path: PathBuf,
    position: PathBuf,
    /// Octets of the file that are done.
    done: u64,
    /// Octets of the file.
    length: u64,
    memory: VecDeque<Item>,
    most: u64,
}

/// Items from the front, each with the octets it takes in the file.
pub(super) struct Front {
    pub(super) items: Vec<Item>,
    /// Octets in front of the first item that cannot be read as one.
    skipped: u64,
    sizes: Vec<u64>,
}

impl Spool {
    /// What an earlier run has left, or nothing.
    pub(super) fn open(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.jsonl"));
        let position = folder.join(format!("{name}.done"));
        let length = std::fs::metadata(&path).map_or(0, |facts| facts.len());
        let done = std::fs::read_to_string(&position).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let done = if done > length { 0 } else { done };
        Self { path, position, done, length, memory: VecDeque::new(), most: MAX_FILE }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done >= self.length && self.memory.is_empty()
    }

    /// Items that wait in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.memory.len()
    }

    /// Octets that wait in the file.
    pub(super) fn octets(&self) -> u64 {
        self.length.saturating_sub(self.done)
    }

    /// Keeps items; gives how many could not be kept.
    pub(super) fn put(&mut self, items: impl IntoIterator<Item = Item>) -> usize {
        let mut lost = 0;
        for item in items {
            // Behind those in memory, so that the order stays.
            if self.memory.len() < MAX_MEMORY {
                self.memory.push_back(item);
            } else {
                self.settle();
                if self.memory.len() < MAX_MEMORY {
                    self.memory.push_back(item);
                } else {
                    lost += 1;
                }
            }
        }
        self.settle();
        lost
    }

    /// Moves what is in memory into the file, as far as it takes it.
    pub(super) fn settle(&mut self) {
        if self.memory.is_empty() {
            return;
        }
        let mut lines = String::new();
        for item in &self.memory {
            lines.push_str(&serde_json::to_string(item).unwrap_or_default());
            lines.push('\n');
        }
        let size = lines.len() as u64;
        if self.octets().saturating_add(size) > self.most {
            return;
        }
        if self.length.saturating_add(size) > self.most {
            self.compact();
        }
        match append(&self.path, lines.as_bytes()) {
            Ok(length) => {
                self.length = length;
                self.memory.clear();
            }
            Err(error) => tracing::debug!(path = %self.path.display(), %error, "the spool cannot be written"),
        }
    }

    /// Drops the part of the file that is done.
    fn compact(&mut self) {
        let rest = self.path.with_extension("rest");
        let moved = || -> std::io::Result<u64> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.done))?;
            let octets = std::io::copy(&mut file, &mut File::create(&rest)?)?;
            // Between the two a crash delivers again what is done.
            remove(&self.position)?;
            std::fs::rename(&rest, &self.path)?;
            Ok(octets)
        };
        match moved() {
            Ok(length) => (self.done, self.length) = (0, length),
            Err(error) => tracing::warn!(path = %self.path.display(), %error, "the spool cannot be shortened"),
        }
    }

    /// The oldest items, at most so many; they stay until they are [`Spool::taken`].
    pub(super) fn front(&mut self, most: usize) -> Front {
        if self.done < self.length {
            match self.front_of_file(most) {
                Ok(front) => return front,
                Err(error) => {
                    tracing::error!(path = %self.path.display(), %error, "the spool cannot be read");
                    return Front { items: Vec::new(), skipped: 0, sizes: Vec::new() };
                }
            }
        }
        let items: Vec<Item> = self.memory.iter().take(most).cloned().collect();
        Front { items, skipped: 0, sizes: Vec::new() }
    }

    fn front_of_file(&mut self, most: usize) -> std::io::Result<Front> {
        let opened = File::open(&self.path);
        if opened.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            // Somebody has removed it: what it held is gone.
            (self.done, self.length) = (0, 0);
        }
        let mut file = opened?;
        file.seek(SeekFrom::Start(self.done))?;
        let mut reader = BufReader::new(file);
        let mut front = Front { items: Vec::new(), skipped: 0, sizes: Vec::new() };
        while front.items.len() < most {
            let mut line = Vec::new();
            let size = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? as u64;
            if size == 0 {
                break;
            }
            match serde_json::from_slice(&line) {
                Ok(item) => {
                    front.items.push(item);
                    front.sizes.push(size);
                }
                Err(error) if front.items.is_empty() => {
                    tracing::error!(path = %self.path.display(), %error, "a line of the spool cannot be read");
                    front.skipped = front.skipped.saturating_add(size);
                }
                // Next time it is at the front.
                Err(_) => break,
            }
        }
        if front.items.is_empty() {
            self.forget(front.skipped.max(1));
            front.skipped = 0;
        }
        Ok(front)
    }

    /// So many items of the front are done.
    pub(super) fn taken(&mut self, front: &Front, count: usize) {
        if front.sizes.is_empty() {
            self.memory.drain(..count.min(self.memory.len()));
        } else if count > 0 {
            self.forget(front.sizes.iter().take(count).sum::<u64>().saturating_add(front.skipped));
        }
    }

    fn forget(&mut self, octets: u64) {
        self.done = self.done.saturating_add(octets);
        let kept = if self.done >= self.length {
            (self.done, self.length) = (0, 0);
            remove(&self.path).and_then(|()| remove(&self.position))
        } else {
            std::fs::write(&self.position, self.done.to_string())
        };
        if let Err(error) = kept {
            tracing::warn!(path = %self.path.display(), %error, "records may be delivered twice");
        }
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Appends to a file, its folder made when it is missing: all of it, or nothing. Gives the new length.
pub(super) fn append(path: &Path, text: &[u8]) -> std::io::Result<u64> {
    let open = || OpenOptions::new().create(true).append(true).open(path);
    let mut file = match open() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            open()?
        }
        other => other?,
    };
    let before = file.metadata()?.len();
    match file.write_all(text) {
        Ok(()) => Ok(before.saturating_add(text.len() as u64)),
        Err(error) => {
            // Half a record must not stay. A device has no length to cut.
            let _ = file.set_len(before);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(range: std::ops::Range<usize>) -> Vec<Item> {
        range.map(|n| Item { target: "t".to_owned(), body: format!("{n}\n\u{e9}") }).collect()
    }

    fn drain(spool: &mut Spool) -> Vec<Item> {
        let mut all = Vec::new();
        for _ in 0..100 {
            let front = spool.front(3);
            spool.taken(&front, front.items.len());
            all.extend(front.items);
            if spool.is_empty() {
                break;
            }
        }
        all
    }

    #[test]
    fn items_wait_in_order_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), "x");
        assert!(spool.is_empty());
        assert_eq!(spool.put(items(0..7)), 0);
        let front = spool.front(2);
        spool.taken(&front, 1);
        let mut again = Spool::open(folder.path(), "x");
        again.put(items(7..8));
        assert_eq!(drain(&mut again), items(1..8));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn without_a_folder_items_wait_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("spool");
        std::fs::write(&place, "in the way").unwrap();
        let mut spool = Spool::open(&place, "x");
        assert_eq!((spool.put(items(0..3)), spool.in_memory()), (0, 3));
        std::fs::remove_file(&place).unwrap();
        spool.put(items(3..4));
        assert_eq!((spool.in_memory(), drain(&mut spool)), (0, items(0..4)));
    }

    #[test]
    fn a_full_memory_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("spool");
        std::fs::write(&place, "in the way").unwrap();
        let mut spool = Spool::open(&place, "x");
        assert_eq!(spool.put(items(0..MAX_MEMORY + 5)), 5);
        assert_eq!(drain(&mut Spool { memory: spool.memory.drain(..4).collect(), ..spool }), items(0..4));
    }

    #[test]
    fn a_spool_has_a_bound_and_shortens_itself() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool { most: 200, ..Spool::open(folder.path(), "x") };
        spool.put(items(0..4));
        let front = spool.front(3);
        spool.taken(&front, 3);
        spool.put(items(4..8));
        assert!(spool.length <= 200 && spool.in_memory() == 0, "{}", spool.length);
        assert_eq!(drain(&mut spool), items(3..8));
        spool.put(items(0..20));
        assert_eq!(spool.in_memory(), 20, "the file is full");
    }

    #[test]
    fn a_damaged_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), "x");
        spool.put(items(0..1));
        append(&folder.path().join("x.jsonl"), b"{half\n").unwrap();
        let mut spool = Spool::open(folder.path(), "x");
        spool.put(items(1..2));
        assert_eq!(drain(&mut spool), items(0..2));
        std::fs::write(folder.path().join("x.jsonl"), "{half").unwrap();
        let mut spool = Spool::open(folder.path(), "x");
        assert!(drain(&mut spool).is_empty() && spool.is_empty());
        std::fs::write(folder.path().join("x.done"), "99999").unwrap();
        assert!(Spool::open(folder.path(), "x").is_empty());
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        assert!(append(Path::new("/dev/full"), b"x").is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/f");
        assert_eq!((append(&path, b"ab").unwrap(), append(&path, b"c").unwrap()), (2, 3));
    }
}
