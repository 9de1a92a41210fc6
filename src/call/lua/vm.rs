//! One Lua state: libraries, prelude, globals, limits.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll, Waker};

use mlua::chunk::ChunkMode;
use mlua::debug::HookTriggers;
use mlua::{Function, Lua, LuaOptions, MultiValue, Result, StdLib, Table, Thread, Value, VmState};

use super::arguments::Arguments;
use super::budget::{STEP, Verdict};
use super::policy::Policy;
use super::run::Run;
use super::session::Session;
use super::table::{self, Answer, Outcome, Step};
use super::trace::Watched;
use super::{event, native, objects};
use crate::call::control::ScriptEntry;

/// The run that a state serves; none while the state waits for one.
pub(super) type Slot = Arc<OnceLock<Arc<Run>>>;

/// What a state is made for before its run is known. States of one ground can serve each other's runs.
#[derive(Clone)]
pub(super) struct Ground {
    pub scripts: Arc<PathBuf>,
    pub policy: Arc<Policy>,
}

impl Ground {
    /// Whether both are made from the same settings.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.scripts, &other.scripts) && Arc::ptr_eq(&self.policy, &other.policy)
    }
}

/// A state and the coroutine that runs its script. The first values the coroutine is resumed with are the chunk and how
/// many files it may open. A state serves one run and is closed: nothing is shared between runs.
pub(super) struct Vm {
    pub lua: Lua,
    pub main: Thread,
    ground: Ground,
    slot: Slot,
}

impl Vm {
    /// A fresh state.
    pub(super) fn new(ground: Ground) -> Result<Self> {
        let lua = Lua::new_with(StdLib::ALL_SAFE, LuaOptions::new())?;
        // What is made here lives as long as the state, and a short script ends before collecting would pay. The first
        // steps of a longer one start the collector, and so does Lua itself at the memory limit.
        lua.gc_stop();
        let slot = Slot::default();
        let start = load_prelude(&lua, &ground, &slot)?;
        set_hook(&lua, &slot)?;
        let main = lua.create_thread(start)?;
        // The metatable of sessions is made with the first of them, and nearly every run has one.
        drop(lua.create_userdata(Session::new(None))?);
        Ok(Self { lua, main, ground, slot })
    }

    /// What it was made for.
    pub(super) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Gives the state to its run: the globals of this run, its limits. A state takes one run only.
    pub(super) fn serve(&self, run: &Arc<Run>) -> Result<()> {
        if self.slot.set(Arc::clone(run)).is_err() {
            return Err(mlua::Error::RuntimeError("the state has served a run".to_owned()));
        }
        set_globals(&self.lua, run)?;
        if run.limits.memory() > 0 {
            self.lua.set_memory_limit(run.limits.memory())?;
        }
        Ok(())
    }

    /// Frees what making the state left over.
    pub(super) fn shrink(&self) -> Result<()> {
        self.lua.gc_collect()
    }

    /// Sets `argv`: the name at 0, then the arguments.
    pub(super) fn set_arguments(&self, name: &str, arguments: &[String]) -> Result<()> {
        let argv = self.lua.create_sequence_from(arguments.iter().map(String::as_str))?;
        argv.raw_set(0, name)?;
        self.lua.globals().raw_set("argv", argv)
    }
}

/// Coroutines made later inherit the hook; it yields in each, and the prelude passes that outward.
fn set_hook(lua: &Lua, slot: &Slot) -> Result<()> {
    let slot = Arc::clone(slot);
    let collecting = AtomicBool::new(false);
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(STEP), move |lua, _| {
        let Some(run) = slot.get() else { return Ok(VmState::Continue) };
        if !collecting.swap(true, Ordering::Relaxed) {
            lua.gc_restart();
        }
        match run.budget.step() {
            Verdict::Continue => Ok(VmState::Continue),
            Verdict::Pause => Ok(VmState::Yield),
            Verdict::Refuse => Err(mlua::Error::RuntimeError("the script is over its limit".to_owned())),
        }
    })
}

fn load_prelude(lua: &Lua, ground: &Ground, slot: &Slot) -> Result<Function> {
    let code = prelude()?;
    let chunk = lua.load(code).set_mode(ChunkMode::Binary).into_function()?;
    let native = native::table(lua, ground)?;
    native.raw_set("find", lua.create_function(find)?)?;
    native.raw_set("modules", lua.create_function(modules)?)?;
    let (start, classes): (Function, Table) = chunk.call((caller(lua, slot)?, native::reporter(lua, slot)?, native))?;
    lua.set_named_registry_value(objects::CLASSES, classes)?;
    Ok(start)
}

/// The number of a row by class and name, and whether it is a checkpoint: the prelude makes a method when it is first
/// looked up, because a script uses few of the many.
fn find(_: &Lua, (class, name): (mlua::LuaString, Value)) -> Result<(Option<usize>, bool)> {
    static PLACES: LazyLock<HashMap<(&'static str, &'static str), usize>> = LazyLock::new(|| {
        let rows = table::all().iter().enumerate();
        rows.map(|(place, method)| ((method.class(), method.name), place)).collect()
    });

    let Value::String(name) = name else { return Ok((None, false)) };
    let (Ok(class), Ok(name)) = (class.to_str(), name.to_str()) else { return Ok((None, false)) };
    let place = PLACES.get(&(&*class, &*name)).copied();
    let method = place.and_then(|place| table::all().get(place)).filter(|method| !method.is_constructor());
    Ok((place.filter(|_| method.is_some()), method.is_some_and(|method| method.checkpoint)))
}

/// The prelude as bytecode, compiled once.
fn prelude() -> Result<&'static [u8]> {
    static CODE: OnceLock<Vec<u8>> = OnceLock::new();

    compiled(&CODE, prelude_text)
}

/// The modules that are built in, as a function that makes them.
fn modules(lua: &Lua, (): ()) -> Result<Function> {
    static CODE: OnceLock<Vec<u8>> = OnceLock::new();

    let code = compiled(&CODE, || include_str!("modules.lua").to_owned())?;
    lua.load(code).set_mode(ChunkMode::Binary).into_function()
}

fn compiled(code: &'static OnceLock<Vec<u8>>, text: impl FnOnce() -> String) -> Result<&'static [u8]> {
    if let Some(code) = code.get() {
        return Ok(code);
    }
    let lua = Lua::new_with(StdLib::NONE, LuaOptions::new())?;
    let bytes = lua.load(text()).set_name("=switch").set_mode(ChunkMode::Text).into_function()?.dump(true);
    Ok(code.get_or_init(|| bytes))
}

/// The prelude with a line for each function and class of `freeswitch`.
fn prelude_text() -> String {
    use std::fmt::Write as _;

    let mut rows = String::new();
    for (number, method) in table::all().iter().enumerate() {
        let (class, name) = (method.class(), method.name);
        let kind = if method.checkpoint { "waiting" } else { "plain" };
        let _ = match class {
            _ if method.wrapped => write!(rows, "ids.{name}={number} "),
            "" => write!(rows, "freeswitch.{name}={kind}({number}) "),
            _ if method.is_constructor() => write!(rows, "freeswitch.{name}=class({number}) "),
            _ => Ok(()),
        };
    }
    let classes: BTreeSet<_> =
        table::all().iter().filter(|method| method.is_method()).map(|method| method.class()).collect();
    for class in classes {
        let _ = write!(rows, "methods.{class}=lazy('{class}') ");
    }
    include_str!("prelude.lua").replace("--@methods@", &rows)
}

/// The function by which the prelude calls a row of the table: (number, arguments…) → true, results… or false, message, or
/// nil when the script has to wait.
fn caller(lua: &Lua, slot: &Slot) -> Result<Function> {
    let slot = Arc::clone(slot);
    lua.create_function(move |lua, mut values: MultiValue| {
        let Some(run) = slot.get() else { return refused(lua, "no script runs") };
        let number = values.pop_front().and_then(|number| usize::try_from(number.as_integer()?).ok());
        let Some(method) = number.and_then(|number| table::all().get(number)) else {
            return refused(lua, "no such method");
        };
        let arguments = match Arguments::check(lua, method, values.into_vec()) {
            Ok(arguments) => arguments,
            Err(text) => return refused(lua, &text),
        };
        let watched = Watched::begin(run, method, &arguments);
        let told = |watched: Option<Watched>, outcome: &Outcome| {
            if let Some(watched) = watched {
                watched.end(outcome);
            }
        };
        let settled = |outcome: Outcome| match outcome {
            Ok(answer) => answered(lua, answer),
            Err(text) => refused(lua, &text),
        };
        match (method.run)(run, &arguments) {
            Step::Now(answer) => {
                let outcome = Ok(answer);
                told(watched, &outcome);
                settled(outcome)
            }
            Step::Fail(text) => {
                let outcome = Err(text);
                told(watched, &outcome);
                settled(outcome)
            }
            Step::Wait(mut wait) => match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                // Done without waiting: the script need not even yield.
                Poll::Ready(outcome) => {
                    run.budget.waited();
                    told(watched, &outcome);
                    settled(outcome)
                }
                Poll::Pending => {
                    run.set_pending(match watched {
                        None => wait,
                        Some(watched) => Box::pin(async move {
                            let outcome = wait.await;
                            watched.end(&outcome);
                            outcome
                        }),
                    });
                    Ok([Value::Nil].into_iter().collect())
                }
            },
        }
    })
}

/// What a method that failed returns to the prelude.
pub(super) fn refused(lua: &Lua, text: &str) -> Result<MultiValue> {
    Ok([Value::Boolean(false), Value::String(lua.create_string(text)?)].into_iter().collect())
}

/// What a method that is done returns to the prelude.
pub(super) fn answered(lua: &Lua, answer: Answer) -> Result<MultiValue> {
    let mut values = answer.into_values(lua)?;
    values.push_front(Value::Boolean(true));
    Ok(values)
}

fn set_globals(lua: &Lua, run: &Run) -> Result<()> {
    let globals = lua.globals();
    if let Some(session) = &run.session {
        let session = lua.create_userdata(session.clone())?;
        globals.raw_set("session", &session)?;
        if let Some(uuid) = run.call_uuid() {
            globals.raw_set(uuid, session)?;
        }
    }
    if run.entry == ScriptEntry::Api {
        globals.raw_set("stream", lua.create_userdata(run.stream.clone())?)?;
        globals.raw_set("env", lua.create_userdata(event::Event::given(run.env()))?)?;
    }
    if run.entry == ScriptEntry::Xml {
        let params = run.env();
        let request = lua.create_table_with_capacity(0, 4)?;
        for name in ["section", "tag_name", "key_name", "key_value"] {
            request.raw_set(name, params.get(name).unwrap_or_default())?;
        }
        globals.raw_set("XML_REQUEST", request)?;
        globals.raw_set("params", lua.create_userdata(event::Event::given(params))?)?;
    }
    if run.entry == ScriptEntry::Event {
        globals.raw_set("event", lua.create_userdata(event::Event::given(run.env()))?)?;
    }
    Ok(())
}
