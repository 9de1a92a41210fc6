//! Records as rows of an SQLite table, as `mod_cdr_sqlite` writes them.
//!
//! The template is a list of values. Each is expanded alone and bound, so that no caller's name can end the statement.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use super::lane::{Failure, Output};
use super::spool::Item;
use crate::call::cdr::{CallRecord, Column, Surroundings, columns, expand};
use crate::engine::config::{Legs, TableRecords};

/// `mod_cdr_sqlite`'s own.
const EXAMPLE: &str = "\"${caller_id_name}\",\"${caller_id_number}\",\"${destination_number}\",\"${context}\",\
                       \"${start_stamp}\",\"${answer_stamp}\",\"${end_stamp}\",${duration},${billsec},\
                       \"${hangup_cause}\",\"${uuid}\",\"${bleg_uuid}\",\"${accountcode}\"";
/// How long a statement waits for another program that writes.
const BUSY: Duration = Duration::from_secs(2);

/// One table.
pub(super) struct Table {
    path: PathBuf,
    create: String,
    insert: String,
    legs: Legs,
    columns: Vec<Column>,
    around: Arc<dyn Surroundings>,
    connection: Option<Connection>,
}

impl Table {
    /// The database lies at `path`.
    pub(super) fn new(settings: &TableRecords, path: PathBuf, around: Arc<dyn Surroundings>) -> Self {
        let named = settings.default_template.as_deref();
        let template = settings.templates.iter().find(|(name, _)| Some(name.as_str()) == named);
        let columns = columns(template.map_or(EXAMPLE, |(_, text)| text));
        let names: Vec<String> = columns.iter().enumerate().map(|(at, column)| name(at, &columns, column)).collect();
        let places = vec!["?"; columns.len()].join(",");
        Self {
            path,
            create: format!("CREATE TABLE IF NOT EXISTS {} ({})", settings.table, names.join(", ")),
            insert: format!("INSERT INTO {} VALUES ({places})", settings.table),
            legs: settings.legs,
            columns,
            around,
            connection: None,
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        if let Some(folder) = self.path.parent() {
            // Whether that worked shows when the file is opened.
            let _ = std::fs::create_dir_all(folder);
        }
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY)?;
        connection.execute(&self.create, [])?;
        Ok(connection)
    }

    /// Inserts in one transaction: how many rows it holds, and the error of the next one.
    fn insert(&mut self, items: &[Item]) -> rusqlite::Result<(usize, Option<String>)> {
        if self.connection.is_none() {
            self.connection = Some(self.open()?);
        }
        let Some(connection) = self.connection.as_mut() else { return Ok((0, None)) };
        let transaction = connection.transaction()?;
        let (mut done, mut refused) = (0, None);
        {
            let mut statement = transaction.prepare(&self.insert)?;
            for item in items {
                let values: Vec<serde_json::Value> = serde_json::from_str(&item.body).unwrap_or_default();
                match statement.execute(params_from_iter(values.into_iter().map(bound))) {
                    Ok(_) => done += 1,
                    Err(error) if is_away(&error) => return Err(error),
                    Err(error) => {
                        refused = Some(error.to_string());
                        break;
                    }
                }
            }
        }
        transaction.commit()?;
        Ok((done, refused))
    }
}

/// The column is named after the variable it shows.
fn name(at: usize, columns: &[Column], column: &Column) -> String {
    let variable = |column: &Column| Some(column.template.strip_prefix("${")?.strip_suffix('}')?.to_owned());
    let fits =
        |name: &String| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let name = variable(column).filter(fits);
    // Of two equal names the first one has it; SQL's own words are quoted.
    let first = columns.iter().position(|other| variable(other) == name) == Some(at);
    name.filter(|_| first).map_or_else(|| format!("column_{}", at + 1), |name| format!("\"{name}\""))
}

fn bound(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Number(number) => number.as_i64().map_or(Value::Null, Value::Integer),
        serde_json::Value::String(text) => Value::Text(text),
        _ => Value::Null,
    }
}

/// The database as a whole is out of reach. What it says of one row is about that row.
fn is_away(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange
        )
    ) && !matches!(error, rusqlite::Error::InvalidParameterCount(..))
}

impl Output for Table {
    fn items(&mut self, record: &CallRecord) -> Vec<Item> {
        let Some(detail) = record.detail.as_deref() else { return Vec::new() };
        if !self.legs.take(detail.originator.is_some(), detail.originatee.is_some()) {
            return Vec::new();
        }
        let value = |column: &Column| {
            let text = expand(&column.template, detail, &*self.around);
            match text.trim().parse::<i64>() {
                _ if column.quoted => text.into(),
                Ok(number) => number.into(),
                Err(_) if text.is_empty() => serde_json::Value::Null,
                Err(_) => text.into(),
            }
        };
        let values: Vec<serde_json::Value> = self.columns.iter().map(value).collect();
        vec![Item { target: String::new(), body: serde_json::Value::from(values).to_string() }]
    }

    fn deliver(&mut self, items: &[Item]) -> (usize, Result<(), Failure>) {
        match self.insert(items) {
            Ok((done, None)) => (done, Ok(())),
            Ok((done, Some(why))) => (done, Err(Failure::Refused(why))),
            Err(error) => {
                // The file may be another one next time.
                self.connection = None;
                (0, Err(Failure::Away(format!("{}: {error}", self.path.display()))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::cdr::testing::{Nothing, detail};

    fn settings(template: &str) -> TableRecords {
        TableRecords {
            database: "cdr".to_owned(),
            table: "cdr".to_owned(),
            default_template: Some("t".to_owned()),
            templates: vec![("t".to_owned(), template.to_owned())],
            legs: Legs { a: true, b: true },
        }
    }

    fn record(name: &str) -> CallRecord {
        let mut detail = detail();
        detail.variables.set("name", name);
        detail.variables.set("billsec", "7");
        CallRecord { detail: Some(Box::new(detail)), ..CallRecord::default() }
    }

    #[test]
    fn rows_hold_what_was_said_whatever_that_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db/cdr.db");
        let mut table =
            Table::new(&settings("\"${name}\", ${billsec}, ${nothing}, '${name}'"), path.clone(), Arc::new(Nothing));
        let hostile = "\"); DROP TABLE cdr; --";
        let items = table.items(&record(hostile));
        assert_eq!(table.deliver(&items), (1, Ok(())));
        let connection = Connection::open(path).unwrap();
        let row = connection.query_row("SELECT name, billsec, \"nothing\", column_4 FROM cdr", [], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get::<_, String>(3)?,
            ))
        });
        assert_eq!(row.unwrap(), (hostile.to_owned(), 7, None, hostile.to_owned()));
    }

    #[test]
    fn a_database_that_is_away_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        std::fs::write(&path, "no folder").unwrap();
        let mut table = Table::new(&settings("${billsec}"), path.join("cdr.db"), Arc::new(Nothing));
        let items = table.items(&record("x"));
        assert!(matches!(table.deliver(&items), (0, Err(Failure::Away(_)))));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(table.deliver(&items), (1, Ok(())));
        // Somebody else holds it.
        let other = Connection::open(path.join("cdr.db")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        table.connection.as_ref().unwrap().busy_timeout(Duration::from_millis(1)).unwrap();
        assert!(matches!(table.deliver(&items), (0, Err(Failure::Away(_)))));
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(table.deliver(&items), (1, Ok(())));
    }

    #[test]
    fn a_row_that_the_table_forbids_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cdr.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE cdr (name TEXT UNIQUE)").unwrap();
        let mut table = Table::new(&settings("\"${name}\""), path, Arc::new(Nothing));
        let items: Vec<Item> = ["a", "a", "b"].iter().flat_map(|name| table.items(&record(name))).collect();
        assert!(matches!(table.deliver(&items), (1, Err(Failure::Refused(_)))));
        assert_eq!(table.deliver(&items[2..]), (1, Ok(())));
    }
}
