//! `freeswitch.Dbh`: a database. Statements run on the blocking pool while the script waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::{Lua, Table, UserData, UserDataRegistry};

use super::arguments::{Arguments, Kind};
use super::log::{self, Level};
use super::objects;
use super::policy::Handle;
use super::run::Run;
use super::seams::{Database, Row, Rows};
use super::table::{Answer, Method, Step};

use Kind::{Dbh as Object, Function, Text};

/// What `query_rows` answers for any failure, as FreeSWITCH.
const FAILED: &str = "Failed to execute sql query";

/// A handle.
#[derive(Clone)]
pub(super) struct Dbh(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    database: Option<Arc<dyn Database>>,
    error: Option<String>,
    affected: u64,
    /// Counts it among what the run holds open.
    handle: Option<Handle>,
}

/// How NULL is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// As an empty string.
    Empty,
    /// The key is absent.
    Absent,
}

impl Dbh {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs statements; keeps the error and the number of changed rows.
    async fn run(&self, sql: String) -> Result<Rows, String> {
        let database = {
            let mut state = self.state();
            state.error = None;
            state.database.clone().ok_or_else(|| "the database is not connected".to_owned())?
        };
        let result = on_pool(&database, move |database| database.run(&sql)).await;
        let mut state = self.state();
        match &result {
            Ok(rows) => state.affected = rows.affected,
            Err(text) => state.error = Some(text.clone()),
        }
        result
    }
}

impl UserData for Dbh {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "Dbh");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor("Dbh", &[Text, Text, Text], 1, new).overloaded(),
    Method::of("Dbh", "connected", &[Object], 1, connected),
    Method::of("Dbh", "query", &[Object, Text, Function], 2, query).wrapped(),
    Method::of("Dbh", "query_rows", &[Object, Text], 2, query_rows),
    Method::of("Dbh", "affected_rows", &[Object], 1, affected_rows),
    Method::of("Dbh", "last_error", &[Object], 1, last_error),
    Method::of("Dbh", "clear_error", &[Object], 1, clear_error),
    Method::of("Dbh", "test_reactive", &[Object, Text, Text, Text], 2, test_reactive),
    Method::of("Dbh", "load_extension", &[Object, Text], 2, load_extension),
    Method::of("Dbh", "release", &[Object], 1, release),
];

/// Ends a statement that nobody waits for any more.
struct Interrupt(Option<Arc<dyn Database>>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(database) = &self.0 {
            database.interrupt();
        }
    }
}

/// Does work that may wait for a disk. A run that ends meanwhile interrupts it.
async fn on_pool<T: Send + 'static>(
    database: &Arc<dyn Database>,
    work: impl FnOnce(&dyn Database) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let mut interrupt = Interrupt(Some(Arc::clone(database)));
    let database = Arc::clone(database);
    let result = tokio::task::spawn_blocking(move || work(&*database)).await;
    interrupt.0 = None;
    result.unwrap_or_else(|_| Err("the database failed".to_owned()))
}

/// A handle that is not connected when the database cannot be opened.
fn new(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let mut dsn = arguments.text_or_empty(0);
    for at in 1..3 {
        if let Some(text) = arguments.text(at).filter(|text| !text.is_empty()) {
            dsn = format!("{dsn}:{text}");
        }
    }
    if let Some(why) = run.policy.roots.as_ref().and_then(|_| outside(&dsn)) {
        return Step::Fail(why);
    }
    let handle = match run.handles.open() {
        Ok(handle) => handle,
        Err(why) => return Step::Fail(why),
    };
    let run = Arc::clone(run);
    Step::wait(async move {
        let opened = match run.host.databases() {
            Some(databases) => tokio::task::spawn_blocking(move || databases.open(&dsn)).await,
            None => Ok(Err("there are no databases here".to_owned())),
        };
        let state = match opened.unwrap_or_else(|_| Err("the database failed".to_owned())) {
            Ok(database) => State { database: Some(database), handle: Some(handle), ..State::default() },
            Err(text) => {
                log::write(&run, Level::Err, &format!("Dbh: {text}"));
                State::default()
            }
        };
        Ok(Answer::Dbh(Dbh(Arc::new(Mutex::new(state)))))
    })
}

/// Why a restricted script may not open a database: it lies elsewhere than in the folder of databases.
fn outside(dsn: &str) -> Option<String> {
    let name = dsn.strip_prefix("sqlite://").unwrap_or(dsn);
    let plain =
        name.starts_with("memory://") || !(name.contains("://") || name.starts_with('/') || name.contains(".."));
    (!plain).then(|| format!("Dbh {dsn}: not allowed: lua-profile is restricted"))
}

/// What the state of the handle says.
fn fact(arguments: &Arguments, read: impl FnOnce(&mut State) -> Answer) -> Step {
    Step::Now(arguments.with(0, |dbh: &Dbh| read(&mut dbh.state())).unwrap_or(Answer::Nil))
}

fn connected(_: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(arguments, |state| Answer::Bool(state.database.is_some()))
}

fn affected_rows(_: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(arguments, |state| {
        let rows = if state.database.is_some() { state.affected } else { 0 };
        Answer::Integer(i64::try_from(rows).unwrap_or(i64::MAX))
    })
}

fn last_error(_: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(arguments, |state| state.error.clone().map_or(Answer::Nil, Answer::Text))
}

fn clear_error(_: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(arguments, |state| {
        state.error = None;
        Answer::Nothing
    })
}

/// True once.
fn release(_: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(arguments, |state| {
        state.handle = None;
        Answer::Bool(state.database.take().is_some())
    })
}

fn load_extension(run: &Arc<Run>, _: &Arguments) -> Step {
    log::write(run, Level::Err, "load_extension is not offered: it needs unsafe code");
    Step::Now(Answer::Integer(1))
}

/// Success, and the rows for the prelude's loop.
fn query(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(dbh) = arguments.with(0, Dbh::clone) else { return Step::Now(Answer::Bool(false)) };
    let (sql, wanted) = (arguments.text_or_empty(1), arguments.value(2).is_function());
    let run = Arc::clone(run);
    Step::wait(async move {
        Ok(match dbh.run(sql).await {
            Ok(rows) if wanted => Answer::Rows(rows.rows, Null::Empty),
            Ok(_) => Answer::Bool(true),
            Err(text) => {
                log::write(&run, Level::Err, &format!("query: {text}"));
                Answer::Bool(false)
            }
        })
    })
}

fn query_rows(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(dbh) = arguments.with(0, Dbh::clone) else { return Step::Now(Answer::Bool(false)) };
    let sql = arguments.text_or_empty(1);
    let run = Arc::clone(run);
    Step::wait(async move {
        Ok(Answer::RowsOrError(dbh.run(sql).await.map(|rows| rows.rows).map_err(|text| {
            log::write(&run, Level::Err, &format!("query_rows: {text}"));
            FAILED
        })))
    })
}

/// Runs the test; when it fails, drops and creates.
fn test_reactive(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(dbh) = arguments.with(0, Dbh::clone) else { return Step::Now(Answer::Bool(false)) };
    let (test, drop, create) = (arguments.text_or_empty(1), arguments.text(2), arguments.text(3));
    let run = Arc::clone(run);
    Step::wait(async move {
        if dbh.run(test).await.is_ok() {
            return Ok(Answer::Bool(true));
        }
        if let Some(drop) = drop.filter(|text| !text.is_empty()) {
            // What is not there cannot be dropped.
            let _ = dbh.run(drop).await;
        }
        let Some(create) = create.filter(|text| !text.is_empty()) else { return Ok(Answer::Bool(false)) };
        let created = dbh.run(create).await;
        if let Err(text) = &created {
            log::write(&run, Level::Err, &format!("test_reactive: {text}"));
        }
        Ok(Answer::Bool(created.is_ok()))
    })
}

/// Rows as an array of tables.
pub(super) fn table(lua: &Lua, rows: &[Row], null: Null) -> mlua::Result<Table> {
    let list = lua.create_table_with_capacity(rows.len(), 0)?;
    for (at, row) in rows.iter().enumerate() {
        let table = lua.create_table_with_capacity(0, row.columns.len())?;
        for (name, value) in row.columns.iter().zip(&row.values) {
            match (value, null) {
                (Some(value), _) => table.raw_set(name.as_str(), lua.create_string(value)?)?,
                (None, Null::Empty) => table.raw_set(name.as_str(), "")?,
                (None, Null::Absent) => {}
            }
        }
        list.raw_set(at.saturating_add(1), table)?;
    }
    Ok(list)
}
