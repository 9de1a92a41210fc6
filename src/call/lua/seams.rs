//! What scripts ask of the switch without a call.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

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

/// Virtual time, for rehearsals.
pub trait Pace: Send + Sync {
    /// Lets so much time go by at once.
    fn pass(&self, time: Duration);
}

/// What a network operation comes to.
pub type Told<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// TCP and HTTP for scripts: `require "socket"`. Errors are LuaSocket's words where it has some: `timeout`, `closed`,
/// `connection refused`, `host not found`.
pub trait Network: Send + Sync {
    /// Opens a connection. Without a limit the implementation's own ends it.
    fn connect(&self, host: String, port: u16, limit: Option<Duration>) -> Told<Result<Arc<dyn Connection>, String>>;

    /// One request and its whole answer, redirects followed.
    fn fetch(&self, request: Fetch) -> Told<Result<Fetched, String>>;
}

/// An open connection. It is closed when the last one forgets it.
pub trait Connection: Send + Sync {
    /// How many octets were sent; the error that ended it before all were.
    fn send(&self, data: Vec<u8>, limit: Option<Duration>) -> Told<(usize, Option<String>)>;

    /// What came; the error that ended it before it was whole.
    fn receive(&self, wanted: Wanted, limit: Option<Duration>) -> Told<(Vec<u8>, Option<String>)>;

    /// Address and port of our end and of the other.
    fn addresses(&self) -> (SocketAddr, SocketAddr);
}

/// What is to be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A line; its end (LF, and every CR) is left out.
    Line,
    /// Everything until the other side closes.
    All,
    /// So many octets.
    Octets(usize),
}

/// An HTTP request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetch {
    /// `http://` or `https://`.
    pub url: String,
    /// `GET`, or `POST` with a body, when empty.
    pub method: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// For all of it; none: the implementation's own.
    pub limit: Option<Duration>,
}

/// An HTTP answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Status.
    pub status: u16,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    /// What was sent back.
    pub body: Vec<u8>,
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
