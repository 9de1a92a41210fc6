//! Settings of the script host and the limits of one run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::call::event::Bus;
use crate::call::meters::Meters;

use super::policy::Policy;
use super::seams::{Anchors, ApiRunner, Databases, Globals, Network, Pace};
use super::trace::Trace;

/// What the script host is made from.
#[derive(Clone)]
pub struct LuaConfig {
    /// Folder of relative script names, and root of `require`.
    pub scripts: PathBuf,
    /// Threads of the pool, at least 1.
    pub threads: usize,
    /// Rules of the runs; [`super::LuaHost::set_policy`] changes them.
    pub policy: Policy,
    /// How long a script may hold its thread inside one library call. Then its call goes on without it.
    pub stuck_after: Duration,
    /// API commands for scripts, without a call.
    pub api: Arc<dyn ApiRunner>,
    /// Global variables.
    pub globals: Arc<dyn Globals>,
    /// Databases; none: `freeswitch.Dbh` never connects.
    pub databases: Option<Arc<dyn Databases>>,
    /// Tasks for the legs of scripts without a call; none: such scripts cannot dial.
    pub anchors: Option<Arc<dyn Anchors>>,
    /// Where events are fired and heard.
    pub events: Arc<Bus>,
    /// What is measured of each run.
    pub meters: Meters,
    /// Is told of what scripts call; usually nobody.
    pub trace: Option<Arc<dyn Trace>>,
    /// TCP and HTTP; none: `require "socket"` only tells and waits for the time.
    pub network: Option<Arc<dyn Network>>,
    /// Whose time it is that scripts wait in by themselves; none: real time.
    pub pace: Option<Arc<dyn Pace>>,
}

impl LuaConfig {
    /// Two threads, 10 s in one library call, the usual rules.
    pub fn new(scripts: PathBuf, api: Arc<dyn ApiRunner>, globals: Arc<dyn Globals>) -> Self {
        Self {
            scripts,
            threads: 2,
            policy: Policy::default(),
            stuck_after: Duration::from_secs(10),
            api,
            globals,
            databases: None,
            anchors: None,
            events: Arc::default(),
            meters: Meters::default(),
            trace: None,
            network: None,
            pace: None,
        }
    }
}

/// Limits of one run. 0 is no limit, the grace excepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lua instructions between two waits (`lua-max-instructions`), counted in steps of 10 000.
    pub instructions: u64,
    /// Seconds from start to end (`lua-max-seconds`).
    pub seconds: u64,
    /// Seconds of processor time (`lua-max-cpu-seconds`).
    pub cpu_seconds: u64,
    /// Size of the Lua state in MB (`lua-max-memory-mb`).
    pub memory_mb: u64,
    /// Sessions, databases and consumers it holds open, and, counted for themselves, files (`lua-max-handles`).
    pub handles: u64,
    /// Milliseconds a script may go on after its channel was hung up (`lua-hangup-grace-ms`).
    pub grace_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instructions: 1_000_000_000, seconds: 0, cpu_seconds: 60, memory_mb: 64, handles: 256, grace_ms: 30_000 }
    }
}

impl Limits {
    /// Lowered by channel variables: `lua_max_seconds` and so on. A value that is higher, 0 or no number changes nothing.
    #[must_use]
    pub fn lowered(mut self, variables: &[(String, String)]) -> Self {
        for (name, value) in variables {
            let Ok(value) = value.trim().parse::<u64>() else { continue };
            let Some(limit) = self.named(&name.replace('_', "-")) else { continue };
            if value != 0 && (*limit == 0 || value < *limit) {
                *limit = value;
            }
        }
        self
    }

    /// Sets one by its name in `lua.conf`; a name that is none changes nothing.
    pub fn set(&mut self, name: &str, value: u64) {
        if let Some(limit) = self.named(name) {
            *limit = value;
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "lua-max-instructions" => &mut self.instructions,
            "lua-max-seconds" => &mut self.seconds,
            "lua-max-cpu-seconds" => &mut self.cpu_seconds,
            "lua-max-memory-mb" => &mut self.memory_mb,
            "lua-max-handles" => &mut self.handles,
            "lua-hangup-grace-ms" => &mut self.grace_ms,
            _ => return None,
        })
    }

    /// The memory limit in bytes; 0 is none.
    pub(super) fn memory(&self) -> usize {
        usize::try_from(self.memory_mb.saturating_mul(1 << 20)).unwrap_or(usize::MAX)
    }

    /// The grace as a duration.
    pub(super) fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_lower_limits_only() {
        let set = |name: &str, value: &str| Limits::default().lowered(&[(name.to_owned(), value.to_owned())]);
        assert_eq!(set("lua_max_seconds", "5").seconds, 5, "from none");
        assert_eq!(set("lua_max_memory_mb", "8").memory_mb, 8);
        assert_eq!(set("lua_max_memory_mb", "800").memory_mb, 64, "higher");
        assert_eq!(set("lua_max_cpu_seconds", "0"), Limits::default(), "0");
        assert_eq!(set("lua_max_instructions", "many"), Limits::default(), "no number");
        assert_eq!(set("lua_max_fun", "1"), Limits::default(), "unknown");
    }
}
