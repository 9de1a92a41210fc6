//! What scripts reach beyond their call: API commands and global variables of the switch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::call::api::{self, ApiContext};
use crate::call::channel::View;
use crate::call::control::SessionHandle;
use crate::call::lua::{Anchors, ApiRunner, Globals};
use crate::call::registry::Question;
use crate::call::services::Services;
use crate::call::task;

/// Longest time a command may be scheduled ahead, seconds.
const LONGEST_DELAY: u64 = 10 * 365 * 86_400;

/// The switch behind the scripts; empty until it has started.
#[derive(Default)]
pub(super) struct Switch {
    services: OnceLock<Weak<Services>>,
    /// Where calls run that scripts begin; started with the first one.
    runtime: OnceLock<Option<Runtime>>,
    /// Commands that were scheduled so far.
    scheduled: AtomicU64,
}

impl Drop for Switch {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take().flatten() {
            runtime.shutdown_background();
        }
    }
}

impl Switch {
    /// From now on scripts reach this switch.
    pub(super) fn serve(&self, services: &Arc<Services>) {
        let _ = self.services.set(Arc::downgrade(services));
    }

    fn runtime(&self) -> Option<&Runtime> {
        let start = || {
            let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("legs").enable_time().build();
            runtime.inspect_err(|error| tracing::error!(%error, "no thread for the legs of scripts")).ok()
        };
        self.runtime.get_or_init(start).as_ref()
    }

    fn services(&self) -> Option<Arc<Services>> {
        self.services.get()?.upgrade()
    }
}

/// The channel whose own task must run a command, because it reads or changes its variables.
fn target<'a>(command: &str, args: &'a str) -> Option<&'a str> {
    let first = args.split_whitespace().next()?;
    match command.to_ascii_lowercase().as_str() {
        "uuid_getvar" | "uuid_setvar" => Some(first),
        "eval" => first.strip_prefix("uuid:"),
        _ => None,
    }
}

fn run_now(services: &Arc<Services>, command: &str, args: &str) -> Option<String> {
    let snapshot = services.snapshot.load_full();
    api::run(command, &mut View::global(services, &snapshot), args)
}

impl Switch {
    /// `sched_api [+]<time> <group> <command>`: runs a command later. Without `+` the time is seconds since 1970.
    fn schedule(&self, args: &str) -> String {
        let parts: Vec<&str> = args.trim().splitn(3, ' ').collect();
        let [time, _group, command] = parts.as_slice() else {
            return "-USAGE: [+@]<time> <group_name> <command_string>[&]\n".to_owned();
        };
        let now = u64::try_from(self.now().as_second()).unwrap_or(0);
        let delay = match time.strip_prefix('+') {
            Some(seconds) => seconds.parse().ok(),
            None => time.parse::<u64>().ok().map(|at| at.saturating_sub(now)),
        };
        let (Some(delay), Some(runtime)) = (delay.filter(|delay| *delay <= LONGEST_DELAY), self.runtime()) else {
            return "-ERR Invalid time\n".to_owned();
        };
        let number = self.scheduled.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (command, args) = command.split_once(' ').unwrap_or((command, ""));
        let (command, args, services) = (command.to_owned(), args.to_owned(), self.services.get().cloned());
        drop(runtime.spawn(async move {
            tokio::time::sleep(Duration::from_secs(delay)).await;
            if let Some(services) = services.and_then(|services| services.upgrade())
                && run_now(&services, &command, &args).is_none()
            {
                tracing::error!(command, "a scheduled command is unknown");
            }
        }));
        format!("+OK Added: {number}\n")
    }
}

impl ApiRunner for Switch {
    fn start(&self, command: String, args: String) -> oneshot::Receiver<Option<String>> {
        let (reply, answer) = oneshot::channel();
        let Some(services) = self.services() else { return answer };
        if command.eq_ignore_ascii_case("sched_api") {
            let _ = reply.send(Some(self.schedule(&args)));
        } else if let Some((_, sink)) = target(&command, &args).and_then(|uuid| services.calls.find(uuid)) {
            sink.ask(Question::Command { command, args, reply });
        } else {
            let _ = reply.send(run_now(&services, &command, &args));
        }
        answer
    }

    fn now(&self) -> Timestamp {
        self.services().map_or(Timestamp::UNIX_EPOCH, |services| {
            let snapshot = services.snapshot.load_full();
            ApiContext::now(&View::global(&services, &snapshot))
        })
    }
}

impl Anchors for Switch {
    fn anchor(&self) -> Option<SessionHandle> {
        let (services, runtime) = (self.services()?, self.runtime()?);
        let uuid: Arc<str> = (services.new_uuid)().into();
        let (handle, requests) = SessionHandle::new(Arc::clone(&uuid));
        drop(runtime.spawn(task::anchor(services, uuid, requests)));
        Some(handle)
    }
}

impl Globals for Switch {
    fn get(&self, name: &str) -> Option<String> {
        self.services()?.globals.get(name)
    }

    fn set(&self, name: &str, value: &str) {
        if let Some(services) = self.services() {
            services.globals.set(name, value);
        }
    }
}
