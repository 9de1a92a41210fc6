//! Registrations on disk: one SQLite file, written behind by a thread of its own.
//!
//! What changed is gathered for half a second and written as one transaction: an orderly end loses nothing, a kill the
//! last second. What waits is one entry per binding, so a slow disk costs memory for the bindings and no more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, Row, params};

use crate::engine::sip::Transport;
use crate::engine::sip::registrar::{Binding, BindingId, Change};

/// How long changes are gathered.
const GATHER: Duration = Duration::from_millis(500);
/// Patience with another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS bindings (id INTEGER PRIMARY KEY, user TEXT NOT NULL, domain TEXT NOT NULL, \
     profile TEXT NOT NULL, contact TEXT NOT NULL, instance TEXT, reg_id INTEGER, q INTEGER NOT NULL, \
     call_id TEXT NOT NULL, cseq INTEGER NOT NULL, expires INTEGER NOT NULL, until INTEGER NOT NULL, path TEXT NOT NULL, \
     received TEXT NOT NULL, transport TEXT NOT NULL, nat INTEGER NOT NULL, user_agent TEXT NOT NULL)";
const PUT: &str = "INSERT OR REPLACE INTO bindings (id, user, domain, profile, contact, instance, reg_id, q, call_id, cseq, \
     expires, until, path, received, transport, nat, user_agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
     ?12, ?13, ?14, ?15, ?16, ?17)";
const ALL: &str = "SELECT id, user, domain, profile, contact, instance, reg_id, q, call_id, cseq, expires, until, path, \
     received, transport, nat, user_agent FROM bindings ORDER BY id";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindingStoreError {
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
    #[error("cannot start the thread of the registrations: {0}")]
    Thread(std::io::Error),
}

/// What waits for the disk: the binding, or nothing when it is gone.
type Waiting = HashMap<BindingId, Option<Arc<Binding>>>;

#[derive(Default)]
struct State {
    waiting: Waiting,
    closing: bool,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open file and its thread.
pub struct BindingStore {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl BindingStore {
    /// Opens the file, its folder made when it is missing, and gives what it holds.
    pub fn open(path: &Path) -> Result<(Self, Vec<Binding>), BindingStoreError> {
        if let Some(folder) = path.parent() {
            let failed = |source| BindingStoreError::Folder { path: path.to_path_buf(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let (connection, bindings) =
            load(path).map_err(|source| BindingStoreError::Database { path: path.to_path_buf(), source })?;
        let queue = Arc::new(Queue::default());
        let shared = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("bindings".to_owned()).spawn(move || run(connection, &shared));
        let thread = Mutex::new(Some(thread.map_err(BindingStoreError::Thread)?));
        Ok((Self { queue, thread }, bindings))
    }

    /// Notes changes; returns at once.
    pub fn note(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.queue.lock();
        for change in changes {
            match change {
                Change::Put(binding) => state.waiting.insert(binding.id, Some(Arc::clone(binding))),
                Change::Gone(binding) => state.waiting.insert(binding.id, None),
            };
        }
        self.queue.changed.notify_one();
    }

    /// Writes what waits and ends the thread.
    pub fn close(&self) {
        self.queue.lock().closing = true;
        self.queue.changed.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the registrations panicked");
        }
    }
}

impl Drop for BindingStore {
    fn drop(&mut self) {
        self.close();
    }
}

fn load(path: &Path) -> rusqlite::Result<(Connection, Vec<Binding>)> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A transaction may be lost with the power, never half of it.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute(TABLE, [])?;
    let mut bindings = Vec::new();
    {
        let mut statement = connection.prepare(ALL)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match read(row) {
                Ok(binding) => bindings.push(binding),
                Err(error) => tracing::warn!(%error, "a stored registration cannot be read and is left out"),
            }
        }
    }
    Ok((connection, bindings))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Binding> {
    let text = |at: usize| row.get::<_, String>(at);
    let time = |at: usize| row.get::<_, i64>(at).map(|seconds| u64::try_from(seconds).unwrap_or(0));
    let bad = |at: usize, error: std::net::AddrParseError| {
        rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(error))
    };
    Ok(Binding {
        id: time(0)?,
        user: text(1)?,
        domain: text(2)?,
        profile: text(3)?,
        contact: text(4)?,
        instance: row.get(5)?,
        reg_id: row.get(6)?,
        q: row.get(7)?,
        call_id: text(8)?,
        cseq: row.get(9)?,
        expires: time(10)?,
        until: time(11)?,
        path: text(12)?.lines().map(str::to_owned).collect(),
        received: text(13)?.parse().map_err(|error| bad(13, error))?,
        transport: if text(14)? == Transport::Tcp.name() { Transport::Tcp } else { Transport::Udp },
        nat: row.get(15)?,
        user_agent: text(16)?,
    })
}

fn run(mut connection: Connection, queue: &Queue) {
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
            tracing::error!(%error, count = waiting.len(), "registrations cannot be written; tried again");
            let mut state = queue.lock();
            for (id, binding) in waiting {
                state.waiting.entry(id).or_insert(binding);
            }
        }
        if closing {
            break;
        }
    }
}

fn write(connection: &mut Connection, waiting: &Waiting) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut put = transaction.prepare(PUT)?;
        let mut remove = transaction.prepare("DELETE FROM bindings WHERE id = ?1")?;
        for (id, binding) in waiting {
            let seconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
            match binding {
                None => remove.execute([seconds(*id)])?,
                Some(binding) => put.execute(params![
                    seconds(*id),
                    binding.user,
                    binding.domain,
                    binding.profile,
                    binding.contact,
                    binding.instance,
                    binding.reg_id,
                    binding.q,
                    binding.call_id,
                    binding.cseq,
                    seconds(binding.expires),
                    seconds(binding.until),
                    binding.path.join("\n"),
                    binding.received.to_string(),
                    binding.transport.name(),
                    binding.nat,
                    binding.user_agent,
                ])?,
            };
        }
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(id: BindingId) -> Arc<Binding> {
        Arc::new(Binding {
            id,
            user: "1000".to_owned(),
            domain: "example.org".to_owned(),
            profile: "internal".to_owned(),
            contact: format!("sip:1000@192.0.2.{id}"),
            instance: (id == 2).then(|| "<urn:uuid:x>".to_owned()),
            reg_id: (id == 2).then_some(7),
            q: 500,
            call_id: "c".to_owned(),
            cseq: 9,
            expires: 4_000_000_000,
            until: 4_000_000_060,
            path: vec!["<sip:a;lr>".to_owned(), "<sip:b;lr>".to_owned()],
            received: "[2001:db8::1]:5060".parse().unwrap(),
            transport: Transport::Tcp,
            nat: true,
            user_agent: "a 'phone'".to_owned(),
        })
    }

    #[test]
    fn what_is_noted_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/bindings.db");
        let (store, none) = BindingStore::open(&path).unwrap();
        assert!(none.is_empty());
        store.note(&[Change::Put(binding(1)), Change::Put(binding(2)), Change::Put(binding(3))]);
        store.note(&[Change::Gone(binding(1))]);
        store.close();
        let (store, kept) = BindingStore::open(&path).unwrap();
        assert_eq!(kept, [(*binding(2)).clone(), (*binding(3)).clone()]);
        store.note(&[Change::Gone(binding(3))]);
        drop(store);
        assert_eq!(BindingStore::open(&path).unwrap().1.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_database_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bindings.db");
        std::fs::write(&path, "not a database, but long enough to be read as one by somebody who hopes".repeat(20))
            .unwrap();
        let error = BindingStore::open(&path).err().unwrap().to_string();
        assert!(error.contains("bindings.db"), "{error}");
    }
}
