//! What scripts ask of the switch without a call.

use jiff::Timestamp;
use tokio::sync::oneshot;

/// Runs API commands for `freeswitch.API()`. `lua` and `luarun` never come here: the host runs them itself.
pub trait ApiRunner: Send + Sync {
    /// Starts a command; the answer is its output, none when there is no such command. Never waits itself. A dropped
    /// sender counts as an unknown command.
    fn start(&self, command: String, args: String) -> oneshot::Receiver<Option<String>>;

    /// The present instant, for `getTime`.
    fn now(&self) -> Timestamp;
}

/// Global variables, for `freeswitch.getGlobalVariable` and `setGlobalVariable`. Names ignore case.
pub trait Globals: Send + Sync {
    /// Its value.
    fn get(&self, name: &str) -> Option<String>;

    /// Sets it; an empty value removes it.
    fn set(&self, name: &str, value: &str);
}
