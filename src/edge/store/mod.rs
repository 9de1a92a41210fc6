//! What outlives a call: the stores of `hash` and `db`, registrations, and call records.

mod bindings;
mod memory;
mod records;
mod sqlite;

pub use bindings::{BindingStore, BindingStoreError};
pub use memory::MemoryStore;
pub use records::{OutputFigures, RecordError, RecordFolders, Records};
pub use sqlite::SqliteFiles;
