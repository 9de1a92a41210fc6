//! A script host that runs nothing and says so.

use tokio::sync::oneshot;

use crate::call::control::{ScriptHost, ScriptOutcome, ScriptRun, ScriptStatus};

/// Answers every run with an error.
pub(super) struct NoScripts;

impl ScriptHost for NoScripts {
    fn start(&self, run: ScriptRun) -> oneshot::Receiver<ScriptOutcome> {
        let (reply, outcome) = oneshot::channel();
        tracing::error!(script = run.text, "scripts are not part of this build");
        let _ = reply.send(ScriptOutcome {
            status: ScriptStatus::Error,
            error: Some("scripts are not part of this build".to_owned()),
            output: String::new(),
            auto_hangup: false,
        });
        outcome
    }
}
