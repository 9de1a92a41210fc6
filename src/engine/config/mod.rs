//! Typed settings read from the XML tree.

mod root;

pub use root::{Folders, root_document};
