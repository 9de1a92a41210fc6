//! What outlives a call: the stores of `hash` and `db`, registrations, and call records.

mod behind;
mod bindings;
mod local;
mod records;
mod sqlite;

pub use behind::StoreError;
pub use bindings::BindingStore;
pub use local::LocalStore;
pub use records::{OutputFigures, RecordError, RecordFolders, Records};
pub use sqlite::SqliteFiles;
