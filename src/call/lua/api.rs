//! `freeswitch.API`: commands of the switch, run for the script.

use std::sync::Arc;

use mlua::{UserData, UserDataRegistry};
use tokio::sync::oneshot;

use super::arguments::{Arguments, Kind};
use super::log::{self, Level};
use super::objects;
use super::run::Run;
use super::session::{Channel, Session};
use super::table::{Answer, Method, Outcome, Step};
use crate::call::control::{Request, ScriptEntry, ScriptRun};

const UNKNOWN: &str = "INVALID COMMAND!\n";
const NO_COMMAND: &str = "-ERR No application specified";

/// Commands, for the whole switch or for one channel.
pub(super) struct Api(Option<Arc<Channel>>);

impl UserData for Api {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "API");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor("API", &[Kind::Session], 0, new),
    Method::of("API", "execute", &[Kind::Api, Kind::Text, Kind::Text], 2, execute),
    Method::of("API", "executeString", &[Kind::Api, Kind::Text], 2, execute_string),
    Method::of("API", "getTime", &[Kind::Api], 1, get_time),
];

fn new(_: &Arc<Run>, arguments: &Arguments) -> Step {
    Step::Now(Answer::Api(Api(arguments.with(0, Session::channel))))
}

fn execute(run: &Arc<Run>, arguments: &Arguments) -> Step {
    start(run, arguments, arguments.text_or_empty(1), arguments.text_or_empty(2))
}

fn execute_string(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let text = arguments.text_or_empty(1);
    let (command, rest) = text.split_once(' ').unwrap_or((&text, ""));
    start(run, arguments, command.to_owned(), rest.to_owned())
}

fn start(run: &Arc<Run>, arguments: &Arguments, command: String, args: String) -> Step {
    if command.is_empty() {
        log::write(run, Level::Err, "API: no command");
        return Step::Now(Answer::Text(NO_COMMAND.to_owned()));
    }
    let channel = arguments.with(0, |api: &Api| api.0.clone()).flatten().filter(|channel| channel.is_live());
    if let Some(why) = run.policy.refuses(&command) {
        return Step::Fail(why);
    }
    match command.to_ascii_lowercase().as_str() {
        "lua" => return run_script(run, args, channel.as_deref()),
        "luarun" => return run_detached(run, args),
        _ => {}
    }
    // As in FreeSWITCH these never use the session of the object.
    let channel = channel.filter(|_| !["eval", "sched_api"].contains(&command.to_ascii_lowercase().as_str()));
    let run = Arc::clone(run);
    Step::wait(async move {
        let answer = match channel {
            Some(channel) => {
                let request = |reply: oneshot::Sender<Option<String>>| Request::Api { command, args, reply };
                channel.ask(&run, request).await.unwrap_or_default()
            }
            None => run.host.api().start(command, args).await.unwrap_or_default(),
        };
        Ok(Answer::Text(answer.unwrap_or_else(|| UNKNOWN.to_owned())))
    })
}

fn nested(run: &Run, text: &str, entry: ScriptEntry, channel: Option<&Channel>) -> ScriptRun {
    ScriptRun {
        session: channel.and_then(Channel::handle),
        context: run.context.clone(),
        extension: run.extension.clone(),
        ..ScriptRun::new(text, entry)
    }
}

/// The command `lua`: another run, whose text is the answer.
fn run_script(run: &Arc<Run>, text: String, channel: Option<&Channel>) -> Step {
    let ended = run.host.start(nested(run, &text, ScriptEntry::Api, channel));
    Step::wait(
        async move { Ok(Answer::Text(ended.await.map(|outcome| outcome.output).unwrap_or_default())) as Outcome },
    )
}

/// The command `luarun`: nobody waits for its end, nor learns of a missing file.
fn run_detached(run: &Arc<Run>, text: String) -> Step {
    drop(run.host.start(nested(run, &text, ScriptEntry::Detached, None)));
    Step::Now(Answer::Text("+OK\n".to_owned()))
}

fn get_time(run: &Arc<Run>, _: &Arguments) -> Step {
    Step::Now(Answer::Text(run.host.api().now().as_millisecond().to_string()))
}
