//! A script and a call that only exists here, in virtual time: prompts last as long as they are, waits take none of ours.
//!
//! The Lua host is that of the switch; the call answers its requests as a channel would. Applications that set variables,
//! play, bridge or steer the call act; others are noted and count as done. API commands run in a switch of this configuration
//! without calls.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::channel::{Channel, OWN_UUID};
use super::{FarEnd, Rehearsal, Request as Placed};
use crate::call::command;
use crate::call::control::{Addressed, Request, ScriptEntry, ScriptHost as _, ScriptRun, ScriptStatus, SessionHandle};
use crate::call::lua::{Anchors, ApiRunner, Globals, Limits, LuaConfig, LuaHost, Pace, Trace};
use crate::call::services::Services;
use crate::words::model::Cause;

/// Real seconds that a script may take, and real ms after the call has ended.
const LONGEST_S: u64 = 30;
const GRACE_MS: u64 = 2_000;

/// What happens to the script's call.
#[derive(Debug, Clone, Default)]
pub struct ScriptPlan {
    /// Script and arguments, or `~code`.
    pub text: String,
    /// Folder of scripts.
    pub scripts: PathBuf,
    /// Folder of prompts.
    pub sounds: PathBuf,
    /// Variables and fields of the caller's profile.
    pub variables: Vec<(String, String)>,
    /// Whether the call is answered before the script begins.
    pub answered: bool,
    /// Digits of each method that reads some, in order.
    pub reads: VecDeque<String>,
    /// Digits at a time, ms.
    pub presses: Vec<(u64, char)>,
    /// What each bridge and each leg comes to, in order; the last one again and again; none: answers.
    pub far_ends: VecDeque<FarEnd>,
    /// When the caller hangs up, ms.
    pub hangs_up_at: Option<u64>,
    /// Microseconds since 1970 when the call begins.
    pub at: u64,
    /// No call: the script runs as an API command.
    pub alone: bool,
}

/// One thing the script did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it began and ended, virtual ms.
    pub began: u64,
    /// When it ended.
    pub ended: u64,
    /// The call; what happened to the script's call by itself stands in parentheses.
    pub call: String,
    /// Its result; empty: no value.
    pub result: String,
}

/// How a script ended.
#[derive(Debug, Clone)]
pub struct ScriptEnd {
    /// `ok`, `error` or `timeout`.
    pub status: &'static str,
    /// Message with file and line.
    pub error: Option<String>,
    /// What was written to the stream.
    pub output: String,
    /// Virtual ms.
    pub at: u64,
    /// Whether the call was answered.
    pub answered: bool,
    /// Why it was hung up, if it was.
    pub cause: Option<Cause>,
    /// Where it was transferred, if it was.
    pub transferred: Option<String>,
}

/// Is told of each step as it ends, from threads of the host.
pub type Watch = Arc<dyn Fn(&Step) + Send + Sync>;

/// The virtual clock, and who watches it.
#[derive(Clone)]
pub(super) struct Clock {
    ms: Arc<AtomicU64>,
    watch: Watch,
}

impl Clock {
    pub(super) fn now(&self) -> u64 {
        self.ms.load(Ordering::Relaxed)
    }

    /// Goes on; never back.
    pub(super) fn set(&self, ms: u64) {
        self.ms.fetch_max(ms, Ordering::Relaxed);
    }

    /// Something that the script did not do itself.
    pub(super) fn note(&self, text: String) {
        let now = self.now();
        (self.watch)(&Step { began: now, ended: now, call: format!("({text})"), result: String::new() });
    }
}

impl Trace for Clock {
    fn begins(&self) -> u64 {
        self.now()
    }

    fn ended(&self, began: u64, call: &str, result: &str) {
        let step = Step { began, ended: self.now(), call: call.to_owned(), result: result.to_owned() };
        (self.watch)(&step);
    }
}

/// The switch that the script's API commands and global variables reach.
struct Quiet {
    services: Arc<Services>,
    runtime: tokio::runtime::Handle,
    channel: Arc<Mutex<Channel>>,
    /// Where a script without a call dials.
    anchor: SessionHandle,
}

impl Anchors for Quiet {
    fn anchor(&self) -> Option<SessionHandle> {
        Some(self.anchor.clone())
    }

    /// There are no other calls in a rehearsal.
    fn attach(&self, _: &str) -> Option<SessionHandle> {
        None
    }
}

fn lock(channel: &Mutex<Channel>) -> MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pace for Quiet {
    fn pass(&self, time: Duration) {
        lock(&self.channel).let_pass(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }
}

impl ApiRunner for Quiet {
    fn start(&self, name: String, args: String) -> oneshot::Receiver<Option<String>> {
        let (reply, answer) = oneshot::channel();
        // What is about the script's own call is answered by it, whichever object asks.
        let rest = lock(&self.channel).own_command(name, args, reply);
        if let Some(Request::Api { command: name, args, reply }) = rest {
            let services = Arc::clone(&self.services);
            drop(self.runtime.spawn(async move { drop(reply.send(command::run(&services, &name, &args).await)) }));
        }
        answer
    }

    fn now(&self) -> Timestamp {
        let us = i64::try_from((self.services.now_us)()).unwrap_or(i64::MAX);
        Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Globals for Quiet {
    fn get(&self, name: &str) -> Option<String> {
        self.services.globals.get(name)
    }

    fn set(&self, name: &str, value: &str) {
        self.services.globals.set(name, value);
    }
}

impl Rehearsal {
    /// Runs a script. The error: the system gives no threads.
    pub async fn script(&self, plan: ScriptPlan, watch: Watch) -> std::io::Result<ScriptEnd> {
        let clock = Clock { ms: Arc::default(), watch };
        let (at, ms) = (plan.at, Arc::clone(&clock.ms));
        let mut services = self.services(&placed(at));
        services.now_us = Arc::new(move || at.saturating_add(ms.load(Ordering::Relaxed).saturating_mul(1000)));
        let services = Arc::new(services);
        let channel = Arc::new(Mutex::new(Channel::new(&plan, clock.clone(), Arc::clone(&services))));
        let (handle, requests) = SessionHandle::new(OWN_UUID.into());
        let quiet = Arc::new(Quiet {
            services: Arc::clone(&services),
            runtime: tokio::runtime::Handle::current(),
            channel: Arc::clone(&channel),
            anchor: handle.clone(),
        });
        let mut config = LuaConfig::new(plan.scripts.clone(), Arc::clone(&quiet) as _, Arc::clone(&quiet) as _);
        config.anchors = Some(Arc::clone(&quiet) as _);
        config.pace = Some(quiet);
        config.policy.limits = Limits { seconds: LONGEST_S, grace_ms: GRACE_MS, ..Limits::default() };
        config.trace = Some(Arc::new(clock.clone()));
        let host = LuaHost::new(config)?;

        let serving = tokio::spawn(serve(Arc::clone(&channel), services, requests));
        let entry = if plan.alone { ScriptEntry::Api } else { ScriptEntry::App };
        let run = ScriptRun {
            session: (!plan.alone).then_some(handle),
            context: "default".to_owned(),
            extension: "rehearsal".to_owned(),
            ..ScriptRun::new(&plan.text, entry)
        };
        let outcome = host.start(run).await;
        serving.abort();
        let mut channel = lock(&channel);
        let (status, error, output) = match outcome {
            Ok(outcome) => {
                if outcome.auto_hangup {
                    channel.hangup(Cause::NORMAL_CLEARING);
                }
                (outcome.status, outcome.error, outcome.output)
            }
            Err(_) => (ScriptStatus::Error, Some("the run was lost".to_owned()), String::new()),
        };
        Ok(ScriptEnd {
            status: status.as_str(),
            error,
            output,
            at: clock.now(),
            answered: channel.is_answered(),
            cause: channel.cause(),
            transferred: channel.transferred(),
        })
    }
}

/// The call for which the rehearsed switch is made.
fn placed(at: u64) -> Placed {
    Placed {
        destination: String::new(),
        context: String::new(),
        dialplan: String::new(),
        caller: String::new(),
        caller_name: String::new(),
        variables: Vec::new(),
        at,
        far_end: FarEnd::Answers,
        exhaustive: false,
    }
}

/// Answers what the script asks, until it is over.
async fn serve(channel: Arc<Mutex<Channel>>, services: Arc<Services>, mut requests: mpsc::Receiver<Addressed>) {
    while let Some(Addressed { leg, request }) = requests.recv().await {
        let request = {
            let mut channel = lock(&channel);
            match leg {
                Some(leg) => channel.answer_leg(&leg, *request),
                None => channel.answer(*request),
            }
        };
        if let Some(Request::Api { command: name, args, reply }) = request {
            let _ = reply.send(command::run(&services, &name, &args).await);
        }
    }
}
