//! The channel of a rehearsed script: variables, digits, prompts and far ends, in virtual time.

mod digits;
mod far_ends;
mod media;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::FarEnd;
use super::script::{Clock, ScriptPlan};
use crate::call::api;
use crate::call::channel::View;
use crate::call::control::{Progress, Request, SessionState};
use crate::call::event::{Event, EventName};
use crate::call::services::Services;
use crate::words::expand::{Api, Lookup, expand};
use crate::words::model::{Cause, Variables};
use digits::Waits;
use media::Running;

/// Uuid of the script's call.
pub(super) const OWN_UUID: &str = "00000000-0000-4000-8000-000000000000";

/// The longest call, ms: scripts that never end have an end here.
const LONGEST_MS: u64 = 86_400_000;
/// The caller gives up when nothing else ever happens, ms.
const PATIENCE_MS: u64 = 3_600_000;

/// The channel.
pub(super) struct Channel {
    clock: Clock,
    services: Arc<Services>,
    sounds: PathBuf,
    variables: Variables,
    answered: bool,
    early: bool,
    cause: Option<Cause>,
    transfer: Option<String>,
    /// Pressed and not read.
    queue: VecDeque<char>,
    /// Of readings to come.
    reads: VecDeque<String>,
    /// At times to come.
    presses: VecDeque<(u64, char)>,
    far_ends: VecDeque<FarEnd>,
    hangs_up_at: Option<u64>,
    /// What was begun last.
    activity: Option<Running>,
    legs: BTreeMap<Arc<str>, Leg>,
}

/// A leg that the script dialled.
#[derive(Default)]
struct Leg {
    cause: Option<Cause>,
    variables: Variables,
}

/// What ends a wait.
enum Woken {
    Over,
    Digit(char),
    Hung,
}

fn send<T>(reply: oneshot::Sender<T>, value: T) {
    let _ = reply.send(value);
}

impl Channel {
    pub(super) fn new(plan: &ScriptPlan, clock: Clock, services: Arc<Services>) -> Self {
        let mut variables = Variables::new();
        for (name, value) in [
            ("uuid", OWN_UUID),
            ("destination_number", "1000"),
            ("caller_id_number", "1001"),
            ("caller_id_name", "Caller"),
            ("context", "default"),
            ("dialplan", "XML"),
            ("network_addr", "127.0.0.1"),
            ("channel_name", "sofia/internal/1001@127.0.0.1"),
            ("direction", "inbound"),
        ] {
            variables.set(name, value);
        }
        for (name, value) in &plan.variables {
            variables.set(name, value);
        }
        let mut presses = plan.presses.clone();
        presses.sort_by_key(|(at, _)| *at);
        Self {
            clock,
            services,
            sounds: plan.sounds.clone(),
            variables,
            answered: plan.answered,
            early: false,
            cause: None,
            transfer: None,
            queue: VecDeque::new(),
            reads: plan.reads.clone(),
            presses: presses.into(),
            far_ends: plan.far_ends.clone(),
            hangs_up_at: Some(plan.hangs_up_at.unwrap_or(LONGEST_MS)),
            activity: None,
            legs: BTreeMap::new(),
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        self.cause
    }

    pub(super) fn transferred(&self) -> Option<String> {
        self.transfer.clone()
    }

    pub(super) fn hangup(&mut self, cause: Cause) {
        if self.cause.is_none() {
            self.cause = Some(cause);
        }
    }

    fn up(&self) -> bool {
        self.cause.is_none() && self.transfer.is_none()
    }

    /// Answers a request; what needs the switch comes back.
    pub(super) fn answer(&mut self, request: Request) -> Option<Request> {
        self.pass(self.clock.now());
        match request {
            Request::GetVariable { name, reply } => send(reply, self.get(&name)),
            Request::SetVariable { name, value, reply } => {
                self.set(&name, value.as_deref().unwrap_or_default());
                send(reply, ());
            }
            Request::Execute { app, data, reply } => {
                self.execute(&app, &data);
                send(reply, ());
            }
            Request::State { reply } => send(reply, self.state()),
            Request::Answer { reply } => {
                self.answered |= self.up();
                send(reply, self.cause.is_none());
            }
            Request::PreAnswer { reply } => {
                self.early |= self.up();
                send(reply, self.cause.is_none());
            }
            Request::Hangup { cause, reply } => {
                self.hangup(cause_of(&cause));
                send(reply, ());
            }
            Request::Begin { activity, attended, reply } => send(reply, self.begin(&activity, attended)),
            Request::Continue { verdict, attended, reply } => send(reply, self.go_on(verdict, attended)),
            Request::GetDigits { max, terminators, timeout_ms, interdigit_ms, absolute_ms, reply } => {
                let feed = self.reads.pop_front().unwrap_or_default();
                let waits = Waits { first: timeout_ms, next: interdigit_ms, all: absolute_ms };
                send(reply, self.collect(&feed, max, &terminators, &waits));
            }
            Request::Read { spec, reply } => send(reply, self.read(&spec)),
            Request::PlayAndGetDigits { spec, reply } => send(reply, self.play_and_get(&spec)),
            Request::FlushDigits { reply } => {
                self.queue.clear();
                send(reply, ());
            }
            Request::Transfer { extension, dialplan, context, reply } => {
                self.transfer_to(&extension, dialplan.as_deref(), context.as_deref());
                send(reply, true);
            }
            Request::Api { command, args, reply } => return self.own_command(command, args, reply),
            Request::Dial { dial_string, inherits, reply, .. } => send(reply, self.dial(&dial_string, inherits)),
            Request::BridgeWith { leg, reply } => send(reply, self.bridge_with(&leg)),
            Request::WaitForAnswer { reply } => send(reply, ()),
            Request::Expand { text, reply } => send(reply, self.expanded(&text)),
            Request::Menu { name, reply, .. } => {
                self.clock.note(format!("the menu {name} is not rehearsed: it is left at once"));
                send(reply, ());
            }
            Request::Queue { app, data, reply } => {
                self.execute(&app, &data);
                send(reply, ());
            }
            Request::Record { reply } => {
                self.clock.note("there is no record of a rehearsed call".to_owned());
                send(reply, String::new());
            }
            Request::Data { reply } => {
                let mut event = Event::bare(EventName::CUSTOM);
                for (name, value) in self.variables.iter() {
                    event.add(&format!("variable_{name}"), value);
                }
                send(reply, Box::new(event));
            }
        }
        None
    }

    /// Answers a request about a leg.
    pub(super) fn answer_leg(&mut self, uuid: &Arc<str>, request: Request) -> Option<Request> {
        let leg = self.legs.get_mut(uuid)?;
        match request {
            Request::GetVariable { name, reply } => {
                let own = (name.eq_ignore_ascii_case("uuid")).then(|| uuid.to_string());
                send(reply, own.or_else(|| leg.variables.get(&name).map(str::to_owned)));
            }
            Request::SetVariable { name, value, reply } => {
                leg.variables.set(&name, value.as_deref().unwrap_or_default());
                send(reply, ());
            }
            Request::State { reply } => {
                let up = leg.cause.is_none();
                send(
                    reply,
                    SessionState {
                        ready: up,
                        answered: true,
                        media_ready: up,
                        bridged: false,
                        state: if up { "CS_SOFT_EXECUTE" } else { "CS_HANGUP" },
                        hangup_cause: leg.cause,
                        transferring: false,
                    },
                );
            }
            Request::Hangup { cause, reply } => {
                let cause = *leg.cause.get_or_insert(cause_of(&cause));
                leg.variables.set("hangup_cause", cause.name());
                send(reply, ());
            }
            Request::Answer { reply } | Request::PreAnswer { reply } => send(reply, leg.cause.is_none()),
            Request::Execute { app, reply, .. } => {
                self.clock.note(format!("{app} runs on the leg"));
                send(reply, ());
            }
            Request::Begin { activity, reply, .. } => {
                let done = leg.cause.is_none();
                let length = self.length(&activity);
                self.pass(self.clock.now().saturating_add(length.unwrap_or(0)));
                send(reply, Progress::Over(done && length.is_some()));
            }
            // Nobody presses keys there: the answer is that of a leg that is gone.
            _ => {}
        }
        None
    }

    fn state(&self) -> SessionState {
        SessionState {
            ready: self.up(),
            answered: self.answered,
            media_ready: self.up() && (self.answered || self.early),
            bridged: false,
            state: match (self.cause, &self.transfer) {
                (Some(_), _) => "CS_HANGUP",
                (None, Some(_)) => "CS_ROUTING",
                (None, None) => "CS_EXECUTE",
            },
            hangup_cause: self.cause,
            transferring: self.transfer.is_some(),
        }
    }

    // Variables.

    fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(str::to_owned).or_else(|| self.services.globals.get(name))
    }

    fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.variables.remove(name);
        } else {
            self.variables.set(name, value);
        }
    }

    fn expanded(&self, text: &str) -> String {
        expand(text, &mut Values(self)).map_or_else(|_| text.to_owned(), Cow::into_owned)
    }

    // Time.

    /// Lets time pass: what happens until then has happened.
    fn pass(&mut self, until: u64) {
        let end = self.hangs_up_at.map_or(until, |at| until.min(at));
        while let Some((at, digit)) = self.presses.front().copied().filter(|(at, _)| *at <= end) {
            self.clock.set(at);
            self.queue.push_back(digit);
            self.presses.pop_front();
        }
        self.clock.set(end);
        if self.hangs_up_at.is_some_and(|at| at <= until) && self.up() {
            self.clock.note("the caller hangs up".to_owned());
            self.hangup(Cause::NORMAL_CLEARING);
        }
    }

    /// The script waits by itself.
    pub(super) fn let_pass(&mut self, ms: u64) {
        self.pass(self.clock.now().saturating_add(ms));
    }

    /// Waits so long, or until a digit is there.
    fn wait(&mut self, ms: u64, for_digit: bool) -> Woken {
        let until = self.clock.now().saturating_add(ms);
        if for_digit && self.queue.is_empty() {
            let next = self.presses.front().map_or(until, |(at, _)| (*at).min(until));
            self.pass(next);
        }
        if !self.up() {
            return Woken::Hung;
        }
        if for_digit && let Some(digit) = self.queue.pop_front() {
            return Woken::Digit(digit);
        }
        self.pass(until);
        if self.up() { Woken::Over } else { Woken::Hung }
    }

    /// Waits for what will not come: the caller loses patience.
    fn wait_for_ever(&mut self) -> Woken {
        let at = self.clock.now().saturating_add(PATIENCE_MS);
        self.hangs_up_at = Some(self.hangs_up_at.map_or(at, |given| given.min(at)));
        self.wait(PATIENCE_MS, true)
    }
}

/// A cause as `hangup` takes it.
fn cause_of(text: &str) -> Cause {
    match Cause::parse(text) {
        Cause::NONE => Cause::NORMAL_CLEARING,
        cause => cause,
    }
}

/// Values of `${…}`.
struct Values<'c>(&'c Channel);

impl Lookup for Values<'_> {
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        match index {
            Some(index) => self.0.variables.item(name, index).map(Cow::Borrowed),
            None => self.0.get(name).map(Cow::Owned),
        }
    }

    fn api(&mut self, name: &str, args: &str) -> Api {
        let services = &self.0.services;
        let snapshot = services.snapshot.load_full();
        api::run(name, &mut View::global(services, &snapshot), args).map_or(Api::Unknown, Api::Value)
    }
}
