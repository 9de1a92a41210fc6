//! What scripts reach beyond their call: API commands and global variables of the switch.

use std::sync::{Arc, OnceLock, Weak};

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::call::api::{self, ApiContext};
use crate::call::cdr::Surroundings;
use crate::call::channel::View;
use crate::call::command;
use crate::call::control::SessionHandle;
use crate::call::lua::{Anchors, ApiRunner, Globals};
use crate::call::registry::Question;
use crate::call::services::Services;
use crate::call::task;

/// The switch behind the scripts; empty until it has started.
#[derive(Default)]
pub(super) struct Switch {
    services: OnceLock<Weak<Services>>,
    /// Where calls run that scripts begin; started with the first one.
    runtime: OnceLock<Option<Runtime>>,
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

fn run_now(services: &Arc<Services>, command: &str, args: &str) -> Option<String> {
    let snapshot = services.snapshot.load_full();
    api::run(command, &mut View::global(services, &snapshot), args)
}

impl ApiRunner for Switch {
    fn start(&self, command: String, args: String) -> oneshot::Receiver<Option<String>> {
        let (reply, answer) = oneshot::channel();
        let Some(services) = self.services() else { return answer };
        if command::waits(&command) {
            let Some(runtime) = self.runtime() else { return answer };
            drop(runtime.spawn(async move { drop(reply.send(command::run(&services, &command, &args).await)) }));
        } else if let Some((_, sink)) = command::target(&command, &args).and_then(|uuid| services.calls.find(uuid)) {
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

    fn attach(&self, uuid: &str) -> Option<SessionHandle> {
        let (services, runtime) = (self.services()?, self.runtime()?);
        let (uuid, _) = services.calls.find(uuid)?;
        let (handle, requests) = SessionHandle::new(Arc::clone(&uuid));
        drop(runtime.spawn(command::serve_attached(services, Arc::clone(&uuid), requests)));
        // As of a leg: its end is not that of the script's own call.
        Some(handle.for_leg(uuid))
    }
}

/// What templates of call records reach.
impl Surroundings for Switch {
    fn global(&self, name: &str) -> Option<String> {
        self.services()?.globals.get(name)
    }

    fn api(&self, name: &str, args: &str) -> Option<String> {
        let services = self.services()?;
        if command::waits(name) { None } else { run_now(&services, name, args) }
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
