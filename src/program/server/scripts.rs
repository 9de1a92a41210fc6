//! What scripts reach beyond their call: API commands and global variables of the switch.

use std::sync::{Arc, OnceLock, Weak};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::call::api::{self, ApiContext};
use crate::call::channel::View;
use crate::call::lua::{ApiRunner, Globals};
use crate::call::services::Services;

/// The switch behind the scripts; empty until it has started.
#[derive(Default)]
pub(super) struct Switch(OnceLock<Weak<Services>>);

impl Switch {
    /// From now on scripts reach this switch.
    pub(super) fn serve(&self, services: &Arc<Services>) {
        let _ = self.0.set(Arc::downgrade(services));
    }

    fn services(&self) -> Option<Arc<Services>> {
        self.0.get()?.upgrade()
    }
}

impl ApiRunner for Switch {
    fn start(&self, command: String, args: String) -> oneshot::Receiver<Option<String>> {
        let (reply, answer) = oneshot::channel();
        let output = self.services().and_then(|services| {
            let snapshot = services.snapshot.load_full();
            api::run(&command, &mut View::global(&services, &snapshot), &args)
        });
        let _ = reply.send(output);
        answer
    }

    fn now(&self) -> Timestamp {
        self.services().map_or(Timestamp::UNIX_EPOCH, |services| {
            let snapshot = services.snapshot.load_full();
            ApiContext::now(&View::global(&services, &snapshot))
        })
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
