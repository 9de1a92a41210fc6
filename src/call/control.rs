//! The seam to scripts: a script reaches its call only by these messages; the call's task answers them one at a time.
//!
//! The `lua` application owns the receiving end while its script runs. A request whose reply nobody waits for any more
//! (the script was stopped) is abandoned at the next event.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

use crate::words::model::Cause;

/// Requests that may wait in one session's queue. A script makes one at a time; its hooks may nest a few.
pub const SESSION_QUEUE: usize = 8;

/// Where a channel stands, as scripts see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// After routing, before hang-up, no transfer pending.
    pub ready: bool,
    /// Answered (stays true after hang-up).
    pub answered: bool,
    /// Answered or early media, and `ready`.
    pub media_ready: bool,
    /// Bridged now.
    pub bridged: bool,
    /// `CS_EXECUTE`, `CS_HANGUP` …
    pub state: &'static str,
    /// Set once the channel is hung up.
    pub hangup_cause: Option<Cause>,
    /// A transfer is pending.
    pub transferring: bool,
}

/// Digits gathered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digits {
    /// Without terminator.
    pub digits: String,
    /// The terminator that ended the gathering.
    pub terminator: Option<char>,
}

/// Arguments of `session:read`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSpec {
    /// At least this many digits.
    pub min: u32,
    /// At most this many.
    pub max: u32,
    /// Prompt; empty: none.
    pub prompt: String,
    /// ms for the first digit.
    pub timeout_ms: u32,
    /// Terminators, in the syntax of `read`.
    pub terminators: String,
    /// ms between digits; 0: as `timeout_ms`.
    pub digit_timeout_ms: u32,
}

/// Arguments of `session:playAndGetDigits`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlayAndGetSpec {
    /// As for `read`; `prompt` is played at each try.
    pub read: ReadSpec,
    /// Tries.
    pub tries: u32,
    /// Played after a try that failed; empty: none.
    pub invalid_prompt: String,
    /// Pattern that the digits must match; empty: any.
    pub regex: String,
    /// Variable that gets the digits.
    pub variable: String,
    /// `exten[ dialplan[ context]]` after the last failed try; empty: none.
    pub transfer_on_failure: String,
}

/// One request of a script. Each carries the way back for its answer.
#[derive(Debug)]
pub enum Request {
    /// `session:getVariable`.
    GetVariable {
        /// Name, any case; `name[n]` reads an item.
        name: String,
        /// The value.
        reply: oneshot::Sender<Option<String>>,
    },
    /// `session:setVariable`.
    SetVariable {
        /// Name.
        name: String,
        /// None or empty removes.
        value: Option<String>,
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// `session:execute`.
    Execute {
        /// Application.
        app: String,
        /// Data, expanded by the call.
        data: String,
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// Several facts at once: `ready`, `answered`, `getState` …
    State {
        /// The facts.
        reply: oneshot::Sender<SessionState>,
    },
    /// `session:answer`; true unless the channel is gone.
    Answer {
        /// Outcome.
        reply: oneshot::Sender<bool>,
    },
    /// `session:preAnswer`.
    PreAnswer {
        /// Outcome.
        reply: oneshot::Sender<bool>,
    },
    /// `session:hangup`.
    Hangup {
        /// Cause text as given.
        cause: String,
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// `session:streamFile`; true when played to its end.
    Stream {
        /// Path in the grammar of `playback`.
        path: String,
        /// First sample.
        start_sample: u64,
        /// Outcome.
        reply: oneshot::Sender<bool>,
    },
    /// `session:sleep`; false when broken by hang-up.
    Sleep {
        /// Milliseconds.
        ms: u64,
        /// Outcome.
        reply: oneshot::Sender<bool>,
    },
    /// `session:getDigits`.
    GetDigits {
        /// At most this many.
        max: u32,
        /// Digits that end the gathering.
        terminators: String,
        /// ms for the first digit; 0 none.
        timeout_ms: u32,
        /// ms between digits; 0: as `timeout_ms`.
        interdigit_ms: u32,
        /// ms in all; 0 none.
        absolute_ms: u32,
        /// Outcome.
        reply: oneshot::Sender<Digits>,
    },
    /// `session:read`.
    Read {
        /// Arguments.
        spec: ReadSpec,
        /// Digits.
        reply: oneshot::Sender<String>,
    },
    /// `session:playAndGetDigits`.
    PlayAndGetDigits {
        /// Arguments.
        spec: Box<PlayAndGetSpec>,
        /// Digits.
        reply: oneshot::Sender<String>,
    },
    /// `session:flushDigits`.
    FlushDigits {
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// `session:transfer`; false when the hop limit ended the call.
    Transfer {
        /// Destination.
        extension: String,
        /// None: the present one.
        dialplan: Option<String>,
        /// None: the present one.
        context: Option<String>,
        /// Outcome.
        reply: oneshot::Sender<bool>,
    },
    /// `freeswitch.API():execute` with this call as its session.
    Api {
        /// Command.
        command: String,
        /// Arguments.
        args: String,
        /// What the command printed; none: unknown command.
        reply: oneshot::Sender<Option<String>>,
    },
    /// Text of `${…}` expanded in the channel's scope.
    Expand {
        /// The text.
        text: String,
        /// Expanded.
        reply: oneshot::Sender<String>,
    },
}

/// Serves what needs nothing but the channel while the call's task only waits for its script. It spares the way through
/// two threads, and most of what scripts ask is of this kind.
pub trait Desk: Send + Sync {
    /// Serves the request on the spot, or gives it back.
    fn serve_now(&self, request: Request) -> Option<Request>;
}

/// A script's handle on its call. When the call's task is gone every request fails at once.
#[derive(Clone)]
pub struct SessionHandle {
    uuid: Arc<str>,
    queue: mpsc::Sender<Request>,
    desk: Option<Arc<dyn Desk>>,
}

impl std::fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SessionHandle").field(&self.uuid).finish()
    }
}

/// The call is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call is gone")]
pub struct CallGone;

impl SessionHandle {
    /// A handle and the end the call's task serves.
    pub fn new(uuid: Arc<str>) -> (Self, mpsc::Receiver<Request>) {
        let (queue, receiver) = mpsc::channel(SESSION_QUEUE);
        (Self { uuid, queue, desk: None }, receiver)
    }

    /// Asks this desk first.
    #[must_use]
    pub fn with_desk(mut self, desk: Arc<dyn Desk>) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Uuid of the channel.
    pub fn uuid(&self) -> &Arc<str> {
        &self.uuid
    }

    /// Comes when the call's task has dropped its end of the queue.
    pub async fn gone(&self) {
        self.queue.closed().await;
    }

    /// Sends a request made around its reply channel and waits for the answer.
    pub async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, CallGone> {
        let (reply, answer) = oneshot::channel();
        let request = request(reply);
        let left = match &self.desk {
            Some(desk) => desk.serve_now(request),
            None => Some(request),
        };
        if let Some(request) = left {
            self.queue.send(request).await.map_err(|_| CallGone)?;
            // The task may answer at once. Whether a request is a wait must not depend on who is faster.
            let mut waited = false;
            let wait_once = |context: &mut Context<'_>| {
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            };
            std::future::poll_fn(wait_once).await;
        }
        answer.await.map_err(|_| CallGone)
    }
}

/// How a script was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptEntry {
    /// Application `lua`: `session` is set.
    App,
    /// API `lua`: `stream` and `env` are set; `session` only when one was given.
    Api,
    /// API `luarun`: neither.
    Detached,
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
    /// Variables `lua_max_…` of the channel: lower limits for this run.
    pub limits: Vec<(String, String)>,
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
    /// What was written to `stream`, with the trailing error text of the API form.
    pub output: String,
    /// Whether `setAutoHangup(true)` was in force at the end.
    pub auto_hangup: bool,
}

/// Runs scripts. Implemented by `call::lua`; tests bring their own.
pub trait ScriptHost: Send + Sync {
    /// Starts a run on the script pool; the answer comes when it has ended. Never waits itself. A pool that is full
    /// answers with an error outcome.
    fn start(&self, run: ScriptRun) -> oneshot::Receiver<ScriptOutcome>;
}
