//! Typed settings read from the XML tree.

mod directory;
mod root;

pub use directory::{Directory, Entries, User};
pub use root::{Folders, root_document};
