//! The pool of threads scripts run on, and the way in.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, oneshot, watch};

use super::budget::Limit;
use super::cache::Cache;
use super::command::Command;
use super::config::LuaConfig;
use super::policy::Policy;
use super::run::{self, Run};
use super::seams::{Anchors, ApiRunner, Databases, Globals, Network, Pace};
use super::spare::Spares;
use super::trace::Trace;
use super::vm::{Ground, Vm};
use crate::call::control::{ScriptHost, ScriptOutcome, ScriptRun, SessionHandle};
use crate::call::event::Bus;
use crate::call::meters::Meters;

/// By how much script threads are nicer than the others.
const NICENESS: i32 = 5;

/// Runs at one time that are many.
const CROWD: usize = 64;

/// Bounds of the time between two looks at the runs.
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);
const LONGEST_PERIOD: Duration = Duration::from_secs(1);

/// Runs scripts on threads of its own. Dropping it ends all runs.
pub struct LuaHost {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    watcher: Thread,
    pool: Mutex<Vec<Runtime>>,
}

/// What all runs share.
pub(super) struct Shared {
    scripts: ArcSwap<PathBuf>,
    policy: ArcSwap<Policy>,
    stuck_after: Duration,
    runs: Mutex<Runs>,
    cache: Cache,
    spares: Spares,
    api: Arc<dyn ApiRunner>,
    globals: Arc<dyn Globals>,
    events: Arc<Bus>,
    databases: Option<Arc<dyn Databases>>,
    anchors: Option<Arc<dyn Anchors>>,
    pub(super) meters: Meters,
    trace: Option<Arc<dyn Trace>>,
    network: Option<Arc<dyn Network>>,
    pace: Option<Arc<dyn Pace>>,
    /// One entry per thread.
    threads: Vec<Worker>,
    stop: watch::Receiver<bool>,
}

/// A thread of the pool. Each has a runtime of its own: in a common one every wake-up of a script wakes a second thread
/// as well, which looks for work to steal.
struct Worker {
    handle: Handle,
    /// Runs that live on it.
    alive: AtomicUsize,
    /// Runs that compute on and on take turns, one at a time: whatever else wants the thread waits for one slice, not for
    /// one slice of each of them.
    turn: Arc<Semaphore>,
}

impl LuaHost {
    /// Starts the threads. An error: the system gives none.
    pub fn new(config: LuaConfig) -> std::io::Result<Self> {
        let runtime = |_| {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).thread_name("lua").on_thread_start(be_nice).enable_time().build()
        };
        let pool = (0..config.threads.max(1)).map(runtime).collect::<std::io::Result<Vec<_>>>()?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            scripts: ArcSwap::from_pointee(config.scripts),
            policy: ArcSwap::from_pointee(config.policy),
            stuck_after: config.stuck_after,
            runs: Mutex::default(),
            cache: Cache::default(),
            spares: Spares::default(),
            api: config.api,
            globals: config.globals,
            events: config.events,
            databases: config.databases,
            anchors: config.anchors,
            meters: config.meters,
            trace: config.trace,
            network: config.network,
            pace: config.pace,
            threads: pool
                .iter()
                .map(|runtime| Worker {
                    handle: runtime.handle().clone(),
                    alive: AtomicUsize::new(0),
                    turn: Arc::new(Semaphore::new(1)),
                })
                .collect(),
            stop: stopped,
        });
        let watcher = watch_over(&shared)?;
        Ok(Self { shared, stop, watcher, pool: Mutex::new(pool) })
    }

    /// Where tasks beside the scripts may run that start scripts and wait for them.
    pub fn handle(&self) -> Option<Handle> {
        self.shared.threads.first().map(|worker| worker.handle.clone())
    }

    /// Takes another folder of scripts for runs that start from now on.
    pub fn set_scripts(&self, scripts: PathBuf) {
        self.shared.scripts.store(Arc::new(scripts));
    }

    /// Takes other rules for runs that start from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.shared.policy.store(Arc::new(policy));
    }

    /// Runs at this moment, sleeping ones included.
    pub fn running(&self) -> usize {
        self.shared.runs().alive.len()
    }

    /// Ends all runs, with the status `timeout`, and refuses new ones. Does not wait.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for LuaHost {
    fn drop(&mut self) {
        self.stop();
        self.watcher.unpark();
        for runtime in self.pool.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            runtime.shutdown_background();
        }
    }
}

impl ScriptHost for LuaHost {
    fn start(&self, run: ScriptRun) -> oneshot::Receiver<ScriptOutcome> {
        self.shared.start(run)
    }
}

/// The priority counts per thread on Linux; elsewhere it may be refused, which does no harm.
fn be_nice() {
    if cfg!(target_os = "linux") {
        let _ = rustix::process::nice(NICENESS);
    }
}

/// Looks now and then whether a script is stuck: the thread of its own works even when no thread of the pool does.
fn watch_over(shared: &Arc<Shared>) -> std::io::Result<Thread> {
    let period = (shared.stuck_after / 4).clamp(SHORTEST_PERIOD, LONGEST_PERIOD);
    let shared = Arc::downgrade(shared);
    let watch = move || {
        while let Some(shared) = shared.upgrade().filter(|shared| !*shared.stop.borrow()) {
            for run in shared.stuck_runs() {
                run.give_up();
            }
            drop(shared);
            std::thread::park_timeout(period);
        }
    };
    Ok(std::thread::Builder::new().name("lua-watch".to_owned()).spawn(watch)?.thread().clone())
}

/// The runs there are.
#[derive(Default)]
struct Runs {
    next: u64,
    alive: HashMap<u64, Arc<Run>>,
}

/// One of the runs that count, while it lives.
struct Place {
    shared: Arc<Shared>,
    number: u64,
    /// Its thread.
    worker: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.runs().alive.remove(&self.number);
        if let Some(worker) = self.shared.threads.get(self.worker) {
            worker.alive.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// Starts a run.
    pub(super) fn start(self: &Arc<Self>, mut start: ScriptRun) -> oneshot::Receiver<ScriptOutcome> {
        let (reply, answer) = oneshot::channel();
        let Some(command) = Command::parse(&start.text) else {
            let _ = reply.send(refusal(&start, "no script was named"));
            return answer;
        };
        if *self.stop.borrow() {
            let _ = reply.send(refusal(&start, "the switch stops"));
            return answer;
        }
        let run = Arc::new(Run::new(Arc::clone(self), &mut start, command.name(), reply));
        let Some(place) = self.place(&run) else {
            let most = self.policy.load().max_scripts;
            run.answer(refusal(&start, &format!("more than {most} scripts at one time")));
            return answer;
        };
        let stop = self.stop.clone();
        let Some(worker) = self.threads.get(place.worker) else { return answer };
        let turn = Arc::clone(&worker.turn);
        worker.handle.spawn(async move {
            let outcome = run::execute(&run, &command, &turn, stop).await;
            drop(place);
            run.answer(outcome);
            // Whoever waits on this thread goes first.
            tokio::task::yield_now().await;
            if !*run.host.stop.borrow() {
                run.host.spares.refill(run.host.ground());
            }
        });
        answer
    }

    /// Counts a run in; none: there are too many.
    fn place(self: &Arc<Self>, run: &Arc<Run>) -> Option<Place> {
        let mut runs = self.runs();
        if runs.alive.len() >= self.policy.load().max_scripts {
            return None;
        }
        let number = runs.next;
        runs.next = number.wrapping_add(1);
        runs.alive.insert(number, Arc::clone(run));
        let loads = self.threads.iter().map(|worker| worker.alive.load(Ordering::Relaxed));
        let worker = loads.enumerate().min_by_key(|(_, load)| *load).map_or(0, |(worker, _)| worker);
        if let Some(worker) = self.threads.get(worker) {
            worker.alive.fetch_add(1, Ordering::Relaxed);
        }
        Some(Place { shared: Arc::clone(self), number, worker })
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stuck_runs(&self) -> Vec<Arc<Run>> {
        let stuck = |run: &&Arc<Run>| {
            run.budget.expired() != Some(Limit::Stuck)
                && run.budget.slice_age().is_some_and(|age| age > self.stuck_after)
        };
        self.runs().alive.values().filter(stuck).cloned().collect()
    }

    pub(super) fn scripts(&self) -> Arc<PathBuf> {
        self.scripts.load_full()
    }

    pub(super) fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// What a state that is made now is made for.
    fn ground(&self) -> Ground {
        Ground { scripts: self.scripts(), policy: self.policy() }
    }

    /// A state for a run. One of many gives back what making it left over; for one of a few that takes longer than it is
    /// worth.
    pub(super) fn vm(&self) -> mlua::Result<Vm> {
        let vm = self.spares.take(self.ground())?;
        if self.runs().alive.len() > CROWD {
            vm.shrink()?;
        }
        Ok(vm)
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) fn api(&self) -> &dyn ApiRunner {
        &*self.api
    }

    /// A task for the legs of a script without a call.
    pub(super) fn anchor(&self) -> Option<SessionHandle> {
        self.anchors.as_ref()?.anchor()
    }

    /// Who is told of each call of a method.
    pub(super) fn trace(&self) -> Option<&Arc<dyn Trace>> {
        self.trace.as_ref()
    }

    /// TCP and HTTP.
    pub(super) fn network(&self) -> Option<Arc<dyn Network>> {
        self.network.clone()
    }

    /// Whose time it is that scripts wait in by themselves; none: real time.
    pub(super) fn pace(&self) -> Option<&Arc<dyn Pace>> {
        self.pace.as_ref()
    }

    /// A script waits by itself.
    pub(super) async fn sleep(&self, time: Duration) {
        match &self.pace {
            Some(pace) => pace.pass(time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// The way to a channel of another call.
    pub(super) fn attach(&self, uuid: &str) -> Option<SessionHandle> {
        self.anchors.as_ref()?.attach(uuid)
    }

    pub(super) fn databases(&self) -> Option<Arc<dyn Databases>> {
        self.databases.clone()
    }

    pub(super) fn events(&self) -> &Bus {
        &self.events
    }

    pub(super) fn globals(&self) -> &dyn Globals {
        &*self.globals
    }
}

/// The outcome of a run that was not started.
fn refusal(start: &ScriptRun, why: &str) -> ScriptOutcome {
    let uuid = start.session.as_ref().map_or("", |session| session.uuid());
    tracing::error!(target: "lua", uuid, context = start.context, extension = start.extension, "{}: {why}", start.text);
    run::failed_to_start(start.entry, why)
}
