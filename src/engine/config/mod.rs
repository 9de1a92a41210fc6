//! Typed settings read from the XML tree.

mod access;
mod directory;
mod gateway;
mod menus;
mod phrases;
mod profile;
mod records;
mod root;
mod script;
mod settings;
mod voice;

pub use access::{Access, AccessLists};
pub use directory::{Directory, Entries, User};
pub use gateway::{Gateway, GatewayTransport, GatewayVariable};
pub use menus::{Menu, MenuAction, MenuDigits, MenuEntry, read_menus};
pub use phrases::{Input, Language, Macro, PhraseAction, Phrases};
pub use profile::{AuthCalls, SipProfile};
pub use records::{BodyForm, CsvRecords, DocumentRecords, Legs, RecordSettings, TableRecords, Template};
pub use root::{Folders, root_document};
pub use script::{ScriptHook, ScriptSettings};
pub use settings::{EventSocketSettings, Settings};
pub use voice::Voice;
