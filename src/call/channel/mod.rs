//! A channel: our object for one leg: who calls whom, variables, where it stands, when things happened.
//!
//! A plain value owned by its call's task. What it does to the far end is the task's business.

mod headers;
mod history;
mod session;
mod view;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::call::leg::SessionRules;
use crate::words::model::{CallerProfile, Cause, Variables, truthy};

pub use headers::{Shown, Written};
pub use history::{Frame, History};
pub use session::{SessionDue, SessionTimer};
pub use view::{MODULES, View};

/// Digits that may wait for an application.
const MAX_DIGITS: usize = 128;

/// Where a channel stands (`CS_…`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Looking for an extension; also after a transfer, until the list at hand is left.
    #[default]
    Routing,
    /// Running a list of actions.
    Execute,
    /// A called leg that is rung or bridged.
    Media,
    /// Parked.
    Park,
    /// Hung up.
    Hangup,
}

impl Phase {
    /// FreeSWITCH's name of the state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Routing => "CS_ROUTING",
            Self::Execute => "CS_EXECUTE",
            Self::Media => "CS_EXCHANGE_MEDIA",
            Self::Park => "CS_PARK",
            Self::Hangup => "CS_HANGUP",
        }
    }

    /// FreeSWITCH's number of the state.
    pub fn number(self) -> &'static str {
        match self {
            Self::Routing => "2",
            Self::Execute => "4",
            Self::Media => "5",
            Self::Park => "6",
            Self::Hangup => "10",
        }
    }
}

/// Listeners are told of a channel by a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// From one to the next.
    pub period: std::time::Duration,
    /// When the next is due.
    pub next: tokio::time::Instant,
}

/// When things happened, microseconds since 1970; 0: not yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// The channel came into being.
    pub created: u64,
    /// First ringing.
    pub progress: u64,
    /// First early media.
    pub progress_media: u64,
    /// Answer.
    pub answered: u64,
    /// First bridge.
    pub bridged: u64,
    /// Last transfer.
    pub transferred: u64,
    /// Hang-up.
    pub hungup: u64,
    /// Last time that its far end went away (hold).
    pub last_hold: u64,
    /// All holds that are over, microseconds in sum.
    pub hold_accum: u64,
}

/// A digit that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    /// `0-9 * # A-D`.
    pub key: char,
    /// Length in timestamp units of 8 kHz.
    pub duration: u32,
}

/// One leg as the dialplan sees it. The default is nobody's channel: what stands in while the real one is lent.
#[derive(Debug, Default)]
pub struct Channel {
    /// Identifier.
    pub uuid: Arc<str>,
    /// Who calls whom.
    pub profile: CallerProfile,
    /// The profiles that `execute_extension` hunts with, innermost last.
    pub nested: Vec<CallerProfile>,
    /// Profile of the other leg, for `aleg_` and `bleg_`.
    pub other: Option<Box<CallerProfile>>,
    /// Channel variables.
    pub variables: Variables,
    /// Scope variables of the running applications, innermost last.
    pub scopes: Vec<Vec<(String, String)>>,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// Where it stands.
    pub phase: Phase,
    /// Set once, by the first hang-up.
    pub cause: Option<Cause>,
    /// 180 or 182 is out (inbound) or came (outbound).
    pub rung: bool,
    /// Early media flows.
    pub early: bool,
    /// Answered.
    pub answered: bool,
    /// Number of its caller profile: a transfer begins another one.
    pub profile_number: u32,
    /// The call state that listeners were told last.
    pub told_state: &'static str,
    /// Name of its codec; empty: none yet.
    pub codec: &'static str,
    /// Bridged now.
    pub bridged: bool,
    /// When things happened.
    pub times: Times,
    /// What it remembers for its record.
    pub history: History,
    /// Digits that no application has asked for yet.
    pub digits: VecDeque<Digit>,
    /// Resources whose places it holds (`limit`).
    pub limits: Vec<String>,
    /// The last final status of its INVITE; 0 none.
    pub status: u16,
    /// Its session has to be refreshed (RFC 4028).
    pub session: Option<SessionTimer>,
    /// Listeners are told of it again and again.
    pub beat: Option<Beat>,
    /// What its endpoint says about that.
    pub session_rules: SessionRules,
    /// What its events wrote of it.
    pub written: Written,
}

impl Channel {
    /// A new channel. Its uuid and name come from the profile.
    pub fn new(profile: CallerProfile, variables: Variables, direction: &'static str, created: u64) -> Self {
        let mut channel = Self {
            uuid: Arc::from(profile.uuid.as_str()),
            profile,
            nested: Vec::new(),
            other: None,
            variables,
            scopes: Vec::new(),
            direction,
            phase: Phase::Routing,
            cause: None,
            rung: false,
            early: false,
            answered: false,
            told_state: "DOWN",
            profile_number: 1,
            codec: "",
            bridged: false,
            times: Times { created, ..Times::default() },
            history: History::default(),
            digits: VecDeque::new(),
            limits: Vec::new(),
            status: 0,
            session: None,
            beat: None,
            session_rules: SessionRules::default(),
            written: Written::default(),
        };
        for (name, value) in [
            ("direction", direction),
            ("uuid", &channel.profile.uuid),
            ("call_uuid", &channel.profile.uuid),
            ("channel_name", &channel.profile.chan_name),
        ] {
            channel.variables.set(name, value);
        }
        channel
    }

    /// Not hung up.
    pub fn up(&self) -> bool {
        self.phase != Phase::Hangup
    }

    /// Actions may go on: it is up and no transfer is pending.
    pub fn executing(&self) -> bool {
        matches!(self.phase, Phase::Execute | Phase::Park)
    }

    /// Marks it as hung up at this time (microseconds since 1970); the first cause counts.
    pub fn hangup(&mut self, cause: Cause, now: u64) {
        if !self.up() {
            return;
        }
        tracing::info!(cause = cause.name(), "hangup");
        self.phase = Phase::Hangup;
        self.cause = Some(cause);
        self.times.hungup = now;
        if self.bridged {
            self.variables.set("last_bridge_role", "originator");
        }
    }

    /// Media can be sent and received.
    pub fn has_media(&self) -> bool {
        self.answered || self.early
    }

    /// Sets a variable whose value came from a wire: one that holds an expansion is refused, as FreeSWITCH does.
    pub fn set_received(&mut self, name: &str, value: &str) {
        if crate::words::model::variables::holds_expansion(value) {
            tracing::error!(name, "a received value contains a variable reference and is not set");
        } else {
            self.variables.set(name, value);
        }
    }

    /// The value of a channel variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name)
    }

    /// Whether a channel variable is a true word.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(truthy)
    }

    /// Whether a channel variable is a false word.
    pub fn is_false(&self, name: &str) -> bool {
        self.get(name).is_some_and(crate::words::model::falsy)
    }

    /// Keeps a digit for the application that asks next; beyond 128 the newest are lost.
    pub fn push_digit(&mut self, key: char, duration: u32) {
        if self.digits.len() < MAX_DIGITS {
            self.digits.push_back(Digit { key, duration });
        }
    }

    /// The profile that reads show: the innermost of `execute_extension`, else the channel's.
    pub fn reading_profile(&self) -> &CallerProfile {
        self.nested.last().unwrap_or(&self.profile)
    }

    /// A variable as `${name}` reads it, without globals: scopes, channel, profile, the other leg's profile.
    fn read(&self, name: &str, index: Option<usize>) -> Option<std::borrow::Cow<'_, str>> {
        let scoped = self.scopes.iter().rev().flatten().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some((_, value)) = scoped {
            return Some(value.as_str().into());
        }
        let variable = match index {
            Some(index) => self.variables.item(name, index),
            None => self.variables.get(name),
        };
        variable.map(Into::into).or_else(|| self.profile_field(name))
    }

    fn profile_field(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        if let Some(field) = name.strip_prefix("aleg_").or_else(|| name.strip_prefix("bleg_")) {
            let inbound = self.direction == "inbound";
            let own = name.starts_with('a') == inbound;
            return if own { self.profile.field(field) } else { self.other.as_ref()?.field(field) };
        }
        let time = |at: u64| Some(at.to_string().into());
        match name {
            "created_time" => time(self.times.created),
            "answered_time" => time(self.times.answered),
            "progress_time" => time(self.times.progress),
            "progress_media_time" => time(self.times.progress_media),
            "hungup_time" => time(self.times.hungup),
            "transferred_time" => time(self.times.transferred),
            _ => self.reading_profile().field(name),
        }
    }
}
