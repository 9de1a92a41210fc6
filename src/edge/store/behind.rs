//! SQLite files written behind: what changed is gathered for half a second and written as one transaction by a thread of
//! its own. An orderly end loses nothing, a kill the last second. What waits is one entry per key, so a slow disk costs
//! memory for the keys and no more.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

/// How long changes are gathered.
const GATHER: Duration = Duration::from_millis(500);
/// Patience with another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// Why a file of the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder cannot be made.
    #[error("cannot make the folder of {path}: {source}")]
    Folder {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// SQLite refuses.
    #[error("cannot use {path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Its answer.
        source: rusqlite::Error,
    },
    /// No thread.
    #[error("cannot start the thread that writes {path}: {source}")]
    Thread {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// What waits for the disk: the value, or nothing when it is gone.
pub(super) type Waiting<K, V> = HashMap<K, Option<V>>;
/// Writes what waits, all or nothing.
pub(super) type Write<K, V> = fn(&mut Connection, &Waiting<K, V>) -> rusqlite::Result<()>;

struct State<K, V> {
    waiting: Waiting<K, V>,
    closing: bool,
}

struct Queue<K, V> {
    state: Mutex<State<K, V>>,
    changed: Condvar,
}

impl<K, V> Queue<K, V> {
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open file and its thread.
pub(super) struct Behind<K, V> {
    queue: Arc<Queue<K, V>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<K: Eq + Hash + Send + 'static, V: Send + 'static> Behind<K, V> {
    /// Opens the file, its folder made when it is missing; `load` prepares it and reads what it holds. `name` is the
    /// thread's.
    pub(super) fn open<T>(
        path: &Path,
        name: &'static str,
        load: impl FnOnce(&Connection) -> rusqlite::Result<T>,
        write: Write<K, V>,
    ) -> Result<(Self, T), StoreError> {
        if let Some(folder) = path.parent() {
            let failed = |source| StoreError::Folder { path: path.to_path_buf(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let (connection, held) =
            open(path, load).map_err(|source| StoreError::Database { path: path.to_path_buf(), source })?;
        let state = Mutex::new(State { waiting: HashMap::new(), closing: false });
        let queue = Arc::new(Queue { state, changed: Condvar::new() });
        let shared = Arc::clone(&queue);
        let work = move || run(connection, &shared, name, write);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        let thread = thread.map_err(|source| StoreError::Thread { path: path.to_path_buf(), source })?;
        Ok((Self { queue, thread: Mutex::new(Some(thread)) }, held))
    }
}

impl<K: Eq + Hash, V> Behind<K, V> {
    /// Notes changes; returns at once.
    pub(super) fn note(&self, changes: impl IntoIterator<Item = (K, Option<V>)>) {
        let mut state = self.queue.lock();
        state.waiting.extend(changes);
        if !state.waiting.is_empty() {
            self.queue.changed.notify_one();
        }
    }
}

impl<K, V> Behind<K, V> {
    /// Writes what waits and ends the thread.
    pub(super) fn close(&self) {
        self.queue.lock().closing = true;
        self.queue.changed.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a thread that writes a database panicked");
        }
    }
}

impl<K, V> Drop for Behind<K, V> {
    fn drop(&mut self) {
        self.close();
    }
}

fn open<T>(path: &Path, load: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<(Connection, T)> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A transaction may be lost with the power, never half of it.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let held = load(&connection)?;
    Ok((connection, held))
}

fn run<K: Eq + Hash, V>(mut connection: Connection, queue: &Queue<K, V>, name: &str, write: Write<K, V>) {
    loop {
        let mut state = queue.lock();
        while state.waiting.is_empty() && !state.closing {
            state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.closing {
            // More comes along meanwhile; closing ends the pause.
            let gathered = queue.changed.wait_timeout_while(state, GATHER, |state| !state.closing);
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        let (waiting, closing) = (std::mem::take(&mut state.waiting), state.closing);
        drop(state);
        if let Err(error) = write(&mut connection, &waiting) {
            tracing::error!(%error, count = waiting.len(), "{name} cannot be written; tried again");
            let mut state = queue.lock();
            for (key, value) in waiting {
                state.waiting.entry(key).or_insert(value);
            }
        }
        if closing {
            break;
        }
    }
}
