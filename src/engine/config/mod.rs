//! Typed settings read from the XML tree.

mod directory;
mod profile;
mod root;
mod settings;

pub use directory::{Directory, Entries, User};
pub use profile::SipProfile;
pub use root::{Folders, root_document};
pub use settings::Settings;
