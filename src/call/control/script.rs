//! Runs of scripts, as the call sees them.

use tokio::sync::oneshot;

use super::SessionHandle;
use crate::call::event::Event;

/// How a script was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptEntry {
    /// Application `lua`: `session` is set.
    App,
    /// API `lua`: `stream` and `env` are set; `session` only when one was given.
    Api,
    /// API `luarun`: neither.
    Detached,
    /// A startup script: as `luarun`, but may run for ever.
    Startup,
    /// A hook of `lua.conf`: `event` is set.
    Event,
    /// The XML handler of `lua.conf`: `XML_REQUEST` and `params` are set, and the global `XML_STRING` is the output.
    Xml,
    /// Dialplan `LUA`: `session` is set, and the global `ACTIONS` is the list of actions.
    Dialplan,
}

/// One run of a script.
#[derive(Debug)]
pub struct ScriptRun {
    /// Application data: name and arguments, or `~code`.
    pub text: String,
    /// How it was started.
    pub entry: ScriptEntry,
    /// The call, if any.
    pub session: Option<SessionHandle>,
    /// Context of the call, for error messages.
    pub context: String,
    /// Extension of the call, for error messages.
    pub extension: String,
    /// What a hook knows of its call: `env` of the API form; the event of a hook.
    pub env: Option<Box<Event>>,
    /// Variables `lua_max_…` of the channel: lower limits for this run.
    pub limits: Vec<(String, String)>,
}

impl ScriptRun {
    /// A run without a call.
    pub fn new(text: &str, entry: ScriptEntry) -> Self {
        Self {
            text: text.to_owned(),
            entry,
            session: None,
            context: String::new(),
            extension: String::new(),
            env: None,
            limits: Vec::new(),
        }
    }
}

/// How a run ended: `lua_status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptStatus {
    /// To its end.
    Ok,
    /// By an error (also a missing file or a syntax error).
    Error,
    /// By a limit: time, instructions, memory, grace after hang-up.
    Timeout,
}

impl ScriptStatus {
    /// Text of `lua_status`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
        }
    }
}

/// What a run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptOutcome {
    /// How it ended.
    pub status: ScriptStatus,
    /// Message with file and line: `lua_last_error`.
    pub error: Option<String>,
    /// What was written to `stream`, with the trailing error text of the API form; `XML_STRING` of the XML handler.
    pub output: String,
    /// What a run for the dialplan `LUA` left in `ACTIONS`: applications and their data.
    pub actions: Vec<(String, String)>,
    /// Whether `setAutoHangup(true)` was in force at the end.
    pub auto_hangup: bool,
}

/// Runs scripts. Implemented by `call::lua`; tests bring their own.
pub trait ScriptHost: Send + Sync {
    /// Starts a run on the script pool; the answer comes when it has ended. Never waits itself. A pool that is full
    /// answers with an error outcome.
    fn start(&self, run: ScriptRun) -> oneshot::Receiver<ScriptOutcome>;
}
