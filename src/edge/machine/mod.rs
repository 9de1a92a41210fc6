//! The machine as calls use it. Everything that blocks runs on the blocking pool of the thread that asks.

mod commands;
mod dialplans;

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::call::outside::Outside;
use crate::engine::dialplan::Dialplan;

/// This machine.
#[derive(Default)]
pub struct Machine {
    dialplans: Arc<Mutex<dialplans::Cache>>,
    documents: Arc<Mutex<dialplans::Documents>>,
}

impl Outside for Machine {
    fn dialplan(&self, path: &str) -> oneshot::Receiver<Result<Arc<Dialplan>, String>> {
        let (cache, path) = (Arc::clone(&self.dialplans), path.to_owned());
        blocking(move || dialplans::open(&cache, &path))
    }

    fn dialplan_of(&self, document: String) -> oneshot::Receiver<Result<Arc<Dialplan>, String>> {
        let cache = Arc::clone(&self.documents);
        blocking(move || dialplans::compile(&cache, document))
    }

    fn command(&self, command: &str) -> oneshot::Receiver<Result<String, String>> {
        let command = command.to_owned();
        blocking(move || commands::run(&command))
    }
}

fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (reply, answer) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        // Who asked may be gone.
        let _ = reply.send(work());
    });
    answer
}
