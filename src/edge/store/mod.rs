//! What outlives a call: the stores of `hash` and `db`, and the file of call records.

mod memory;
mod records;
mod sqlite;

pub use memory::MemoryStore;
pub use records::{RecordError, RecordFile};
pub use sqlite::SqliteFiles;
