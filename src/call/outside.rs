//! What a call may want of the machine it runs on: dialplans in files of their own, shell commands.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::engine::dialplan::Dialplan;

/// The machine. Nothing here waits; a dropped sender counts as a failure.
pub trait Outside: Send + Sync {
    /// The dialplan of a file (`XML:/path`), read as a complete document without pre-processing. The error says what is
    /// wrong with it.
    fn dialplan(&self, path: &str) -> oneshot::Receiver<Result<Arc<Dialplan>, String>>;

    /// The dialplan of a document that a script made, without pre-processing. The error says what is wrong with it.
    fn dialplan_of(&self, document: String) -> oneshot::Receiver<Result<Arc<Dialplan>, String>>;

    /// Standard output of a shell command.
    fn command(&self, command: &str) -> oneshot::Receiver<Result<String, String>>;
}
