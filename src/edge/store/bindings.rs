//! Registrations on disk: one SQLite file, [written behind](super::behind).

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::behind::{Behind, StoreError, Waiting};
use crate::engine::sip::Transport;
use crate::engine::sip::registrar::{Binding, BindingId, Change};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS bindings (id INTEGER PRIMARY KEY, user TEXT NOT NULL, domain TEXT NOT NULL, \
     profile TEXT NOT NULL, contact TEXT NOT NULL, instance TEXT, reg_id INTEGER, q INTEGER NOT NULL, \
     call_id TEXT NOT NULL, cseq INTEGER NOT NULL, expires INTEGER NOT NULL, until INTEGER NOT NULL, path TEXT NOT NULL, \
     received TEXT NOT NULL, transport TEXT NOT NULL, nat INTEGER NOT NULL, user_agent TEXT NOT NULL)";
const PUT: &str = "INSERT OR REPLACE INTO bindings (id, user, domain, profile, contact, instance, reg_id, q, call_id, cseq, \
     expires, until, path, received, transport, nat, user_agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
     ?12, ?13, ?14, ?15, ?16, ?17)";
const ALL: &str = "SELECT id, user, domain, profile, contact, instance, reg_id, q, call_id, cseq, expires, until, path, \
     received, transport, nat, user_agent FROM bindings ORDER BY id";

/// The open file.
pub struct BindingStore(Behind<BindingId, Arc<Binding>>);

impl BindingStore {
    /// Opens the file, its folder made when it is missing, and gives what it holds.
    pub fn open(path: &Path) -> Result<(Self, Vec<Binding>), StoreError> {
        let (behind, bindings) = Behind::open(path, "bindings", load, write)?;
        Ok((Self(behind), bindings))
    }

    /// Notes changes; returns at once.
    pub fn note(&self, changes: &[Change]) {
        self.0.note(changes.iter().map(|change| match change {
            Change::Put(binding) => (binding.id, Some(Arc::clone(binding))),
            Change::Gone(binding) => (binding.id, None),
        }));
    }

    /// Writes what waits and ends the thread.
    pub fn close(&self) {
        self.0.close();
    }
}

fn load(connection: &Connection) -> rusqlite::Result<Vec<Binding>> {
    connection.execute(TABLE, [])?;
    let mut bindings = Vec::new();
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(binding) => bindings.push(binding),
            Err(error) => tracing::warn!(%error, "a stored registration cannot be read and is left out"),
        }
    }
    Ok(bindings)
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

fn write(connection: &mut Connection, waiting: &Waiting<BindingId, Arc<Binding>>) -> rusqlite::Result<()> {
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
