//! API commands that wait: for another call, for a leg to answer, for a file. Beside [`crate::call::api`], whose functions
//! answer at once, they are what clients of the event socket, scripts and the dialplan may call.

mod attached;
mod describe;
mod displace;
mod far_end;
mod files;
mod hupall;
mod limits;
mod orders;
mod origination;
mod parts;
mod record;
mod reload;
mod schedule;
mod settings;
mod show;
mod sofia;
mod sound;
mod status;
mod table;
mod trace;
mod unavailable;
mod variables;
mod wrap;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::call::api;
use crate::call::channel::View;
use crate::call::control::{Execution, Order, ScriptEntry, ScriptRun};
use crate::call::event::EventName;
use crate::call::registry::{Question, Seen};
use crate::call::services::Services;
use crate::words::expand::{Answers, expand_with, split};
use crate::words::model::Cause;

pub use attached::serve_attached;
pub use settings::level_of;
pub use table::{all, find};

/// Longest time for a call to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is said of a channel that is gone.
const GONE: &str = "-ERR No such channel!\n";

/// A command under way.
type Running<'a> = Pin<Box<dyn Future<Output = String> + Send + 'a>>;

/// One command.
pub struct Command {
    /// Its name, as clients type it.
    pub name: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Its arguments, as the usage line shows them.
    pub syntax: &'static str,
    run: for<'a> fn(&'a Arc<Services>, &'a str) -> Running<'a>,
}

impl Command {
    const fn new(
        name: &'static str,
        syntax: &'static str,
        doc: &'static str,
        run: for<'a> fn(&'a Arc<Services>, &'a str) -> Running<'a>,
    ) -> Self {
        Self { name, doc, syntax, run }
    }
}

/// Whether a command of this name has to be awaited.
pub fn waits(name: &str) -> bool {
    find(name).is_some()
}

/// Runs a line: a command with its arguments. None: there is no such command. The channel it names, if any, is asked
/// through its own task.
pub fn run<'a>(
    services: &'a Arc<Services>,
    name: &'a str,
    args: &'a str,
) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>> {
    Box::pin(async move {
        let args = args.trim();
        if let Some(command) = find(name) {
            return Some((command.run)(services, args).await);
        }
        let settings = services.snapshot.load().settings.system_commands;
        match name.to_ascii_lowercase().as_str() {
            "lua" => return Some(script(services, args, ScriptEntry::Api).await),
            "luarun" => return Some(script(services, args, ScriptEntry::Detached).await),
            "system" if settings => {
                let output = services.outside.command(args).await.unwrap_or_else(|_| Err("it was not run".to_owned()));
                return Some(output.unwrap_or_else(|error| format!("-ERR {error}\n")));
            }
            "bg_system" if settings => {
                drop(services.outside.command(args));
                return Some("+OK\n".to_owned());
            }
            "expand" => return Some(expanded(services, args).await),
            "eval" if !args.starts_with("uuid:") => return Some(expanded_text(services, args).await),
            _ => {}
        }
        // What reads or changes a channel runs where the channel lives.
        if let Some(uuid) = target(name, args)
            && let Some((_, sink)) = services.calls.find(uuid)
        {
            let (reply, answer) = oneshot::channel();
            sink.ask(Question::Command { command: name.to_owned(), args: args.to_owned(), reply });
            return match timeout(PATIENCE, answer).await {
                Ok(Ok(answer)) => answer,
                _ => Some(GONE.to_owned()),
            };
        }
        let snapshot = services.snapshot.load_full();
        api::run(name, &mut View::global(services, &snapshot), args)
    })
}

/// The output of a command whose arguments are expanded first.
async fn expanded(services: &Arc<Services>, text: &str) -> String {
    if text.is_empty() {
        return "-ERR No input\n".to_owned();
    }
    let text = match text.strip_prefix("uuid:").and_then(|rest| rest.split_once(' ')) {
        Some((uuid, rest)) => run(services, "eval", &format!("uuid:{uuid} {rest}")).await.unwrap_or_default(),
        None => expanded_text(services, text).await,
    };
    let (name, args) = text.split_once(' ').unwrap_or((&text, ""));
    if name.is_empty() {
        return String::new();
    }
    let unknown = || "INVALID COMMAND!\n-ERR Cannot execute command\n".to_owned();
    run(services, name, args).await.unwrap_or_else(unknown)
}

/// Expands a text without a channel; the API commands in it are awaited.
async fn expanded_text(services: &Arc<Services>, text: &str) -> String {
    let snapshot = services.snapshot.load_full();
    let mut answers = Answers::new();
    loop {
        let pending = {
            let mut view = View::global(services, &snapshot);
            match expand_with(text, &mut view, &mut answers) {
                Ok(done) => return done.into_owned(),
                Err(pending) => pending,
            }
        };
        let answer = run(services, &pending.name, &pending.args).await;
        answers.push(answer);
    }
}

/// The channel whose own task must run a command, because it reads or changes its variables.
pub fn target<'a>(command: &str, args: &'a str) -> Option<&'a str> {
    let first = args.split_whitespace().next()?;
    match command.to_ascii_lowercase().as_str() {
        "uuid_getvar" | "uuid_setvar" => Some(first),
        "eval" => first.strip_prefix("uuid:"),
        _ => None,
    }
}

async fn script(services: &Arc<Services>, text: &str, entry: ScriptEntry) -> String {
    if text.is_empty() {
        return String::new();
    }
    let run = ScriptRun::new(text, entry);
    if run.entry == ScriptEntry::Detached {
        drop(services.scripts.start(run));
        return "+OK\n".to_owned();
    }
    let outcome = services.scripts.start(run).await;
    outcome.map_or_else(|_| "-ERR Cannot execute script\n".to_owned(), |outcome| outcome.output)
}

/// Gives an order to a channel. None: there is no such channel; false: it cannot be carried out.
pub async fn order(services: &Services, uuid: &str, order: Order) -> Option<bool> {
    let (uuid, sink) = services.calls.find(uuid)?;
    let (reply, answer) = oneshot::channel();
    sink.ask(Question::Order { uuid, order, reply: Some(reply) });
    timeout(PATIENCE, answer).await.ok()?.ok()
}

/// Runs an application on a channel, and waits for its end, however long that takes. False: the channel is gone.
pub async fn execute(services: &Services, uuid: &str, execution: Execution) -> bool {
    let Some((uuid, sink)) = services.calls.find(uuid) else { return false };
    let (done, ended) = oneshot::channel();
    sink.ask(Question::Execute { uuid, execution, done });
    ended.await.is_ok()
}

/// Hangs every channel up. Nobody waits for the end.
fn hang_up_all(services: &Services, cause: Cause) {
    for (uuid, sink) in services.calls.all() {
        sink.ask(Question::Order { uuid, order: Order::Hangup(cause), reply: None });
    }
}

/// Everything about a channel. None: there is no such channel.
pub async fn dump(services: &Services, uuid: &str) -> Option<Seen> {
    let (uuid, sink) = services.calls.find(uuid)?;
    let (reply, answer) = oneshot::channel();
    sink.ask(Question::Dump { uuid, reply });
    timeout(PATIENCE, answer).await.ok()?.ok()?
}

/// Runs a command whose output nobody waits for: the result is an event. `owner` is the channel that the client controls.
pub fn run_job(services: &Arc<Services>, job: String, owner: Option<Arc<str>>, line: String) {
    let services = Arc::clone(services);
    tokio::spawn(async move {
        let (name, args) = line.split_once(' ').unwrap_or((&line, ""));
        announce(&services, name, args);
        let output = run(&services, name, args).await;
        let output = output.unwrap_or_else(|| format!("-ERR {name} Command not found!\n"));
        if services.events.wants(EventName::BACKGROUND_JOB, None) {
            let mut event = services.events.make(EventName::BACKGROUND_JOB, None);
            event.add("Job-UUID", &job);
            if let Some(owner) = owner {
                event.add("Job-Owner-UUID", &owner);
            }
            event.add("Job-Command", name);
            if !args.is_empty() {
                event.add("Job-Command-Arg", args);
            }
            if !output.is_empty() {
                event.set_body(&output);
            }
            services.events.publish(event);
        }
    });
}

/// The event that tells of a command.
pub fn announce(services: &Services, name: &str, args: &str) {
    services.events.fire(EventName::API, None, &[("API-Command", name), ("API-Command-Argument", args.trim())]);
}

fn usage(syntax: &str) -> String {
    format!("-USAGE: {syntax}\n")
}

/// The arguments, at most so many; quotes keep blanks.
fn words(args: &str, most: usize) -> Vec<String> {
    split(args, ' ', most).into_iter().filter(|word| !word.is_empty()).collect()
}

fn now_s(services: &Services) -> u64 {
    (services.now_us)() / 1_000_000
}
