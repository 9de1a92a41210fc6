//! `freeswitch.Session` and the global `session`: one row per method, each a request to the call's task.

mod attend;
mod digits;
mod legs;
mod media;
mod state;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mlua::{UserData, UserDataRegistry};
use tokio::sync::oneshot;

pub(super) use legs::end_all as end_legs;

use super::arguments::{Arguments, Kind};
use super::log::{self, Level};
use super::objects;
use super::policy::Handle;
use super::run::Run;
use super::table::{Answer, Method, Outcome, Step};
use crate::call::control::{CallGone, Request, SessionHandle, SessionState};

use Kind::{Any, Bool, Callback, Event, Int, Session as Object, Table, Text};

/// A session object of a script.
#[derive(Clone)]
pub(super) struct Session(Arc<Channel>);

/// What a session object stands for. Several objects of one script may stand for one channel; each has its own flags.
#[derive(Default)]
pub(super) struct Channel {
    /// The way to it; set once, at the latest by `originate`.
    handle: OnceLock<SessionHandle>,
    /// How the dialling of this object ended.
    dialled: Mutex<Option<&'static str>>,
    /// `destroy` was called.
    destroyed: AtomicBool,
    /// The channel is known to be hung up, or its task gone.
    hung: AtomicBool,
    /// Answered, as last heard.
    answered: AtomicBool,
    auto_hangup: AtomicBool,
    /// Engine and voice of `set_tts_params`.
    voice: Mutex<(String, String)>,
    /// It has an input callback.
    attended: AtomicBool,
    /// Counts a leg of the script's own among what the run holds open.
    place: Mutex<Option<Handle>>,
    /// What the methods answer that rest while the callback runs, innermost last.
    resting: Mutex<Vec<attend::Finish>>,
}

impl Session {
    /// An object of a channel; without a handle it is empty.
    pub(super) fn new(handle: Option<SessionHandle>) -> Self {
        let channel = Channel::default();
        if let Some(handle) = handle {
            let _ = channel.handle.set(handle);
        }
        Self(Arc::new(channel))
    }

    /// What it stands for.
    pub(super) fn channel(&self) -> Arc<Channel> {
        Arc::clone(&self.0)
    }

    /// Joins two legs, as `freeswitch.bridge` does.
    pub(super) fn bridge(run: &Arc<Run>, a: &Self, b: &Self) -> Step {
        legs::bridge(run, &a.0, &b.0)
    }

    /// Whether it has a channel.
    pub(super) fn is_live(&self) -> bool {
        self.0.is_live()
    }
}

impl Channel {
    /// Whether it stands for a channel still.
    pub(super) fn is_live(&self) -> bool {
        self.handle.get().is_some() && !self.destroyed.load(Ordering::Relaxed)
    }

    /// The way to the call.
    pub(super) fn handle(&self) -> Option<SessionHandle> {
        self.handle.get().cloned().filter(|_| self.is_live())
    }

    /// Whether the channel is hung up as far as is known.
    pub(super) fn is_hung(&self) -> bool {
        self.hung.load(Ordering::Relaxed)
    }

    /// Whether the script wants the channel ended with it.
    pub(super) fn auto_hangup(&self) -> bool {
        self.auto_hangup.load(Ordering::Relaxed)
    }

    fn uuid(&self) -> Option<&str> {
        self.handle.get().filter(|_| self.is_live()).map(|handle| &**handle.uuid())
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask<T>(
        &self,
        run: &Run,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, CallGone> {
        let Some(handle) = self.handle.get() else { return Err(CallGone) };
        let _contact = run.contact();
        let answer = handle.ask(request).await;
        if answer.is_err() {
            self.mark_hung(run);
        }
        answer
    }

    /// Where the channel stands; when its task is gone, hung up.
    pub(super) async fn state(&self, run: &Run) -> SessionState {
        let state = self.ask(run, |reply| Request::State { reply }).await.unwrap_or_else(|CallGone| SessionState {
            ready: false,
            answered: self.answered.load(Ordering::Relaxed),
            media_ready: false,
            bridged: false,
            state: "CS_HANGUP",
            hangup_cause: None,
            transferring: false,
        });
        self.answered.store(state.answered, Ordering::Relaxed);
        if state.hangup_cause.is_some() {
            self.mark_hung(run);
        }
        state
    }

    fn mark_hung(&self, run: &Run) {
        self.hung.store(true, Ordering::Relaxed);
        if !self.handle.get().is_some_and(SessionHandle::is_leg) {
            run.channel_hung_up();
        }
    }
}

impl UserData for Session {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "Session");
    }
}

const CORE: &str = "CoreSession";
const OWN: &str = "Session";

pub(super) const METHODS: &[Method] = &[
    Method::constructor(OWN, &[Text, Object], 0, legs::new).overloaded(),
    Method::of(OWN, "originate", &[Object, Object, Text, Int], 4, legs::originate),
    // State and lifetime.
    Method::of(OWN, "ready", &[Object], 1, state::ready).checkpoint(),
    Method::of(CORE, "answered", &[Object], 1, state::answered),
    Method::of(CORE, "mediaReady", &[Object], 1, state::media_ready),
    Method::of(CORE, "bridged", &[Object], 1, state::bridged),
    Method::of(CORE, "getState", &[Object], 1, state::name),
    Method::of(CORE, "hangupCause", &[Object], 1, state::hangup_cause),
    Method::of(CORE, "answer", &[Object], 1, state::answer),
    Method::of(CORE, "preAnswer", &[Object], 1, state::pre_answer),
    Method::of(CORE, "hangup", &[Object, Text], 1, state::hangup).checkpoint(),
    Method::of(CORE, "hangupState", &[Object], 1, |_, _| Step::Now(Answer::Nothing)).checkpoint(),
    Method::of(CORE, "setAutoHangup", &[Object, Bool], 2, state::set_auto_hangup),
    Method::of(CORE, "transfer", &[Object, Text, Text, Text], 2, state::transfer).checkpoint(),
    Method::of(CORE, "waitForAnswer", &[Object, Object], 2, legs::wait_for_answer).checkpoint(),
    Method::of(CORE, "get_uuid", &[Object], 1, get_uuid),
    Method::of(OWN, "destroy", &[Object, Text], 1, destroy).wrapped(),
    Method::of("@", "attribute", &[Object, Any], 2, attribute),
    Method::of("@", "hook_due", &[Object], 1, state::hook_due),
    // Variables and applications.
    Method::of(CORE, "getVariable", &[Object, Text], 2, get_variable),
    Method::of(CORE, "setVariable", &[Object, Text, Text], 3, set_variable),
    Method::of(CORE, "execute", &[Object, Text, Text], 2, execute).checkpoint(),
    Method::of(CORE, "setPrivate", &[Object, Text, Kind::Object], 3, |_, _| Step::Now(Answer::Nothing)).wrapped(),
    Method::of(CORE, "getPrivate", &[Object, Text], 2, |_, _| Step::Now(Answer::Nothing)).wrapped(),
    Method::of(CORE, "setEventData", &[Object, Event], 2, set_event_data),
    Method::of(CORE, "sendEvent", &[Object, Event], 2, send_event),
    Method::of(CORE, "getXMLCDR", &[Object], 1, get_xml_cdr),
    Method::of(CORE, "consoleLog", &[Object, Text, Text], 3, console_log),
    Method::of(CORE, "consoleLog2", &[Object, Text, Text, Text, Int, Text], 6, console_log2),
    Method::of(CORE, "print", &[Object, Text], 2, print),
    // Media and digits.
    Method::of(CORE, "streamFile", &[Object, Text, Int], 2, media::stream_file).checkpoint(),
    Method::of(CORE, "sleep", &[Object, Int, Int], 2, media::sleep).checkpoint(),
    Method::of(CORE, "recordFile", &[Object, Text, Int, Int, Int], 2, media::record_file).checkpoint(),
    Method::of(CORE, "insertFile", &[Object, Text, Text, Int], 4, media::insert_file),
    Method::of(CORE, "say", &[Object, Text, Text, Text, Text, Text], 5, media::say).checkpoint(),
    Method::of(CORE, "sayPhrase", &[Object, Text, Text, Text], 2, media::say_phrase).checkpoint(),
    Method::of(CORE, "set_tts_params", &[Object, Text, Text], 3, media::set_voice),
    Method::of(CORE, "set_tts_parms", &[Object, Text, Text], 3, media::set_voice),
    Method::of(CORE, "speak", &[Object, Text], 2, media::speak).checkpoint(),
    Method::of(CORE, "getDigits", &[Object, Int, Text, Int, Int, Int], 4, digits::get_digits).overloaded().checkpoint(),
    Method::of(CORE, "read", &[Object, Int, Int, Text, Int, Text, Int], 6, digits::read).checkpoint(),
    Method::of(
        CORE,
        "playAndGetDigits",
        &[Object, Int, Int, Int, Int, Text, Text, Text, Text, Text, Int, Text],
        9,
        digits::play_and_get_digits,
    )
    .checkpoint(),
    Method::of(CORE, "collectDigits", &[Object, Int, Int], 2, digits::collect_digits).overloaded().checkpoint(),
    Method::of(CORE, "flushDigits", &[Object], 1, digits::flush_digits),
    Method::of(CORE, "flushEvents", &[Object], 1, |_, arguments| quick(arguments, Answer::Integer(0))),
    Method::of(CORE, "detectSpeech", &[Object, Text, Text, Text, Text], 2, |run, arguments| {
        no_recognizer(run, arguments, Answer::Nothing)
    }),
    Method::of(CORE, "playAndDetectSpeech", &[Object, Text, Text, Text], 4, |run, arguments| {
        no_recognizer(run, arguments, Answer::Nil)
    }),
    // Callbacks. The names are kept by the prelude, which calls the functions.
    Method::of(OWN, "setInputCallback", &[Object, Callback, Text], 2, attend::set).overloaded().wrapped(),
    Method::of(OWN, "unsetInputCallback", &[Object], 1, attend::unset).wrapped(),
    Method::of("@", "go_on", &[Object, Text], 2, attend::go_on),
    Method::of(OWN, "setHangupHook", &[Object, Callback, Text], 2, |_, _| Step::Now(Answer::Nothing)).wrapped(),
    // The prelude asks the library scripts/prompts.lua.
    Method::of(OWN, "playError", &[Object, Text, Any], 1, |_, _| Step::Now(Answer::Nothing)).wrapped(),
    // Plumbing of the reference that does nothing.
    Method::of(OWN, "begin_allow_threads", &[Object], 1, |_, _| Step::Now(Answer::Bool(true))).checkpoint(),
    Method::of(OWN, "end_allow_threads", &[Object], 1, |_, _| Step::Now(Answer::Bool(true))).checkpoint(),
    Method::of(OWN, "setLUA", &[Object, Any], 1, |_, _| Step::Now(Answer::Nothing)),
    Method::of(OWN, "check_hangup_hook", &[Object], 1, |_, _| Step::Now(Answer::Nothing)),
    Method::of(OWN, "run_dtmf_callback", &[Object, Any, Any], 1, |_, _| Step::Now(Answer::Nothing)),
    Method::of(CORE, "process_callback_result", &[Object, Text], 1, |_, _| Step::Now(Answer::Nothing)),
    Method::of(CORE, "get_cb_args", &[Object], 1, |_, _| Step::Now(Answer::Nil)),
    Method::of(CORE, "setDTMFCallback", &[Object, Any, Table], 1, |_, _| Step::Now(Answer::Nothing)),
];

/// The channel of argument 0, and the error line for an object without one.
fn live(run: &Run, arguments: &Arguments) -> Option<Arc<Channel>> {
    let channel = arguments.with(0, Session::channel).filter(|channel| channel.is_live());
    if channel.is_none() {
        log::write(run, Level::Err, "session is not initalized");
    }
    channel
}

/// A method that asks the call: `dead` is the answer of an object without channel.
fn asking<F, R>(run: &Arc<Run>, arguments: &Arguments, dead: Answer, ask: F) -> Step
where
    F: FnOnce(Arc<Run>, Arc<Channel>) -> R,
    R: Future<Output = Outcome> + Send + 'static,
{
    match live(run, arguments) {
        Some(channel) => Step::wait(ask(Arc::clone(run), channel)),
        None => Step::Now(dead),
    }
}

fn quick(arguments: &Arguments, answer: Answer) -> Step {
    let live = arguments.with(0, Session::is_live).unwrap_or(false);
    Step::Now(if live { answer } else { Answer::Integer(-1) })
}

fn outcome(done: bool) -> Outcome {
    Ok(Answer::Integer(i64::from(done)))
}

fn get_uuid(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let uuid = arguments.with(0, |session: &Session| session.0.uuid().map(str::to_owned)).flatten();
    Step::Now(Answer::Text(uuid.unwrap_or_else(|| "uninitialized".to_owned())))
}

/// Ends the object; the channel too when it hangs up automatically.
fn destroy(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(channel) = live(run, arguments) else { return Step::Now(Answer::Nothing) };
    channel.destroyed.store(true, Ordering::Relaxed);
    *channel.place.lock().unwrap_or_else(PoisonError::into_inner) = None;
    if !channel.auto_hangup() {
        return Step::Now(Answer::Nothing);
    }
    let run = Arc::clone(run);
    Step::wait(async move {
        let _ = channel.ask(&run, |reply| Request::Hangup { cause: "NORMAL_CLEARING".to_owned(), reply }).await;
        Ok(Answer::Nothing)
    })
}

/// `session.name` of what is no method.
fn attribute(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let name = arguments.text_or_empty(1);
    let read = |session: &Session| {
        let channel = &session.0;
        let voice = channel.voice.lock().unwrap_or_else(PoisonError::into_inner);
        match name.as_str() {
            "uuid" => channel.uuid().map_or(Answer::Nil, |uuid| Answer::Text(uuid.to_owned())),
            "tts_name" if !voice.0.is_empty() => Answer::Text(voice.0.clone()),
            "voice_name" if !voice.1.is_empty() => Answer::Text(voice.1.clone()),
            "flags" => Answer::Integer(i64::from(channel.auto_hangup())),
            "allocated" => Answer::Integer(i64::from(channel.is_live())),
            _ => Answer::Nil,
        }
    };
    Step::Now(arguments.with(0, read).unwrap_or(Answer::Nil))
}

fn get_variable(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let name = arguments.text_or_empty(1);
    asking(run, arguments, Answer::Text(String::new()), |run, channel| async move {
        if name.is_empty() {
            return Ok(Answer::Nil);
        }
        let value = channel.ask(&run, |reply| Request::GetVariable { name, reply }).await;
        Ok(value.ok().flatten().map_or(Answer::Nil, Answer::Text))
    })
}

fn set_variable(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let name = arguments.text_or_empty(1);
    let value = arguments.text(2).filter(|value| !value.is_empty());
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        if !name.is_empty() {
            let _ = channel.ask(&run, |reply| Request::SetVariable { name, value, reply }).await;
        }
        Ok(Answer::Nothing)
    })
}

fn execute(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (app, data) = (arguments.text_or_empty(1), arguments.text_or_empty(2));
    if app.is_empty() {
        log::write(run, Level::Err, "execute: no application");
        return Step::Now(Answer::Nothing);
    }
    if let Some(why) = run.policy.refuses(&app) {
        return Step::Fail(why);
    }
    if data.is_empty()
        && let Some((app, data)) = app.split_once("::")
    {
        let (app, data) = (app.to_owned(), data.to_owned());
        return asking(run, arguments, Answer::Nothing, |run, channel| async move {
            let _ = channel.ask(&run, |reply| Request::Queue { app, data, reply }).await;
            Ok(Answer::Nothing)
        });
    }
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        let _ = channel.ask(&run, |reply| Request::Execute { app, data, reply }).await;
        Ok(Answer::Nothing)
    })
}

fn console_log(run: &Arc<Run>, arguments: &Arguments) -> Step {
    log::write(run, Level::parse(&arguments.text_or_empty(1)), &arguments.text_or_empty(2));
    Step::Now(Answer::Nothing)
}

fn console_log2(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (file, function, line) = (arguments.text_or_empty(2), arguments.text_or_empty(3), arguments.integer(4, 0));
    let text = format!("{file}:{line} {function}() {}", arguments.text_or_empty(5));
    log::write(run, Level::parse(&arguments.text_or_empty(1)), &text);
    Step::Now(Answer::Nothing)
}

/// Copies what is known of the channel into an event.
fn set_event_data(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(event) = arguments.with(1, super::event::Event::clone) else { return Step::Now(Answer::Nothing) };
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        if let Ok(data) = channel.ask(&run, |reply| Request::Data { reply }).await {
            event.with(|event| event.merge(&data));
        }
        Ok(Answer::Nothing)
    })
}

/// The record of the call so far.
fn get_xml_cdr(run: &Arc<Run>, arguments: &Arguments) -> Step {
    asking(run, arguments, Answer::Text(String::new()), |run, channel| async move {
        Ok(Answer::Text(channel.ask(&run, |reply| Request::Record { reply }).await.unwrap_or_default()))
    })
}

/// Gives the channel an event: one with `call-command` is carried out, others have nobody here who would take them.
fn send_event(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(event) = arguments.with(1, super::event::Event::clone) else { return Step::Now(Answer::Nothing) };
    let header = |name: &str| event.with(|event| event.get(name).unwrap_or_default().to_owned());
    let (command, app) = (header("call-command"), header("execute-app-name"));
    let argument = Some(header("execute-app-arg")).filter(|text| !text.is_empty());
    let data = argument.unwrap_or_else(|| event.with(|event| event.body().unwrap_or_default().to_owned()));
    let cause = header("hangup-cause");
    let run_on = Arc::clone(run);
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        match command.to_ascii_lowercase().as_str() {
            "execute" if !app.is_empty() => {
                let _ = channel.ask(&run, |reply| Request::Queue { app, data, reply }).await;
            }
            "hangup" => {
                let cause = if cause.is_empty() { "NORMAL_CLEARING".to_owned() } else { cause };
                let _ = channel.ask(&run, |reply| Request::Hangup { cause, reply }).await;
            }
            "" => log::write(&run_on, Level::Debug, "sendEvent: the channel has no use for this event"),
            other => log::write(&run_on, Level::Err, &format!("sendEvent: call-command {other} is not available")),
        }
        Ok(Answer::Nothing)
    })
}

/// There is no speech recognizer, as in a FreeSWITCH without such a module.
fn no_recognizer(run: &Arc<Run>, arguments: &Arguments, answer: Answer) -> Step {
    if live(run, arguments).is_some() {
        log::write(run, Level::Err, "detectSpeech: no speech recognizer is available");
    }
    Step::Now(answer)
}

/// Real-time text: no call has such a stream.
fn print(_: &Arc<Run>, arguments: &Arguments) -> Step {
    quick(arguments, Answer::Integer(0))
}
