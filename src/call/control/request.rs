//! What scripts ask of their call.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Activity, Progress, Verdict};
use crate::call::event::Event;
use crate::engine::config::Menu;
use crate::words::model::Cause;

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
    /// Something that takes time and that the script's input callback attends.
    Begin {
        /// What.
        activity: Activity,
        /// Whether there is an input callback: digits are told to the script.
        attended: bool,
        /// How far it came.
        reply: oneshot::Sender<Progress>,
    },
    /// Goes on with what was begun last and told of a digit.
    Continue {
        /// What the callback answered.
        verdict: Verdict,
        /// Whether there still is a callback.
        attended: bool,
        /// How far it came.
        reply: oneshot::Sender<Progress>,
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
    /// `freeswitch.IVRMenu:execute`.
    Menu {
        /// The menus of the script.
        menus: Vec<Menu>,
        /// Which one is entered.
        name: String,
        /// It was left.
        reply: oneshot::Sender<()>,
    },
    /// `session:execute("app::data")`: the application runs at the channel's next wait.
    Queue {
        /// Application.
        app: String,
        /// Data.
        data: String,
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// `session:setEventData`: everything about the channel.
    Data {
        /// As headers of an event.
        reply: oneshot::Sender<Box<Event>>,
    },
    /// `session:getXMLCDR`.
    Record {
        /// The record of the call so far.
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
    /// Dials a leg for the script.
    Dial {
        /// Dial string.
        dial_string: String,
        /// Seconds it may take; none: as long as usual.
        timeout_s: Option<u32>,
        /// The call's own channel is the caller: its variables and caller id count, and it is told of the outcome.
        inherits: bool,
        /// Uuid of the leg, or why there is none.
        reply: oneshot::Sender<Result<Arc<str>, Cause>>,
    },
    /// `freeswitch.bridge`: joins the channel with a leg of the script until one of them leaves.
    BridgeWith {
        /// Uuid of the leg.
        leg: Arc<str>,
        /// False: one of them is not ready.
        reply: oneshot::Sender<bool>,
    },
    /// `session:waitForAnswer`.
    WaitForAnswer {
        /// Done: answered, or gone.
        reply: oneshot::Sender<()>,
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
