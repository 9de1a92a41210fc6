//! Scripts of the call: the application `lua` and the API command, and the requests a running script makes.
//!
//! While the task does nothing but wait for its script, the channel lies on a [`Counter`], where the script's thread reads
//! and writes it itself. The task takes it back for every event and every request that needs more than the channel.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::{Call, emit};
use crate::call::app;
use crate::call::channel::{Channel, Phase, View};
use crate::call::control::{
    Addressed, Desk, Execution, Request, ScriptEntry, ScriptOutcome, ScriptRun, ScriptStatus, SessionHandle,
    SessionState,
};
use crate::call::event::{Event, EventName};
use crate::call::leg::CallEvent;
use crate::call::services::{Services, Snapshot};
use crate::engine::config::Menu;
use crate::engine::dialplan::{Action, Dialplan, Outcome, Plan};
use crate::words::expand::{Lookup, Template};
use crate::words::model::Cause;
use crate::words::model::variables::indexed;

/// Where the channel lies while its task waits for a script.
struct Counter {
    services: Arc<Services>,
    snapshot: Arc<Snapshot>,
    lent: Mutex<Option<Channel>>,
}

impl Counter {
    fn swap(&self, channel: Option<Channel>) -> Option<Channel> {
        // A panic of a script thread leaves single values, which are whole.
        std::mem::replace(&mut *self.lent.lock().unwrap_or_else(PoisonError::into_inner), channel)
    }
}

impl Desk for Counter {
    fn serve_now(&self, request: Request) -> Option<Request> {
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        match lent.as_mut() {
            Some(channel) => serve_from(channel, &self.services, &self.snapshot, request),
            None => Some(request),
        }
    }
}

/// Serves what needs nothing but the channel; gives anything else back.
pub(super) fn serve_from(
    channel: &mut Channel,
    services: &Services,
    snapshot: &Snapshot,
    request: Request,
) -> Option<Request> {
    match request {
        Request::GetVariable { name, reply } => {
            let (base, index) = match indexed(&name) {
                Some((base, index)) => (base, Some(index)),
                None => (name.as_str(), None),
            };
            let view = View::new(services, snapshot, channel, None);
            give(reply, view.variable(base, index).map(std::borrow::Cow::into_owned));
        }
        Request::SetVariable { name, value, reply } => {
            channel.variables.set(&name, value.as_deref().unwrap_or_default());
            give(reply, ());
        }
        Request::State { reply } => give(reply, state_of(channel)),
        Request::Hangup { cause, reply } => {
            let cause = if cause.trim().is_empty() { Cause::NORMAL_CLEARING } else { Cause::parse(&cause) };
            channel.hangup(cause, (services.now_us)());
            give(reply, ());
        }
        Request::FlushDigits { reply } => {
            channel.digits.clear();
            give(reply, ());
        }
        other => return Some(other),
    }
    None
}

fn state_of(channel: &Channel) -> SessionState {
    let ready = channel.executing();
    SessionState {
        ready,
        answered: channel.answered,
        media_ready: ready && channel.has_media(),
        bridged: channel.bridged,
        state: channel.phase.name(),
        hangup_cause: channel.cause,
        transferring: channel.phase == Phase::Routing,
    }
}

/// The script's end of the work: its requests, and the channel between them.
struct Served {
    requests: mpsc::Receiver<Addressed>,
    counter: Arc<Counter>,
}

impl Served {
    fn begin(call: &Call) -> (SessionHandle, Self) {
        let (handle, requests) = SessionHandle::new(call.a.uuid.clone());
        let (services, snapshot) = (Arc::clone(&call.services), Arc::clone(&call.snapshot));
        let counter = Arc::new(Counter { services, snapshot, lent: Mutex::default() });
        (handle.with_desk(Arc::clone(&counter) as Arc<dyn Desk>), Self { requests, counter })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The task is gone in the middle of a script: nothing is left to be served.
        self.counter.swap(None);
    }
}

impl Call {
    /// Application `lua`: runs a script that has this call as its `session`.
    pub async fn lua(&mut self, text: &str) {
        let (handle, served) = Served::begin(self);
        let outcome = self.services.scripts.start(self.script_run(text, ScriptEntry::App, Some(handle)));
        let outcome = self.serve_script(served, outcome).await;
        self.note_outcome(&outcome);
        if outcome.status != ScriptStatus::Ok {
            self.on_script_error();
        }
        if outcome.auto_hangup && self.executing() {
            self.hangup(Cause::NORMAL_CLEARING);
        }
    }

    /// `lua_status` and `lua_last_error` for the dialplan.
    fn note_outcome(&mut self, outcome: &ScriptOutcome) {
        self.a.variables.set("lua_status", outcome.status.as_str());
        if let Some(error) = &outcome.error {
            self.a.variables.set("lua_last_error", error);
        }
    }

    /// `lua_on_error`: `continue` (also when not set), `hangup[:<cause>]`, `transfer:<extension> [<dialplan> [<context>]]`.
    fn on_script_error(&mut self) {
        let Some(rule) = self.variable("lua_on_error").filter(|_| self.executing()) else { return };
        let (word, rest) = rule.trim().split_once(':').unwrap_or((rule.trim(), ""));
        match word.to_ascii_lowercase().as_str() {
            "" | "continue" => {}
            "hangup" if rest.trim().is_empty() => self.hangup(Cause::NORMAL_TEMPORARY_FAILURE),
            "hangup" => self.hangup(Cause::parse(rest.trim())),
            "transfer" if !rest.trim().is_empty() => {
                let mut words = rest.split_whitespace();
                self.transfer(words.next().unwrap_or_default(), words.next(), words.next());
            }
            _ => tracing::error!(lua_on_error = rule, "neither continue, hangup[:<cause>] nor transfer:<extension> …"),
        }
    }

    /// The dialplan `LUA`: the context names a script, whose `ACTIONS` are the list.
    pub(super) async fn lua_dialplan(&mut self) -> Outcome {
        let context = self.a.profile.context.clone();
        let script = if context.is_empty() { "lua/dialplan.lua" } else { &context };
        let (handle, served) = Served::begin(self);
        let outcome = self.services.scripts.start(self.script_run(script, ScriptEntry::Dialplan, Some(handle)));
        let outcome = Box::pin(self.serve_script(served, outcome)).await;
        self.note_outcome(&outcome);
        let action = |(application, data): (String, String)| Action {
            registered: app::find(&application).map(|known| known.name),
            application: application.into(),
            data: Template::parse(data),
            span: None,
        };
        Outcome::Plan(Plan {
            extension: self.a.profile.destination_number.as_str().into(),
            context: context.as_str().into(),
            actions: outcome.actions.into_iter().map(action).collect(),
            inline_dialplan: false,
        })
    }

    /// The dialplan that a script, the XML handler of `lua.conf`, makes for this call. None: that of the configuration counts.
    pub(super) async fn handled_dialplan(&mut self, script: &str) -> Option<Arc<Dialplan>> {
        let mut params = emit::about(&self.services, EventName::CHANNEL_DATA, &self.a, &[]);
        let hunted: Vec<(String, String)> = params
            .headers()
            .filter_map(|(name, value)| Some((format!("Hunt-{}", name.strip_prefix("Caller-")?), value.to_owned())))
            .collect();
        for (name, value) in &hunted {
            params.add(name, value);
        }
        params.add("section", "dialplan");
        let mut run = self.script_run(script, ScriptEntry::Xml, None);
        run.env = Some(Box::new(params));
        let (_, served) = Served::begin(self);
        let outcome = self.services.scripts.start(run);
        let outcome = Box::pin(self.serve_script(served, outcome)).await;
        if outcome.output.is_empty() || outcome.status != ScriptStatus::Ok {
            return None;
        }
        let compiled = self.services.outside.dialplan_of(outcome.output);
        match self.serve_while(compiled).await {
            Ok(Ok(dialplan)) => Some(dialplan).filter(|dialplan| dialplan.has_context(&self.a.profile.context)),
            Ok(Err(why)) => {
                tracing::error!(script, why, "the XML handler's document cannot be used");
                None
            }
            Err(_) => None,
        }
    }

    /// API commands `lua` and `luarun` of this call.
    pub(super) async fn script_api(&mut self, text: &str, detached: bool) -> String {
        if detached {
            drop(self.services.scripts.start(self.script_run(text, ScriptEntry::Detached, None)));
            return "+OK\n".to_owned();
        }
        let (handle, served) = Served::begin(self);
        let outcome = self.services.scripts.start(self.script_run(text, ScriptEntry::Api, Some(handle)));
        Box::pin(self.serve_script(served, outcome)).await.output
    }

    /// A script as the hook of a channel that was hung up, without the channel.
    pub(super) async fn script_hook(&mut self, text: &str, env: Event) {
        let mut run = self.script_run(text, ScriptEntry::Api, None);
        run.env = Some(Box::new(env));
        let (_, served) = Served::begin(self);
        let outcome = self.services.scripts.start(run);
        Box::pin(self.serve_script(served, outcome)).await;
    }

    fn script_run(&self, text: &str, entry: ScriptEntry, session: Option<SessionHandle>) -> ScriptRun {
        ScriptRun {
            session,
            context: self.a.profile.context.clone(),
            extension: self.extension.to_string(),
            limits: self.script_limits(),
            ..ScriptRun::new(text, entry)
        }
    }

    fn script_limits(&self) -> Vec<(String, String)> {
        let limits =
            self.a.variables.with_prefix("lua_max_").chain(self.a.variables.with_prefix("lua_hangup_grace_ms"));
        limits.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    async fn serve_script(
        &mut self,
        mut served: Served,
        mut outcome: oneshot::Receiver<ScriptOutcome>,
    ) -> ScriptOutcome {
        enum Told {
            Request(Addressed),
            Event(CallEvent),
            Ended(ScriptOutcome),
        }
        let lost = || ScriptOutcome {
            status: ScriptStatus::Error,
            error: Some("the script host is gone".to_owned()),
            output: String::new(),
            actions: Vec::new(),
            auto_hangup: false,
        };
        let depth = self.resting.len();
        loop {
            self.publish();
            served.counter.swap(Some(std::mem::take(&mut self.a)));
            let told = tokio::select! {
                biased;
                Some(request) = served.requests.recv() => Told::Request(request),
                ended = &mut outcome => Told::Ended(ended.unwrap_or_else(|_| lost())),
                Some(event) = self.events.recv() => Told::Event(event),
            };
            if let Some(channel) = served.counter.swap(None) {
                self.a = channel;
            }
            match told {
                Told::Request(request) => Box::pin(self.serve_addressed(request)).await,
                Told::Event(event) => drop(self.absorb(event)),
                Told::Ended(outcome) => {
                    self.drop_resting(depth);
                    self.forget_dead_legs();
                    return outcome;
                }
            }
        }
    }

    pub(super) async fn serve(&mut self, request: Request) {
        self.absorb_pending();
        let Some(request) = serve_from(&mut self.a, &self.services, &self.snapshot, request) else { return };
        match request {
            Request::Execute { app, data, reply } => {
                self.execute_named(&app, &Template::parse(data)).await;
                give(reply, ());
            }
            Request::Answer { reply } => {
                let done = self.answer().await;
                give(reply, done);
            }
            Request::PreAnswer { reply } => {
                let done = self.pre_answer().await;
                give(reply, done);
            }
            Request::Begin { activity, attended, reply } => {
                let progress = self.begin_activity(activity, attended).await;
                give(reply, progress);
            }
            Request::Continue { verdict, attended, reply } => {
                let progress = self.continue_activity(verdict, attended).await;
                give(reply, progress);
            }
            Request::GetDigits { max, terminators, timeout_ms, interdigit_ms, absolute_ms, reply } => {
                let digits = self.get_digits(max, &terminators, timeout_ms, interdigit_ms, absolute_ms).await;
                give(reply, digits);
            }
            Request::Read { spec, reply } => {
                let digits = self.read(&spec).await;
                give(reply, digits);
            }
            Request::PlayAndGetDigits { spec, reply } => {
                let digits = self.play_and_get_digits(&spec).await;
                give(reply, digits);
            }
            Request::Transfer { extension, dialplan, context, reply } => {
                // On a channel that is gone FreeSWITCH reports success and does nothing.
                let done = !self.a.up() || self.transfer(&extension, dialplan.as_deref(), context.as_deref());
                give(reply, done);
            }
            Request::Api { command, args, reply } => {
                let value = self.awaited_api(&command, &args).await;
                give(reply, value);
            }
            Request::Dial { dial_string, timeout_s, inherits, reply } => {
                let dialled = self.dial_for_script(&dial_string, timeout_s, inherits).await;
                give(reply, dialled);
            }
            Request::BridgeWith { leg, reply } => {
                let bridged = self.bridge_with_leg(&leg).await;
                give(reply, bridged);
            }
            Request::WaitForAnswer { reply } => {
                self.wait_for_answer().await;
                give(reply, ());
            }
            Request::Menu { menus, name, reply } => {
                let menus: Vec<Arc<Menu>> = menus.into_iter().map(Arc::new).collect();
                self.ivr(&name, &|name| menus.iter().find(|menu| menu.name == name).cloned()).await;
                give(reply, ());
            }
            Request::Queue { app, data, reply } => {
                self.execute_later(Execution::once(&app, &data), None, None);
                give(reply, ());
            }
            Request::Data { reply } => {
                let event = emit::about(&self.services, EventName::CHANNEL_DATA, &self.a, &[]);
                give(reply, Box::new(event));
            }
            Request::Record { reply } => {
                let record = self.record_so_far();
                give(reply, record);
            }
            Request::Expand { text, reply } => {
                let expanded = self.expand_text(&text).await;
                give(reply, expanded);
            }
            // Served above.
            Request::GetVariable { .. }
            | Request::SetVariable { .. }
            | Request::State { .. }
            | Request::Hangup { .. }
            | Request::FlushDigits { .. } => {}
        }
    }
}

/// Answers a script. One that stopped waiting is none of ours.
pub(super) fn give<T>(reply: oneshot::Sender<T>, value: T) {
    let _ = reply.send(value);
}
