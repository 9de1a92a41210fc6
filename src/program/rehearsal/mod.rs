//! A call without a network: the task that runs real calls, between two parties that only exist here.
//!
//! The hunt, expansion, transfers, bridges and the rules for failed bridges are those of the switch. Applications that
//! only set variables or steer the call act; what would need audio, a script or the world outside is noted and counts as
//! done.

mod channel;
mod parties;
pub mod script;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use crate::call::administration::Unattended;
use crate::call::cdr::{CallRecord, RecordSink};
use crate::call::clients::NoClients;
use crate::call::control::{ScriptHost, ScriptOutcome, ScriptRun, ScriptStatus};
use crate::call::event::{Events, Origin};
use crate::call::leg::{EventSink, Incoming, SessionRules};
use crate::call::limits::Limits;
use crate::call::media::{MediaEngine, MediaError, MediaPort, PortId};
use crate::call::meters::Meters;
use crate::call::scheduler::Scheduler;
use crate::call::services::{Globals, Services, Snapshot};
use crate::call::status::Status;
use crate::call::task;
use crate::edge::machine::Machine;
use crate::edge::store::LocalStore;
use crate::program::check::Loaded;
use crate::program::snapshot::snapshot;
use crate::program::story::{Narrator, Story};
use crate::words::model::{CallerProfile, Variables};

pub use parties::{FarEnd, Told};

/// Applications that act in a rehearsal.
const ACTING: &[&str] = &[
    "answer",
    "bridge",
    "bridge_export",
    "db",
    "eval",
    "execute_extension",
    "export",
    "group",
    "hangup",
    "hash",
    "multiset",
    "multiunset",
    "pre_answer",
    "push",
    "redirect",
    "respond",
    "set",
    "set_global",
    "set_name",
    "set_profile_var",
    "set_user",
    "set_zombie_exec",
    "transfer",
    "unset",
    "unshift",
];

/// Longest time a rehearsal may take: a dial string may ask for delays.
const LONGEST: Duration = Duration::from_secs(30);
/// Hops a rehearsed call may make.
const MAX_FORWARDS: u32 = 70;

/// Who calls what.
#[derive(Debug, Clone)]
pub struct Request {
    /// Number dialled.
    pub destination: String,
    /// Context; empty: `public`.
    pub context: String,
    /// Dialplan string; empty: `XML`.
    pub dialplan: String,
    /// Caller's number; empty: `1000`.
    pub caller: String,
    /// Caller's name.
    pub caller_name: String,
    /// Channel variables from the start.
    pub variables: Vec<(String, String)>,
    /// Microseconds since 1970.
    pub at: u64,
    /// What every far end does.
    pub far_end: FarEnd,
    /// Walk every extension, also those that are known not to match.
    pub exhaustive: bool,
}

/// What happened.
#[derive(Debug)]
pub struct Outcome {
    /// The call.
    pub story: Story,
    /// What the caller was told.
    pub told: Told,
}

/// A configuration to rehearse calls with.
pub struct Rehearsal {
    snapshot: Arc<Snapshot>,
    globals: Variables,
}

impl Rehearsal {
    /// With what was loaded.
    pub fn new(loaded: &Loaded) -> Self {
        let mut snapshot = snapshot(loaded);
        // Whatever the configuration allows: nothing outside is touched.
        snapshot.settings.system_commands = false;
        Self { snapshot: Arc::new(snapshot), globals: loaded.globals.clone() }
    }

    /// Rehearses one call. Calls do not see each other: each begins with the configuration's globals.
    pub async fn call(&self, request: &Request) -> Outcome {
        let story = Arc::new(Mutex::new(Story::default()));
        let services = Arc::new(self.services(request));
        let (incoming, told) = incoming(request);
        let narrator = Narrator::new(Arc::clone(&story), usize::MAX, |name| ACTING.contains(&name));
        let call = task::rehearse(services, incoming, Box::new(narrator), request.exhaustive);
        let ended = tokio::time::timeout(LONGEST, call).await.is_ok();
        let mut story = std::mem::take(&mut *story.lock().unwrap_or_else(PoisonError::into_inner));
        story.overflowed |= !ended;
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Outcome { story, told }
    }

    fn services(&self, request: &Request) -> Services {
        let at = request.at;
        let last = AtomicU64::new(1);
        Services {
            snapshot: ArcSwap::from(Arc::clone(&self.snapshot)),
            globals: Globals::new(self.globals.clone()),
            legs: Arc::new(parties::FarEnds(request.far_end)),
            media: Arc::new(NoMedia),
            scripts: Arc::new(NoScripts),
            calls: Arc::default(),
            events: Events::new(Arc::default(), Origin::default(), Arc::new(move || at)),
            status: Status::new(at),
            scheduler: Scheduler::default(),
            pickups: Arc::default(),
            limits: Limits::default(),
            clients: Arc::new(NoClients),
            administration: Arc::new(Unattended),
            outside: Arc::new(Machine::default()),
            records: Arc::new(NoRecords),
            meters: Meters::default(),
            store: Mutex::new(Box::new(LocalStore::default())),
            now_us: Arc::new(move || at),
            new_uuid: Arc::new(move || identifier(last.fetch_add(1, Ordering::Relaxed))),
            hostname: self.globals.get("hostname").unwrap_or("localhost").to_owned(),
            switchname: self.globals.get("switchname").unwrap_or("switch").to_owned(),
        }
    }
}

/// Identifiers count up: two rehearsals of one call are equal.
fn identifier(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

fn incoming(request: &Request) -> (Incoming, Arc<Mutex<Told>>) {
    let named = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
    let (sink, events) = EventSink::new();
    let told = Arc::new(Mutex::new(Told::default()));
    let caller = named(&request.caller, "1000");
    let profile = CallerProfile {
        dialplan: named(&request.dialplan, "XML"),
        context: named(&request.context, "public"),
        destination_number: request.destination.clone(),
        caller_id_name: request.caller_name.clone(),
        caller_id_number: caller.clone(),
        orig_caller_id_name: request.caller_name.clone(),
        orig_caller_id_number: caller.clone(),
        ani: caller.clone(),
        network_addr: "127.0.0.1".to_owned(),
        uuid: identifier(0),
        source: "mod_sofia".to_owned(),
        chan_name: format!("sofia/internal/{caller}@127.0.0.1"),
        created_us: request.at,
        ..CallerProfile::default()
    };
    let mut variables = Variables::new();
    for (name, value) in &request.variables {
        variables.set(name, value);
    }
    let incoming = Incoming {
        leg: Box::new(parties::Caller { told: Arc::clone(&told), sink: sink.clone() }),
        sink,
        events,
        profile,
        variables,
        offer: None,
        media: None,
        session: SessionRules::default(),
        max_forwards: MAX_FORWARDS,
        direction: "inbound",
        received_us: request.at,
    };
    (incoming, told)
}

struct NoRecords;

impl RecordSink for NoRecords {
    fn record(&self, _: CallRecord) {}
}

struct NoMedia;

impl MediaEngine for NoMedia {
    fn open(&self, _: IpAddr, _: Option<PortId>, _: EventSink) -> Result<Box<dyn MediaPort>, MediaError> {
        Err(MediaError::Stopping)
    }
}

/// Scripts count as run: what they would do is not known.
struct NoScripts;

impl ScriptHost for NoScripts {
    fn start(&self, _: ScriptRun) -> oneshot::Receiver<ScriptOutcome> {
        let (reply, answer) = oneshot::channel();
        let output = String::new();
        let _ = reply.send(ScriptOutcome {
            status: ScriptStatus::Ok,
            error: None,
            output,
            actions: Vec::new(),
            auto_hangup: false,
        });
        answer
    }
}
