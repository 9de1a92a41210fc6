//! Typed settings read from the XML tree.

mod access;
mod directory;
mod gateway;
mod profile;
mod root;
mod script;
mod settings;

pub use access::{Access, AccessLists};
pub use directory::{Directory, Entries, User};
pub use gateway::{Gateway, GatewayTransport, GatewayVariable};
pub use profile::{AuthCalls, SipProfile};
pub use root::{Folders, root_document};
pub use script::{ScriptHook, ScriptSettings};
pub use settings::{EventSocketSettings, Settings};
