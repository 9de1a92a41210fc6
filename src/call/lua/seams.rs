//! What scripts ask of the switch without a call.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::call::control::SessionHandle;

/// Runs API commands for `freeswitch.API()`. `lua` and `luarun` never come here: the host runs them itself.
pub trait ApiRunner: Send + Sync {
    /// Starts a command; the answer is its output, none when there is no such command. Never waits itself. A dropped
    /// sender counts as an unknown command.
    fn start(&self, command: String, args: String) -> oneshot::Receiver<Option<String>>;

    /// The present instant, for `getTime`.
    fn now(&self) -> Timestamp;
}

/// Global variables, for `freeswitch.getGlobalVariable` and `setGlobalVariable`. Names ignore case.
pub trait Globals: Send + Sync {
    /// Its value.
    fn get(&self, name: &str) -> Option<String>;

    /// Sets it; an empty value removes it.
    fn set(&self, name: &str, value: &str);
}

/// Makes tasks in which the legs of scripts without a call live.
pub trait Anchors: Send + Sync {
    /// The way to a new task, which ends when the handle and the legs are gone. None: the switch is not ready.
    fn anchor(&self) -> Option<SessionHandle>;

    /// The way to a channel of another call; it stays with its task. None: there is no such channel.
    fn attach(&self, uuid: &str) -> Option<SessionHandle>;
}

/// Databases, for `freeswitch.Dbh`. Opening and asking may wait for a disk: the host does both on its blocking pool.
pub trait Databases: Send + Sync {
    /// Opens what a DSN names. The error is a text for the log.
    fn open(&self, dsn: &str) -> Result<Arc<dyn Database>, String>;
}

/// An open database.
pub trait Database: Send + Sync {
    /// Runs every statement of a text. The error is the database's own words.
    fn run(&self, sql: &str) -> Result<Rows, String>;

    /// Ends what runs, from another thread.
    fn interrupt(&self);
}

/// What statements answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Names of the columns and their values, row after row, of all statements.
    pub rows: Vec<Row>,
    /// Rows that the last statement changed.
    pub affected: u64,
}

/// One row: names of columns, shared by the rows of a statement, and values; none is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Names.
    pub columns: Arc<[String]>,
    /// As text.
    pub values: Vec<Option<Vec<u8>>>,
}
