//! Scripts of `lua.conf` that start by themselves: at the start of the switch, and at events.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::call::control::{ScriptEntry, ScriptHost as _, ScriptRun};
use crate::call::event::{EventName, Filter};
use crate::call::lua::LuaHost;
use crate::call::services::Services;
use crate::engine::config::ScriptHook;
use crate::words::text::Span;

/// Events that may wait for a hook's script; more are lost, counted.
const QUEUE: usize = 1000;

/// Time between two startup scripts, as in FreeSWITCH.
const APART: Duration = Duration::from_millis(10);

/// Starts the startup scripts, one after the other. Nobody waits for their end; they have no limit of time.
pub(super) fn begin(scripts: &[(String, Span)], host: &Arc<LuaHost>) {
    let texts: Vec<String> = scripts.iter().map(|(text, _)| text.clone()).collect();
    let Some(runtime) = host.handle().filter(|_| !texts.is_empty()) else { return };
    let host = Arc::clone(host);
    runtime.spawn(async move {
        for text in texts {
            tracing::info!(script = text, "startup script");
            drop(host.start(ScriptRun::new(&text, ScriptEntry::Startup)));
            tokio::time::sleep(APART).await;
        }
    });
}

/// The hooks in force: each is a task that ends when other hooks take their place.
#[derive(Default)]
pub(super) struct Hooks(Mutex<(Vec<ScriptHook>, JoinSet<()>)>);

impl Hooks {
    /// Runs these hooks from now on.
    pub(super) fn listen(&self, hooks: &[ScriptHook], services: &Arc<Services>, host: &Arc<LuaHost>) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if present.0 == hooks {
            return;
        }
        let Some(runtime) = host.handle() else { return };
        let mut tasks = JoinSet::new();
        for hook in hooks {
            let Some(name) = EventName::parse(&hook.event) else {
                tracing::error!(hook = hook.script, "lua.conf: there is no event {}", hook.event);
                continue;
            };
            let Some(mut events) = services.events.bus().subscribe(QUEUE) else {
                tracing::error!(hook = hook.script, "too many listeners to events");
                continue;
            };
            events.bind(Filter { name, subclass: hook.subclass.clone() });
            let (host, script) = (Arc::clone(host), hook.script.clone());
            let task = async move {
                let mut lost = 0;
                while let Some(event) = events.next().await {
                    if events.lost() > lost {
                        tracing::warn!(
                            script,
                            events = events.lost() - lost,
                            "the hook's script is too slow: events are lost"
                        );
                        lost = events.lost();
                    }
                    let event = Some(Box::new((*event).clone()));
                    // One after the other: scripts see events in their order.
                    let _ = host.start(ScriptRun { env: event, ..ScriptRun::new(&script, ScriptEntry::Event) }).await;
                }
            };
            tasks.spawn_on(task, &runtime);
        }
        *present = (hooks.to_vec(), tasks);
    }
}
