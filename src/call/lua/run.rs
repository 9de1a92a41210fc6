//! One run: from its text to its outcome.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use mlua::{Function, MultiValue, Value};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot, watch};
use tokio::time::Instant;

use super::budget::{Budget, Limit};
use super::cache;
use super::command::Command;
use super::config::Limits;
use super::dialplan;
use super::event::origin;
use super::host::Shared;
use super::policy::{Handles, Policy};
use super::session::{Channel, Session, end_legs};
use super::stream::Stream;
use super::table::Wait;
use super::vm::{self, Vm};
use crate::call::control::{ScriptEntry, ScriptOutcome, ScriptRun, ScriptStatus, SessionHandle};
use crate::call::event::{Event, EventName};

/// How long a script may leave its call alone before the host asks whether the call is still up.
const PROBE_AFTER: Duration = Duration::from_secs(5);

/// How long that question may take.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// What the API form of a start appends after a failure.
const API_FAILURE: &str = "-ERR Cannot execute script\n";

/// An uncaught error.
pub(super) struct Failure {
    pub message: String,
    pub traceback: String,
}

/// One run. The Lua state refers to it; it does not refer to the Lua state.
pub(super) struct Run {
    pub host: Arc<Shared>,
    /// Script as written.
    pub name: String,
    pub entry: ScriptEntry,
    pub context: String,
    pub extension: String,
    pub limits: Limits,
    pub policy: Arc<Policy>,
    /// What it holds open.
    pub handles: Handles,
    pub budget: Budget,
    pub stream: Stream,
    pub session: Option<Session>,
    uuid: Option<Arc<str>>,
    env: Mutex<Option<Box<Event>>>,
    /// Where legs of a script without a call live.
    anchor: OnceLock<Option<SessionHandle>>,
    /// Legs of the script's own.
    legs: Mutex<Vec<Arc<Channel>>>,
    reply: Mutex<Option<oneshot::Sender<ScriptOutcome>>>,
    pending: Mutex<Option<Wait>>,
    failure: Mutex<Option<Failure>>,
    contact: Mutex<Instant>,
    asking: AtomicUsize,
    hung: AtomicBool,
    hung_up: Notify,
}

/// Why a run was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Limit(Limit),
    /// The host stops.
    Stopped,
    /// Nobody waits for the outcome.
    Abandoned,
}

/// How the script's coroutine came to its end.
enum Finish {
    Returned,
    Failed(Failure),
    Ended(Ended),
}

/// While it lives, the script is asking its call.
pub(super) struct Contact<'a>(&'a Run);

impl Drop for Contact<'_> {
    fn drop(&mut self) {
        *lock(&self.0.contact) = Instant::now();
        self.0.asking.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    pub(super) fn new(
        host: Arc<Shared>,
        start: &mut ScriptRun,
        name: &str,
        reply: oneshot::Sender<ScriptOutcome>,
    ) -> Self {
        let policy = host.policy();
        let mut limits = policy.limits.lowered(&start.limits);
        if start.entry == ScriptEntry::Startup {
            (limits.seconds, limits.cpu_seconds) = (0, 0);
        }
        let session = start.session.clone().filter(|_| start.entry != ScriptEntry::Detached);
        Self {
            host,
            name: name.to_owned(),
            entry: start.entry,
            context: start.context.clone(),
            extension: start.extension.clone(),
            budget: Budget::new(&limits),
            limits,
            handles: Handles::new(limits.handles),
            policy,
            env: Mutex::new(start.env.take()),
            stream: Stream::default(),
            uuid: session.as_ref().map(|session| Arc::clone(session.uuid())),
            session: session.map(|session| Session::new(Some(session))),
            anchor: OnceLock::new(),
            legs: Mutex::default(),
            reply: Mutex::new(Some(reply)),
            pending: Mutex::default(),
            failure: Mutex::default(),
            contact: Mutex::new(Instant::now()),
            asking: AtomicUsize::new(0),
            hung: AtomicBool::new(false),
            hung_up: Notify::new(),
        }
    }

    /// What the API form of a start sees as `env`.
    pub(super) fn env(&self) -> Event {
        lock(&self.env).take().map_or_else(|| Event::bare(EventName::CUSTOM), |env| *env)
    }

    /// Legs of the script's own.
    pub(super) fn legs(&self) -> MutexGuard<'_, Vec<Arc<Channel>>> {
        lock(&self.legs)
    }

    /// The task in which the script's legs live: that of its call, or one made for it.
    pub(super) fn base(&self) -> Option<SessionHandle> {
        match &self.session {
            Some(session) => session.channel().handle(),
            None => self.anchor.get_or_init(|| self.host.anchor()).clone(),
        }
    }

    /// Where a script lies that is named like this.
    pub(super) fn locate(&self, name: &str) -> PathBuf {
        locate(&self.host.scripts(), &self.policy.path, name)
    }

    /// Uuid of the call, for logs; empty without one.
    pub(super) fn uuid(&self) -> &str {
        self.uuid.as_deref().unwrap_or_default()
    }

    /// Uuid of the call.
    pub(super) fn call_uuid(&self) -> Option<&str> {
        self.uuid.as_deref()
    }

    /// What the script waits for.
    pub(super) fn set_pending(&self, wait: Wait) {
        *lock(&self.pending) = Some(wait);
    }

    pub(super) fn set_failure(&self, failure: Failure) {
        *lock(&self.failure) = Some(failure);
    }

    /// Marks that the script is asking its call.
    pub(super) fn contact(&self) -> Contact<'_> {
        self.asking.fetch_add(1, Ordering::Relaxed);
        Contact(self)
    }

    /// The channel was hung up: the grace begins, once.
    pub(super) fn channel_hung_up(&self) {
        if !self.hung.swap(true, Ordering::Relaxed) {
            self.budget.begin_grace(self.limits.grace());
            self.hung_up.notify_one();
        }
    }

    /// Gives the outcome to who waits for it; the first one counts.
    pub(super) fn answer(&self, outcome: ScriptOutcome) {
        if let Some(reply) = lock(&self.reply).take() {
            self.host.meters.script_ended(&outcome.status, self.budget.cpu());
            let _ = reply.send(outcome);
        }
    }

    /// Answers for a run whose thread does not come back from a library call. It ends when it does.
    pub(super) fn give_up(&self) {
        self.budget.expire(Limit::Stuck);
        self.answer(conclude(self, Finish::Ended(Ended::Limit(Limit::Stuck))));
    }

    /// Comes when nobody waits for the outcome any more; a detached run never had anybody.
    async fn abandoned(&self) {
        if matches!(self.entry, ScriptEntry::Detached | ScriptEntry::Event | ScriptEntry::Startup) {
            std::future::pending::<()>().await;
        }
        std::future::poll_fn(|context| match lock(&self.reply).as_mut() {
            Some(reply) => reply.poll_closed(context),
            None => Poll::Ready(()),
        })
        .await;
    }

    fn is_hung(&self) -> bool {
        self.hung.load(Ordering::Relaxed)
    }

    /// Comes when the run must end.
    async fn ended(&self, mut stop: watch::Receiver<bool>) -> Ended {
        let handle = self.session.as_ref().and_then(|session| session.channel().handle());
        let mut gone = pin!(async {
            match &handle {
                Some(handle) => handle.gone().await,
                None => std::future::pending().await,
            }
        });
        let mut abandoned = pin!(self.abandoned());
        let mut stopped = pin!(async { drop(stop.wait_for(|stop| *stop).await) });
        loop {
            let next_probe = (handle.is_some() && !self.is_hung()).then(|| *lock(&self.contact) + PROBE_AFTER);
            tokio::select! {
                () = &mut stopped => return Ended::Stopped,
                () = &mut abandoned => return Ended::Abandoned,
                () = &mut gone, if !self.is_hung() => self.channel_hung_up(),
                () = self.hung_up.notified() => {}
                () = at(self.budget.deadline()) => {
                    return Ended::Limit(self.budget.expired().unwrap_or(self.budget.deadline_limit()));
                }
                () = at(next_probe) => self.probe().await,
            }
        }
    }

    /// Asks whether the call is up when the script has not for a while.
    async fn probe(&self) {
        let Some(session) = self.session.as_ref().filter(|_| self.asking.load(Ordering::Relaxed) == 0) else {
            *lock(&self.contact) = Instant::now();
            return;
        };
        let channel = session.channel();
        let _ = tokio::time::timeout(PROBE_LIMIT, channel.state(self)).await;
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The outcome of a run that could not be started.
pub(super) fn failed_to_start(entry: ScriptEntry, why: &str) -> ScriptOutcome {
    let output = if entry == ScriptEntry::Api { API_FAILURE } else { "" };
    let error = Some(why.to_owned());
    ScriptOutcome {
        status: ScriptStatus::Error,
        error,
        output: output.to_owned(),
        actions: Vec::new(),
        auto_hangup: false,
    }
}

/// Runs a script to its end. `turn` is that of the runs on this thread that compute on and on.
pub(super) async fn execute(
    run: &Arc<Run>,
    command: &Command,
    turn: &Semaphore,
    stop: watch::Receiver<bool>,
) -> ScriptOutcome {
    let mut actions = Vec::new();
    let mut document = None;
    let finish = match prepare(run, command) {
        Ok((vm, chunk)) => {
            let finish = drive(run, &vm, chunk, turn, run.ended(stop)).await;
            if run.entry == ScriptEntry::Dialplan && matches!(finish, Finish::Returned) {
                actions = dialplan::actions(&vm.lua).unwrap_or_else(|why| {
                    tracing::error!(target: "lua", script = run.name, uuid = run.uuid(), "{why}");
                    Vec::new()
                });
            }
            if run.entry == ScriptEntry::Xml && matches!(finish, Finish::Returned) {
                document = document_of(run, &vm.lua);
            }
            finish
        }
        Err(message) => Finish::Failed(Failure { message, traceback: String::new() }),
    };
    // A call that is stuck must not keep the script's outcome back.
    let _ = tokio::time::timeout(PROBE_LIMIT, end_legs(run)).await;
    let concluded = conclude(run, finish);
    let output = document.unwrap_or(concluded.output);
    ScriptOutcome { output, actions, ..concluded }
}

/// What the XML handler left in `XML_STRING`; an empty text is an error, none means that others are to be asked.
fn document_of(run: &Run, lua: &mlua::Lua) -> Option<String> {
    match lua.globals().raw_get::<Value>("XML_STRING") {
        Ok(Value::String(text)) if !text.as_bytes().is_empty() => Some(text.to_string_lossy()),
        Ok(Value::Nil) => None,
        _ => {
            tracing::error!(target: "lua", script = run.name, uuid = run.uuid(), "XML_STRING: No Result");
            None
        }
    }
}

/// A state with the script compiled in it.
fn prepare(run: &Arc<Run>, command: &Command) -> Result<(Vm, Function), String> {
    let vm = run.host.vm().and_then(|vm| vm.serve(run).map(|()| vm)).map_err(|error| cache::text_of(&error))?;
    let chunk = match command {
        Command::Code(code) => cache::compile(&vm.lua, code.as_bytes(), "line")?,
        Command::File { name, arguments } => {
            vm.set_arguments(name, arguments).map_err(|error| cache::text_of(&error))?;
            let path = run.locate(name);
            if let Some(why) = run.policy.refuses_file(&path, &run.host.scripts(), false) {
                return Err(why);
            }
            run.host.cache().load(&vm.lua, &path)?
        }
    };
    Ok((vm, chunk))
}

/// Where a script lies: an absolute name is that file; another lies in the folder of scripts, or in one of those that
/// `script-directory` names, with or without `.lua`.
fn locate(scripts: &Path, templates: &[String], name: &str) -> PathBuf {
    let plain = scripts.join(name);
    if Path::new(name).is_absolute() || plain.is_file() {
        return plain;
    }
    let folders = templates.iter().flat_map(|template| template.split(';'));
    let folders = folders.filter_map(|template| template.split_once('?')).map(|(folder, _)| PathBuf::from(folder));
    for folder in std::iter::once(scripts.to_owned()).chain(folders) {
        for name in [name, &format!("{name}.lua")] {
            let path = folder.join(name);
            if path.is_file() {
                return path;
            }
        }
    }
    plain
}

/// Resumes the script, waits for what it waits for, and so on.
async fn drive(
    run: &Arc<Run>,
    vm: &Vm,
    chunk: Function,
    turn: &Semaphore,
    ended: impl Future<Output = Ended>,
) -> Finish {
    let mut ended = pin!(ended);
    let mut its_turn: Option<SemaphorePermit<'_>> = None;
    let files = i64::try_from(run.limits.handles).unwrap_or(i64::MAX);
    let mut values: MultiValue = [Value::Function(chunk), Value::Integer(files)].into_iter().collect();
    loop {
        run.budget.begin_slice();
        let result = vm.main.resume::<MultiValue>(std::mem::take(&mut values));
        run.budget.end_slice();
        let returned = match result {
            Ok(returned) => returned,
            Err(error) => return failed(run, &error),
        };
        if vm.main.is_finished() {
            return finished(run, &returned);
        }
        if let Some(limit) = run.budget.expired() {
            return Finish::Ended(Ended::Limit(limit));
        }
        let wait = lock(&run.pending).take();
        drop(its_turn.take());
        let Some(wait) = wait else {
            // It computes: it goes on when the others that do have had their turn, and what came meanwhile goes first.
            let next = async {
                tokio::task::yield_now().await;
                turn.acquire().await.ok()
            };
            tokio::select! {
                biased;
                why = &mut ended => return Finish::Ended(why),
                permit = next => its_turn = permit,
            }
            continue;
        };
        let next = tokio::select! {
            biased;
            outcome = wait => match outcome {
                Ok(answer) => vm::answered(&vm.lua, answer),
                Err(text) => vm::refused(&vm.lua, &text),
            },
            why = &mut ended => return Finish::Ended(why),
        };
        run.budget.waited();
        match next {
            Ok(next) => values = next,
            Err(error) => return failed(run, &error),
        }
    }
}

fn failed(run: &Run, error: &mlua::Error) -> Finish {
    if matches!(error, mlua::Error::MemoryError(_)) {
        run.budget.expire(Limit::Memory);
    }
    if let Some(limit) = run.budget.expired() {
        return Finish::Ended(Ended::Limit(limit));
    }
    let text = cache::text_of(error);
    let (message, traceback) = text.split_once("\nstack traceback:").unwrap_or((&text, ""));
    Finish::Failed(Failure { message: message.to_owned(), traceback: traceback.to_owned() })
}

/// The prelude's start function returned: true, or false after the error was reported.
fn finished(run: &Run, returned: &MultiValue) -> Finish {
    if returned.front().is_some_and(|value| value.as_boolean() == Some(true)) {
        return Finish::Returned;
    }
    let failure = lock(&run.failure).take().unwrap_or_else(|| {
        // The handler does not run when memory is short.
        let message = returned.get(1).map_or_else(String::new, |value| value.to_string().unwrap_or_default());
        Failure { message, traceback: String::new() }
    });
    if failure.message.contains("not enough memory") && run.limits.memory() > 0 {
        run.budget.expire(Limit::Memory);
    }
    match run.budget.expired() {
        Some(limit) => Finish::Ended(Ended::Limit(limit)),
        None => Finish::Failed(failure),
    }
}

/// `CUSTOM lua::error`: the same as in the log, for whoever listens.
fn tell_error(run: &Run, status: &str, message: &str, traceback: &str) {
    let bus = run.host.events();
    if !bus.wants(EventName::CUSTOM, Some("lua::error")) {
        return;
    }
    let mut event = Event::new(EventName::CUSTOM, Some("lua::error"), &origin(run));
    for (name, value) in [
        ("Lua-Script", &*run.name),
        ("Lua-Status", status),
        ("Lua-Error", message),
        ("Lua-Traceback", traceback.trim()),
        ("Unique-ID", run.uuid()),
        ("Caller-Context", &run.context),
        ("Lua-Extension", &run.extension),
    ] {
        if !value.is_empty() {
            event.add(name, value);
        }
    }
    bus.publish(event);
}

/// Logs how a run ended and says so.
fn conclude(run: &Run, finish: Finish) -> ScriptOutcome {
    let (script, uuid, context, extension) = (&*run.name, run.uuid(), &*run.context, &*run.extension);
    let mut traceback = String::new();
    let (status, error) = match finish {
        Finish::Returned => (ScriptStatus::Ok, None),
        Finish::Failed(failure) => {
            traceback = failure.traceback;
            tracing::error!(target: "lua", script, uuid, context, extension, "{}\n{traceback}", failure.message);
            (ScriptStatus::Error, Some(failure.message))
        }
        Finish::Ended(why) => {
            let text = match why {
                Ended::Limit(limit) => format!("{script}: {}", limit.describe(&run.limits)),
                Ended::Stopped => format!("{script}: the switch stops"),
                Ended::Abandoned => format!("{script}: the call is gone"),
            };
            tracing::warn!(target: "lua", script, uuid, context, extension, "{text}");
            (ScriptStatus::Timeout, Some(text))
        }
    };
    if let Some(message) = &error {
        tell_error(run, status.as_str(), message, &traceback);
    }
    tracing::debug!(target: "lua", script, uuid, status = status.as_str(), cpu = ?run.budget.cpu(), "script ended");
    let mut output = String::from_utf8_lossy(&run.stream.text()).into_owned();
    if error.is_some() && run.entry == ScriptEntry::Api {
        output.push_str(API_FAILURE);
    }
    let auto_hangup = run.session.as_ref().is_some_and(|session| session.channel().auto_hangup());
    ScriptOutcome { status, error, output, actions: Vec::new(), auto_hangup }
}
