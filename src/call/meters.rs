//! What calls and scripts measure while they run. Without a monitor every measurement costs a test for nothing.

use metrics::{Counter, Histogram};

use crate::call::control::ScriptStatus;

/// Instruments. The default measures nothing.
#[derive(Clone)]
pub struct Meters {
    /// Seconds that a hunt took, inline actions and awaited API commands included.
    pub hunt: Histogram,
    /// Seconds of processor time of a script.
    pub script_cpu: Histogram,
    /// Scripts that came to their end.
    pub scripts_ok: Counter,
    /// Scripts that ended by an error.
    pub scripts_failed: Counter,
    /// Scripts that a limit has ended.
    pub scripts_timed_out: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            hunt: Histogram::noop(),
            script_cpu: Histogram::noop(),
            scripts_ok: Counter::noop(),
            scripts_failed: Counter::noop(),
            scripts_timed_out: Counter::noop(),
        }
    }
}

impl Meters {
    /// A script has ended after so much processor time.
    pub fn script_ended(&self, status: &ScriptStatus, cpu: std::time::Duration) {
        self.script_cpu.record(cpu.as_secs_f64());
        match status {
            ScriptStatus::Ok => self.scripts_ok.increment(1),
            ScriptStatus::Error => self.scripts_failed.increment(1),
            ScriptStatus::Timeout => self.scripts_timed_out.increment(1),
        }
    }
}
