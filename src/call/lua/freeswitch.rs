//! Functions of the table `freeswitch`.

use std::sync::Arc;
use std::time::Duration;

use super::arguments::{Arguments, Kind};
use super::log::{self, Level};
use super::run::Run;
use super::table::{Answer, Method, Step};

use Kind::{Int, Session, Text};

pub(super) const METHODS: &[Method] = &[
    Method::of("", "consoleLog", &[Text, Text], 2, console_log),
    Method::of("", "console_log", &[Text, Text], 2, console_log),
    Method::of("", "consoleLog2", &[Text, Text, Text, Int, Text], 5, console_log2),
    Method::of("", "consoleCleanLog", &[Text], 1, console_clean_log),
    Method::of("", "console_clean_log", &[Text], 1, console_clean_log),
    Method::of("", "getGlobalVariable", &[Text], 1, get_global),
    Method::of("", "setGlobalVariable", &[Text, Text], 2, set_global),
    Method::of("", "running", &[], 0, |_, _| Step::Now(Answer::Bool(true))),
    Method::of("", "msleep", &[Int], 1, msleep),
    Method::of("", "bridge", &[Session, Session], 2, bridge).checkpoint(),
    Method::of("", "email", &[Text, Text, Text, Text, Text, Text, Text], 2, super::email::send),
];

fn console_log(run: &Arc<Run>, arguments: &Arguments) -> Step {
    log::write(run, Level::parse(&arguments.text_or_empty(0)), &arguments.text_or_empty(1));
    Step::Now(Answer::Nothing)
}

fn console_log2(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let text = format!(
        "{}:{} {}() {}",
        arguments.text_or_empty(1),
        arguments.integer(3, 0),
        arguments.text_or_empty(2),
        arguments.text_or_empty(4)
    );
    log::write(run, Level::parse(&arguments.text_or_empty(0)), &text);
    Step::Now(Answer::Nothing)
}

fn console_clean_log(run: &Arc<Run>, arguments: &Arguments) -> Step {
    log::write(run, Level::Debug, &arguments.text_or_empty(0));
    Step::Now(Answer::Nothing)
}

fn get_global(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let value = arguments.text(0).and_then(|name| run.host.globals().get(&name)).filter(|value| !value.is_empty());
    Step::Now(value.map_or(Answer::Nil, Answer::Text))
}

fn set_global(run: &Arc<Run>, arguments: &Arguments) -> Step {
    if let Some(name) = arguments.text(0).filter(|name| !name.is_empty()) {
        run.host.globals().set(&name, &arguments.text_or_empty(1));
    }
    Step::Now(Answer::Nothing)
}

fn msleep(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let time = Duration::from_millis(u64::from(arguments.unsigned(0, 0)));
    let host = Arc::clone(&run.host);
    Step::wait(async move {
        host.sleep(time).await;
        Ok(Answer::Nothing)
    })
}

/// Joins two channels until one of them leaves. Both must be up.
fn bridge(run: &Arc<Run>, arguments: &Arguments) -> Step {
    for at in 0..2 {
        if arguments.value(at).is_nil() {
            return Step::Fail(format!("Error in bridge (arg {}), expected 'CoreSession &' got 'nil'", at + 1));
        }
    }
    let session = |at| arguments.with(at, super::session::Session::clone);
    match (session(0), session(1)) {
        (Some(a), Some(b)) => super::session::Session::bridge(run, &a, &b),
        _ => Step::Now(Answer::Nothing),
    }
}
