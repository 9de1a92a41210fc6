//! What scripts cost: `cargo bench --bench scripts`. Times are of the clock, from the start of a run to its outcome, on an
//! otherwise idle pool; a loop's time is divided by its turns.
#![allow(missing_docs, reason = "a bench is no interface")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::Timestamp;
use switch::call::control::{Desk, Request, ScriptEntry, ScriptHost as _, ScriptRun, ScriptStatus, SessionHandle};
use switch::call::lua::{ApiRunner, Globals, LuaConfig, LuaHost};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

fn main() {
    divan::main();
    if std::env::args().any(|argument| argument == "--bench") {
        print_processor_time();
    }
}

/// A switch without anything.
struct Nothing;

impl ApiRunner for Nothing {
    fn start(&self, _command: String, _args: String) -> oneshot::Receiver<Option<String>> {
        let (reply, answer) = oneshot::channel();
        let _ = reply.send(Some("+OK".to_owned()));
        answer
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

impl Globals for Nothing {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }

    fn set(&self, _name: &str, _value: &str) {}
}

/// Serves variables on the spot, as the desk of a call does whose task waits for its script.
struct Counter;

impl Desk for Counter {
    fn serve_now(&self, request: Request) -> Option<Request> {
        match request {
            Request::GetVariable { reply, .. } => drop(reply.send(Some("value".to_owned()))),
            Request::SetVariable { reply, .. } => drop(reply.send(())),
            other => return Some(other),
        }
        None
    }
}

/// A host, and the folder of its scripts.
struct Scripts {
    host: LuaHost,
    runtime: Runtime,
    folder: tempfile::TempDir,
    session: SessionHandle,
}

impl Scripts {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = LuaConfig::new(folder.path().to_owned(), Arc::new(Nothing), Arc::new(Nothing));
        let (session, requests) = SessionHandle::new("00000000-0000-4000-8000-000000000000".into());
        // Nobody serves what the desk does not: the scripts here ask for nothing else.
        std::mem::forget(requests);
        Self {
            host: LuaHost::new(config).expect("a host"),
            runtime: Runtime::new().expect("a runtime"),
            folder,
            session: session.with_desk(Arc::new(Counter)),
        }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
    }

    fn run(&self, text: &str) {
        self.outcome_of(text, ScriptEntry::App);
    }

    /// Runs it and returns what it wrote.
    fn outcome_of(&self, text: &str, entry: ScriptEntry) -> String {
        let run = ScriptRun {
            text: text.to_owned(),
            entry,
            session: Some(self.session.clone()),
            context: String::new(),
            extension: String::new(),
            env: None,
            limits: Vec::new(),
        };
        let outcome = self.runtime.block_on(self.host.start(run)).expect("an outcome");
        assert_eq!(outcome.status, ScriptStatus::Ok, "{:?}", outcome.error);
        outcome.output
    }
}

/// A script of one line in a file, from its start to its end.
#[divan::bench]
fn one_line(bencher: Bencher) {
    let scripts = Scripts::new();
    scripts.write("one.lua", "local x = 1\n");
    bencher.bench(|| scripts.run("one.lua"));
}

/// `session:getVariable`, 10,000 times.
#[divan::bench]
fn get_variable(bencher: Bencher) {
    let scripts = Scripts::new();
    scripts.write("get.lua", "for _ = 1, 10000 do local x = session:getVariable('name') end\n");
    bencher.counter(ItemsCount::new(10_000_u32)).bench(|| scripts.run("get.lua"));
}

/// `session:setVariable`, 10,000 times.
#[divan::bench]
fn set_variable(bencher: Bencher) {
    let scripts = Scripts::new();
    scripts.write("set.lua", "for _ = 1, 10000 do session:setVariable('name', 'value') end\n");
    bencher.counter(ItemsCount::new(10_000_u32)).bench(|| scripts.run("set.lua"));
}

/// `require` of 20 modules of 100 lines each.
#[divan::bench]
fn twenty_modules(bencher: Bencher) {
    let scripts = Scripts::new();
    let mut body = String::from("local M = {}\n");
    for at in 0..50 {
        let _ = writeln!(body, "function M.f{at}(a, b)\n  return a + b * {at}\nend");
    }
    body.push_str("return M\n");
    let mut main = String::new();
    for at in 0..20 {
        scripts.write(&format!("module{at}.lua"), &body);
        let _ = writeln!(main, "local m{at} = require('module{at}')");
    }
    scripts.write("main.lua", &main);
    bencher.bench(|| scripts.run("main.lua"));
}

/// The shipped handler of a failed call would be `playerror.lua`; here its library alone.
#[divan::bench]
fn the_prompt_library(bencher: Bencher) {
    let scripts = Scripts::new();
    for name in ["prompts.lua", "prompts_config.lua"] {
        let text = std::fs::read_to_string(format!("{}/scripts/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a script");
        scripts.write(name, &text);
    }
    scripts.write("uses.lua", "local prompts = require('prompts')\n");
    bencher.bench(|| scripts.run("uses.lua"));
}

/// Processor time of all threads of this process, microseconds.
fn processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Prints the processor time of a short run: until its first instruction, which `os.clock` tells, and until all is quiet
/// again, the state made for a later run included.
fn print_processor_time() {
    const RUNS: usize = 1000;
    /// By then a thread that had something left to do has done it.
    const QUIET: std::time::Duration = std::time::Duration::from_millis(1);

    let scripts = Scripts::new();
    scripts.write("clock.lua", "local now = os.clock()\nstream:write(('%.6f'):format(now))\n");
    let (mut first, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = processor_time();
        let told = scripts.outcome_of("clock.lua", ScriptEntry::Api);
        #[expect(clippy::disallowed_methods, reason = "nothing tells that a thread has no more to do")]
        std::thread::sleep(QUIET);
        whole.push(processor_time() - start);
        first.push(told.parse::<f64>().expect("a number") * 1e6 - start);
    }
    for (what, mut times) in [("to the first instruction", first), ("of the whole run", whole)] {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        let line = format!(
            "processor time {what}: median {:.0} us, 10th percentile {:.0} us, 90th {:.0} us\n",
            at(50),
            at(10),
            at(90)
        );
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
}
