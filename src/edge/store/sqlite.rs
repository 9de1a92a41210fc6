//! SQLite files for `freeswitch.Dbh`.
//!
//! Relative names lie in the folder of databases and get `.db`, as in FreeSWITCH. Other drivers (PostgreSQL, ODBC) are not
//! offered; their DSNs get an error that says so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, InterruptHandle, OpenFlags, Statement};

use crate::call::lua::{Database, Databases, Row, Rows};

/// How long a statement waits for another one that writes.
const BUSY: Duration = Duration::from_secs(5);

/// Octets of an answer, so that no script exhausts the process.
const MOST_OCTETS: usize = 32 << 20;

/// The folder of databases.
#[derive(Debug, Clone)]
pub struct SqliteFiles {
    folder: PathBuf,
}

impl SqliteFiles {
    /// Databases below a folder, which is made when the first one is opened.
    pub fn below(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file, or the name of a database in memory, that a DSN stands for.
    fn target(&self, dsn: &str) -> Result<Target, String> {
        if let Some(rest) = dsn.strip_prefix("sqlite://") {
            return Ok(match rest.strip_prefix("memory://") {
                Some(name) => Target::Memory(name.to_owned()),
                None => Target::File(self.file(rest)),
            });
        }
        if let Some((scheme, _)) = dsn.split_once("://") {
            return Err(format!("{scheme}:// is no database this switch can use; sqlite:// is"));
        }
        if dsn.find(':').is_some_and(|at| at > 1) {
            return Err(format!("{dsn}: ODBC is not offered; use sqlite://<file>"));
        }
        if dsn.is_empty() { Err("no database is named".to_owned()) } else { Ok(Target::File(self.file(dsn))) }
    }

    fn file(&self, name: &str) -> PathBuf {
        if Path::new(name).is_absolute() {
            return PathBuf::from(name);
        }
        let name = if Path::new(name).extension().is_some_and(|ext| ext == "db") {
            name.to_owned()
        } else {
            format!("{name}.db")
        };
        self.folder.join(name)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Target {
    File(PathBuf),
    Memory(String),
}

impl Databases for SqliteFiles {
    fn open(&self, dsn: &str) -> Result<Arc<dyn Database>, String> {
        let connection = match self.target(dsn)? {
            Target::Memory(name) => {
                let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
                let flags = OpenFlags::default() | OpenFlags::SQLITE_OPEN_URI;
                Connection::open_with_flags(format!("file:{name}?mode=memory&cache=shared"), flags)
            }
            Target::File(path) => {
                if path.starts_with(&self.folder) {
                    // Whether that worked shows when the file is opened.
                    let _ = std::fs::create_dir_all(&self.folder);
                }
                Connection::open_with_flags(path, OpenFlags::default() & !OpenFlags::SQLITE_OPEN_URI)
            }
        };
        let connection = connection.map_err(|error| format!("{dsn}: {error}"))?;
        connection.busy_timeout(BUSY).map_err(|error| format!("{dsn}: {error}"))?;
        let interrupt = connection.get_interrupt_handle();
        Ok(Arc::new(Sqlite { connection: Mutex::new(connection), interrupt }))
    }
}

/// One connection.
struct Sqlite {
    connection: Mutex<Connection>,
    interrupt: InterruptHandle,
}

impl Database for Sqlite {
    fn run(&self, sql: &str) -> Result<Rows, String> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new(&connection, sql);
        let (mut rows, mut octets) = (Vec::new(), 0);
        while let Some(mut statement) = batch.next().map_err(words)? {
            fetch(&mut statement, &mut rows, &mut octets)?;
        }
        Ok(Rows { rows, affected: connection.changes() })
    }

    fn interrupt(&self) {
        self.interrupt.interrupt();
    }
}

/// SQLite's own words of an error.
fn words(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => other.to_string(),
    }
}

/// Adds the rows of a statement.
fn fetch(statement: &mut Statement<'_>, rows: &mut Vec<Row>, octets: &mut usize) -> Result<(), String> {
    let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.raw_query();
    while let Some(row) = found.next().map_err(words)? {
        let mut values = Vec::with_capacity(columns.len());
        for at in 0..columns.len() {
            let value = text_of(row.get_ref(at).map_err(words)?);
            *octets = octets.saturating_add(64).saturating_add(value.as_ref().map_or(0, Vec::len));
            values.push(value);
        }
        if *octets > MOST_OCTETS {
            return Err(format!("the answer is larger than {} MB", MOST_OCTETS >> 20));
        }
        rows.push(Row { columns: Arc::clone(&columns), values });
    }
    Ok(())
}

/// A value as SQLite prints it; none is NULL.
fn text_of(value: ValueRef<'_>) -> Option<Vec<u8>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(real(number).into_bytes()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(text.to_vec()),
    }
}

/// As `%!.15g`: fifteen digits, always with a point.
fn real(number: f64) -> String {
    let short: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    let text = format!("{short:?}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
            format!("{mantissa}{point}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(rows: &Rows) -> Vec<Vec<Option<String>>> {
        let text = |value: &Option<Vec<u8>>| value.as_ref().map(|value| String::from_utf8(value.clone()).unwrap());
        rows.rows.iter().map(|row| row.values.iter().map(text).collect()).collect()
    }

    #[test]
    fn statements_of_a_text_run_in_turn() {
        let folder = tempfile::tempdir().unwrap();
        let files = SqliteFiles::below(folder.path().join("db"));
        let database = files.open("calls").unwrap();
        let rows = database.run("create table t(a text,b int); insert into t values('x',1),('y',NULL)").unwrap();
        assert_eq!((rows.rows.len(), rows.affected), (0, 2));
        let rows = database.run("select * from t; select 1.5 as f, 2.0, 1e20, x'6162'").unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            values(&rows),
            [
                vec![text("x"), text("1")],
                vec![text("y"), None],
                vec![text("1.5"), text("2.0"), text("1.0e+20"), text("ab")]
            ]
        );
        assert_eq!(rows.rows[2].columns[0], "f");
        assert_eq!(database.run("selekt").unwrap_err(), "near \"selekt\": syntax error");
        assert_eq!(database.run("select * from nosuch").unwrap_err(), "no such table: nosuch");
        assert!(folder.path().join("db/calls.db").is_file());
    }

    #[test]
    fn a_large_answer_is_refused_and_a_long_one_interrupted() {
        let files = SqliteFiles::below(PathBuf::from("/nosuch"));
        let database = files.open("sqlite://memory://big").unwrap();
        let endless = "with recursive n(i) as (select 1 union all select i+1 from n) select";
        let text = database.run(&format!("{endless} i from n")).unwrap_err();
        assert_eq!(text, "the answer is larger than 32 MB");
        let other = Arc::clone(&database);
        let thread = std::thread::spawn(move || other.run(&format!("{endless} count(*) from n")));
        while !thread.is_finished() {
            database.interrupt();
            std::thread::yield_now();
        }
        assert_eq!(thread.join().unwrap().unwrap_err(), "interrupted");
    }

    #[test]
    fn dsns() {
        let files = SqliteFiles::below(PathBuf::from("/d"));
        for (dsn, file) in [
            ("calls", "/d/calls.db"),
            ("calls.db", "/d/calls.db"),
            ("sqlite://calls", "/d/calls.db"),
            ("sqlite:///x/y.z", "/x/y.z"),
            ("/x/y", "/x/y"),
        ] {
            assert_eq!(files.target(dsn), Ok(Target::File(PathBuf::from(file))), "{dsn}");
        }
        for dsn in ["pgsql://hostaddr=1", "dsn:user:pass", "odbc://x:y:z", ""] {
            assert!(files.target(dsn).is_err(), "{dsn}");
        }
        assert!(files.open("sqlite:///nosuch/dir/x.db").is_err());
    }
}
