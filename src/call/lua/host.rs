//! The pool of threads scripts run on, and the way in.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, watch};

use super::cache::Cache;
use super::command::Command;
use super::config::{Limits, LuaConfig};
use super::run::{self, Run};
use super::seams::{ApiRunner, Globals};
use crate::call::control::{ScriptEntry, ScriptHost, ScriptOutcome, ScriptRun};

/// By how much script threads are nicer than the others.
const NICENESS: i32 = 5;

/// Runs scripts on threads of its own. Dropping it ends all runs.
pub struct LuaHost {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    pool: Mutex<Option<Runtime>>,
}

/// What all runs share.
pub(super) struct Shared {
    scripts: ArcSwap<PathBuf>,
    limits: Limits,
    most: usize,
    running: AtomicUsize,
    cache: Cache,
    api: Arc<dyn ApiRunner>,
    globals: Arc<dyn Globals>,
    threads: Handle,
    stop: watch::Receiver<bool>,
}

impl LuaHost {
    /// Starts the threads. An error: the system gives none.
    pub fn new(config: LuaConfig) -> std::io::Result<Self> {
        let pool = Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .thread_name("lua")
            .on_thread_start(be_nice)
            .enable_time()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            scripts: ArcSwap::from_pointee(config.scripts),
            limits: config.limits,
            most: config.max_scripts,
            running: AtomicUsize::new(0),
            cache: Cache::default(),
            api: config.api,
            globals: config.globals,
            threads: pool.handle().clone(),
            stop: stopped,
        });
        Ok(Self { shared, stop, pool: Mutex::new(Some(pool)) })
    }

    /// Takes another folder of scripts for runs that start from now on.
    pub fn set_scripts(&self, scripts: PathBuf) {
        self.shared.scripts.store(Arc::new(scripts));
    }

    /// Runs at this moment, sleeping ones included.
    pub fn running(&self) -> usize {
        self.shared.running.load(Ordering::Acquire)
    }

    /// Ends all runs, with the status `timeout`, and refuses new ones. Does not wait.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for LuaHost {
    fn drop(&mut self) {
        self.stop();
        if let Some(pool) = self.pool.lock().unwrap_or_else(PoisonError::into_inner).take() {
            pool.shutdown_background();
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

/// One of the runs that count.
struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let place = Self(Arc::clone(shared));
        (shared.running.fetch_add(1, Ordering::AcqRel) < shared.most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    /// Starts a run.
    pub(super) fn start(self: &Arc<Self>, start: ScriptRun) -> oneshot::Receiver<ScriptOutcome> {
        let (mut reply, answer) = oneshot::channel();
        let Some(command) = Command::parse(&start.text) else {
            let _ = reply.send(refusal(&start, "no script was named"));
            return answer;
        };
        if *self.stop.borrow() {
            let _ = reply.send(refusal(&start, "the switch stops"));
            return answer;
        }
        let Some(place) = Place::take(self) else {
            let _ = reply.send(refusal(&start, &format!("more than {} scripts at one time", self.most)));
            return answer;
        };
        let stop = self.stop.clone();
        let run = Arc::new(Run::new(Arc::clone(self), &start, command.name()));
        self.threads.spawn(async move {
            let outcome = {
                let detached = start.entry == ScriptEntry::Detached;
                let abandoned = async {
                    if detached {
                        std::future::pending().await
                    } else {
                        reply.closed().await;
                    }
                };
                run::execute(&run, &command, stop, abandoned).await
            };
            drop(place);
            let _ = reply.send(outcome);
        });
        answer
    }

    pub(super) fn scripts(&self) -> Arc<PathBuf> {
        self.scripts.load_full()
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) fn api(&self) -> &dyn ApiRunner {
        &*self.api
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
