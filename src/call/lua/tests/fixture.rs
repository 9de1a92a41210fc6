//! A call that answers scripts from a table, and a switch without calls.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::super::{ApiRunner, Globals, Limits, LuaConfig, LuaHost};
use crate::call::control::{
    Activity, Addressed, Digits, Progress, Request, ScriptEntry, ScriptHost, ScriptOutcome, ScriptRun, SessionHandle,
    SessionState, Verdict,
};
use crate::words::model::Cause;

/// Longest any test waits for one script.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const UUID: &str = "00000000-0000-4000-8000-0000000000aa";

/// The scripted call: what it is asked goes to `log`.
#[derive(Default)]
pub(super) struct Call {
    pub variables: BTreeMap<String, String>,
    pub answered: bool,
    pub early: bool,
    pub cause: Option<Cause>,
    pub transferring: bool,
    /// The far end hangs up during the first request of this name.
    pub hangs_up_in: &'static str,
    pub log: Vec<String>,
    /// Digits that come while the script does what an input callback attends.
    pub presses: VecDeque<char>,
    /// Requests of this name are never answered.
    pub silent_in: &'static str,
}

pub(super) type Shared = Arc<Mutex<Call>>;

impl Call {
    fn state(&self) -> SessionState {
        let ready = self.cause.is_none() && !self.transferring;
        SessionState {
            ready,
            answered: self.answered,
            media_ready: ready && (self.answered || self.early),
            bridged: false,
            state: match (self.cause, self.transferring) {
                (Some(_), _) => "CS_HANGUP",
                (None, true) => "CS_ROUTING",
                (None, false) => "CS_EXECUTE",
            },
            hangup_cause: self.cause,
            transferring: self.transferring,
        }
    }

    fn note(&mut self, name: &'static str, text: String) {
        if self.hangs_up_in == name && self.cause.is_none() {
            self.cause = Some(Cause::parse("NORMAL_CLEARING"));
        }
        self.log.push(text);
    }

    fn get(&self, name: &str) -> Option<String> {
        match name.to_ascii_lowercase().as_str() {
            "uuid" => Some(UUID.to_owned()),
            "destination_number" => Some("1000".to_owned()),
            other => self.variables.get(other).cloned(),
        }
    }

    fn set(&mut self, name: &str, value: Option<String>) {
        let name = name.to_ascii_lowercase();
        match value {
            Some(value) => self.variables.insert(name, value),
            None => self.variables.remove(&name),
        };
    }

    fn up(&self) -> bool {
        self.cause.is_none() && !self.transferring
    }

    fn begin(&mut self, activity: Activity, attended: bool, reply: oneshot::Sender<Progress>) -> Option<Request> {
        let (name, text, fine) = match &activity {
            Activity::Stream { path, start_sample } => {
                ("stream", format!("stream {path} {start_sample}"), !path.contains("nosuch"))
            }
            Activity::Say { module, kind, method, text } => {
                ("say", format!("say {module} {kind} {method} {text}"), true)
            }
            Activity::Phrase { name, data, language } => {
                ("phrase", format!("phrase {name} {data} {language:?}"), !name.contains("nosuch"))
            }
            Activity::Record { path, limit_s, threshold, silence_s } => {
                ("record", format!("record {path} {limit_s} {threshold} {silence_s}"), !path.contains("nosuch"))
            }
            Activity::Sleep { ms } => ("sleep", format!("sleep {ms}"), true),
            Activity::Collect { digit_ms, absolute_ms } => {
                ("collect", format!("collect {digit_ms} {absolute_ms}"), true)
            }
        };
        self.note(name, text);
        if self.silent_in == name {
            return Some(Request::Begin { activity, attended, reply });
        }
        let digit = self.presses.pop_front().filter(|_| attended && self.up());
        send(reply, digit.map_or(Progress::Over(self.up() && fine), pressed));
        None
    }

    /// None: no answer.
    fn answer(&mut self, request: Request) -> Option<Request> {
        match request {
            Request::GetVariable { name, reply } => send(reply, self.get(&name)),
            Request::SetVariable { name, value, reply } => {
                self.set(&name, value);
                send(reply, ());
            }
            Request::Execute { app, data, reply } => {
                self.note("execute", format!("execute {app} {data}"));
                if let Some((name, value)) = data.split_once('=').filter(|_| app == "set") {
                    self.set(name, Some(value.replace("${destination_number}", "1000")));
                }
                send(reply, ());
            }
            Request::State { reply } => {
                self.note("state", "state".to_owned());
                send(reply, self.state());
            }
            Request::Answer { reply } => {
                self.note("answer", "answer".to_owned());
                self.answered |= self.cause.is_none();
                send(reply, self.cause.is_none());
            }
            Request::PreAnswer { reply } => {
                self.note("preAnswer", "preAnswer".to_owned());
                self.early |= self.cause.is_none();
                send(reply, self.cause.is_none());
            }
            Request::Hangup { cause, reply } => {
                self.note("hangup", format!("hangup {cause}"));
                self.cause = self.cause.or(Some(Cause::parse(&cause)));
                send(reply, ());
            }
            Request::Begin { activity, attended, reply } => return self.begin(activity, attended, reply),
            Request::Continue { verdict, attended, reply } => {
                self.note("continue", format!("continue {verdict:?}"));
                let next = self.presses.pop_front().filter(|_| attended && verdict == Verdict::Continue);
                send(reply, next.map_or(Progress::Over(verdict == Verdict::Continue), pressed));
            }
            Request::GetDigits { max, terminators, timeout_ms, interdigit_ms, absolute_ms, reply } => {
                let text = format!("getDigits {max} {terminators} {timeout_ms} {interdigit_ms} {absolute_ms}");
                self.note("getDigits", text);
                send(reply, Digits { digits: "12".to_owned(), terminator: Some('#') });
            }
            Request::Read { spec, reply } => {
                self.note("read", format!("{spec:?}"));
                send(reply, "34".to_owned());
            }
            Request::PlayAndGetDigits { spec, reply } => {
                self.note("playAndGetDigits", format!("{spec:?}"));
                send(reply, "56".to_owned());
            }
            Request::FlushDigits { reply } => {
                self.note("flushDigits", "flushDigits".to_owned());
                send(reply, ());
            }
            Request::Transfer { extension, dialplan, context, reply } => {
                self.note("transfer", format!("transfer {extension} {dialplan:?} {context:?}"));
                self.transferring = true;
                send(reply, true);
            }
            Request::Api { command, args, reply } => {
                self.note("api", format!("api {command} {args}"));
                send(reply, (command == "known").then(|| format!("+OK {args}\n")));
            }
            Request::Dial { dial_string, timeout_s, inherits, reply } => {
                self.note("dial", format!("dial {dial_string} {timeout_s:?} {inherits}"));
                let busy = dial_string.contains("busy");
                send(reply, if busy { Err(Cause::parse("USER_BUSY")) } else { Ok("leg".into()) });
            }
            Request::BridgeWith { leg, reply } => {
                self.note("bridge", format!("bridge {leg}"));
                send(reply, self.up());
            }
            Request::Menu { menus, name, reply } => {
                let entries: Vec<usize> = menus.iter().map(|menu| menu.entries.len()).collect();
                self.note("menu", format!("menu {name} {entries:?} {} {}", menus[0].digit_len, menus[0].timeout_ms));
                send(reply, ());
            }
            Request::Queue { app, data, reply } => {
                self.note("queue", format!("queue {app} {data}"));
                send(reply, ());
            }
            Request::Data { reply } => {
                let mut event = crate::call::event::Event::bare(crate::call::event::EventName::CUSTOM);
                event.add("Unique-ID", UUID);
                event.add("variable_x", "1");
                send(reply, Box::new(event));
            }
            Request::Record { reply } => send(reply, "<cdr/>".to_owned()),
            Request::WaitForAnswer { reply } => send(reply, ()),
            Request::Expand { text, reply } => send(reply, text),
        }
        None
    }
}

fn pressed(digit: char) -> Progress {
    Progress::Digit { digit, duration: 2000 }
}

fn send<T>(reply: oneshot::Sender<T>, value: T) {
    let _ = reply.send(value);
}

/// Serves a call until its handle is gone.
async fn serve(call: Shared, mut requests: mpsc::Receiver<Addressed>) {
    let mut kept = Vec::new();
    while let Some(request) = requests.recv().await {
        kept.extend(call.lock().unwrap().answer(*request.request));
    }
}

/// The switch without calls.
#[derive(Default)]
pub(super) struct Switch(Mutex<BTreeMap<String, String>>);

impl Globals for Switch {
    fn get(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn set(&self, name: &str, value: &str) {
        let mut globals = self.0.lock().unwrap();
        if value.is_empty() {
            globals.remove(name)
        } else {
            globals.insert(name.to_owned(), value.to_owned())
        };
    }
}

impl ApiRunner for Switch {
    fn start(&self, command: String, args: String) -> oneshot::Receiver<Option<String>> {
        let (reply, answer) = oneshot::channel();
        let output = match command.as_str() {
            "eval" => Some(args),
            "hostname" => Some("host.example".to_owned()),
            _ => None,
        };
        let _ = reply.send(output);
        answer
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(1_700_000_000_123).unwrap()
    }
}

pub(super) fn config(scripts: &Path) -> LuaConfig {
    let switch = Arc::new(Switch::default());
    LuaConfig::new(scripts.to_owned(), Arc::clone(&switch) as Arc<dyn ApiRunner>, switch)
}

pub(super) fn host_in(scripts: &Path) -> LuaHost {
    LuaHost::new(config(scripts)).unwrap()
}

pub(super) fn host_with(limits: Limits) -> LuaHost {
    LuaHost::new(LuaConfig {
        policy: crate::call::lua::Policy { limits, ..crate::call::lua::Policy::default() },
        ..config(Path::new("scripts"))
    })
    .unwrap()
}

pub(super) fn host() -> LuaHost {
    host_with(Limits::default())
}

/// A call and the way to it.
pub(super) fn call(call: Call) -> (Shared, SessionHandle) {
    let call = Arc::new(Mutex::new(call));
    let (handle, requests) = SessionHandle::new(UUID.into());
    tokio::spawn(serve(Arc::clone(&call), requests));
    (call, handle)
}

pub(super) fn start_text(text: &str, entry: ScriptEntry, session: Option<SessionHandle>) -> ScriptRun {
    ScriptRun { session, context: "default".to_owned(), extension: "test".to_owned(), ..ScriptRun::new(text, entry) }
}

/// The outcome of a run, in good time.
pub(super) async fn outcome(host: &LuaHost, run: ScriptRun) -> ScriptOutcome {
    let answer = host.start(run);
    tokio::time::timeout(PATIENCE, answer).await.expect("the script did not end").expect("the run was lost")
}

/// Runs text as the application would, with a call.
pub(super) async fn run_app(host: &LuaHost, text: &str, with: Call) -> (ScriptOutcome, Shared) {
    let (shared, handle) = call(with);
    (outcome(host, start_text(text, ScriptEntry::App, Some(handle))).await, shared)
}

/// What the body of a function returns, printed; or `error: ` and the message.
pub(super) async fn values_of(host: &LuaHost, body: &str, with: Call) -> (String, Shared) {
    const HEAD: &str = "local function show(v) if type(v)=='string' then return '\"'..v..'\"' end return tostring(v) end \
         local function body(...) ";
    const TAIL: &str = "\nend local r=table.pack(pcall(body)) \
         if not r[1] then stream:write('error: '..tostring(r[2])) return end \
         for i=2,r.n do stream:write((i>2 and ',' or '')..show(r[i])) end";
    let (shared, handle) = call(with);
    let run = start_text(&format!("~{HEAD}{body}{TAIL}"), ScriptEntry::Api, Some(handle));
    let outcome = outcome(host, run).await;
    assert_eq!(outcome.error, None, "{body}");
    (outcome.output, shared)
}
