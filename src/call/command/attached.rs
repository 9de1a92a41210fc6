//! Sessions of scripts for channels that other calls own: `freeswitch.Session(uuid)`. Each request becomes what a client of
//! the event socket would ask for; the call stays with its task.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{PATIENCE, dump, execute, order, run};
use crate::call::control::{Activity, Addressed, Execution, Order, Progress, ReadSpec, Request, SessionState, Whom};
use crate::call::event::Event;
use crate::call::registry::Question;
use crate::call::services::Services;
use crate::words::model::Cause;

/// Variable that takes digits on their way to the script.
const DIGITS: &str = "lua_attached_digits";

/// Serves a script's handle on a channel until the script lets it go. A channel that is gone answers as a hung-up one.
pub async fn serve_attached(services: Arc<Services>, uuid: Arc<str>, mut requests: mpsc::Receiver<Addressed>) {
    let attached = Attached { services, uuid };
    while let Some(Addressed { request, .. }) = requests.recv().await {
        attached.serve(*request).await;
    }
}

struct Attached {
    services: Arc<Services>,
    uuid: Arc<str>,
}

fn give<T>(reply: oneshot::Sender<T>, value: T) {
    // Whoever asked may have ended.
    let _ = reply.send(value);
}

impl Attached {
    async fn serve(&self, request: Request) {
        match request {
            Request::GetVariable { name, reply } => give(reply, self.get(&name).await),
            Request::SetVariable { name, value, reply } => {
                let value = value.unwrap_or_default();
                let (told, known) = oneshot::channel();
                if let Some((uuid, sink)) = self.services.calls.find(&self.uuid) {
                    sink.ask(Question::Set { uuid, name, value, reply: told });
                    let _ = timeout(PATIENCE, known).await;
                }
                give(reply, ());
            }
            Request::State { reply } => give(reply, self.state().await),
            Request::Execute { app, data, reply } => {
                self.execute(&app, &data).await;
                give(reply, ());
            }
            Request::Queue { app, data, reply } => {
                self.order(Order::Execute(Execution::once(&app, &data))).await;
                give(reply, ());
            }
            Request::Answer { reply } => give(reply, self.order(Order::Answer).await),
            Request::PreAnswer { reply } => give(reply, self.order(Order::PreAnswer).await),
            Request::Hangup { cause, reply } => {
                self.order(Order::Hangup(Cause::parse(&cause))).await;
                give(reply, ());
            }
            Request::Begin { activity, reply, .. } => give(reply, Progress::Over(self.act(activity).await)),
            Request::Read { spec, reply } => give(reply, self.read(&spec).await),
            Request::PlayAndGetDigits { spec, reply } => {
                let read = &spec.read;
                let data = format!(
                    "{} {} {} {} '{}' '{}' '{}' {DIGITS} '{}' {} '{}'",
                    read.min,
                    read.max,
                    spec.tries,
                    read.timeout_ms,
                    read.terminators,
                    read.prompt,
                    spec.invalid_prompt,
                    spec.regex,
                    read.digit_timeout_ms,
                    spec.transfer_on_failure
                );
                self.execute("play_and_get_digits", &data).await;
                give(reply, self.digits().await);
            }
            Request::FlushDigits { reply } => {
                self.order(Order::FlushDigits).await;
                give(reply, ());
            }
            Request::Transfer { extension, dialplan, context, reply } => {
                give(reply, self.order(Order::Transfer { extension, dialplan, context, whom: Whom::Own }).await);
            }
            Request::Api { command, args, reply } => give(reply, run(&self.services, &command, &args).await),
            Request::BridgeWith { leg, reply } => give(reply, self.order(Order::Bridge(leg.to_string())).await),
            Request::Expand { text, reply } => {
                let command = format!("uuid:{} {text}", self.uuid);
                give(reply, run(&self.services, "eval", &command).await.unwrap_or(text));
            }
            Request::Data { reply } => give(reply, Box::new(self.data().await)),
            Request::WaitForAnswer { reply } => {
                if let Some((uuid, sink)) = self.services.calls.find(&self.uuid) {
                    let (told, answered) = oneshot::channel();
                    sink.ask(Question::AwaitAnswer { uuid, reply: told });
                    // It is dropped with the channel.
                    let _ = answered.await;
                }
                give(reply, ());
            }
            Request::Dial { reply, .. } => give(reply, Err(Cause::CHAN_NOT_IMPLEMENTED)),
            // Those that are left answer nothing: the script sees the failure value of a channel that cannot do it.
            Request::Continue { .. } | Request::GetDigits { .. } | Request::Menu { .. } | Request::Record { .. } => {
                tracing::error!(uuid = %self.uuid, "a script cannot do this to a channel of another call");
            }
        }
    }

    async fn order(&self, what: Order) -> bool {
        order(&self.services, &self.uuid, what).await == Some(true)
    }

    /// Runs an application and waits for its end.
    async fn execute(&self, app: &str, data: &str) -> bool {
        execute(&self.services, &self.uuid, Execution::once(app, data)).await
    }

    async fn get(&self, name: &str) -> Option<String> {
        let (uuid, sink) = self.services.calls.find(&self.uuid)?;
        let (reply, answer) = oneshot::channel();
        sink.ask(Question::Get { uuid, name: name.to_owned(), reply });
        timeout(PATIENCE, answer).await.ok()?.ok()??
    }

    async fn data(&self) -> Event {
        match dump(&self.services, &self.uuid).await {
            Some(seen) => seen.event,
            None => Event::bare(crate::call::event::EventName::CUSTOM),
        }
    }

    async fn state(&self) -> SessionState {
        let Some(seen) = dump(&self.services, &self.uuid).await else {
            return SessionState {
                ready: false,
                answered: false,
                media_ready: false,
                bridged: false,
                state: "CS_HANGUP",
                hangup_cause: Some(Cause::NORMAL_CLEARING),
                transferring: false,
            };
        };
        let header = |name: &str| seen.event.get(name).unwrap_or_default();
        let (state, answer) = (header("Channel-State"), header("Answer-State"));
        let over = ["CS_HANGUP", "CS_REPORTING", "CS_DESTROY"].contains(&state) || answer == "hangup";
        let routing = ["CS_NEW", "CS_INIT", "CS_ROUTING"].contains(&state);
        let answered = answer == "answered";
        SessionState {
            ready: !over && !routing,
            answered,
            media_ready: !over && !routing && (answered || answer == "early"),
            bridged: seen.partner.is_some(),
            state: STATES.iter().copied().find(|name| *name == state).unwrap_or("CS_EXECUTE"),
            hangup_cause: over.then_some(Cause::NORMAL_CLEARING),
            transferring: false,
        }
    }

    /// What takes time: the application of the same kind, whose response says how it ended.
    async fn act(&self, activity: Activity) -> bool {
        let (app, data) = match activity {
            Activity::Stream { path, start_sample: 0 } => ("playback", path),
            Activity::Stream { path, start_sample } => ("playback", format!("{path}@@{start_sample}")),
            Activity::Record { path, limit_s, threshold, silence_s } => {
                ("record", format!("'{path}' {limit_s} {threshold} {silence_s}"))
            }
            Activity::Say { module, kind, method, text } => ("say", format!("{module} {kind} {method} {text}")),
            Activity::Phrase { name, data, .. } => ("phrase", format!("{name},{data}")),
            Activity::Sleep { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                return self.state().await.ready;
            }
            Activity::Collect { .. } => {
                tracing::error!(uuid = %self.uuid, "digits of another call's channel are not collected");
                return false;
            }
        };
        let done = self.execute(app, &data).await;
        let response = self.get("current_application_response").await.unwrap_or_default();
        done && (app != "playback" || response == "FILE PLAYED")
    }

    async fn read(&self, spec: &ReadSpec) -> String {
        let prompt = if spec.prompt.is_empty() { "silence" } else { &spec.prompt };
        let data = format!(
            "{} {} '{prompt}' {DIGITS} {} '{}' {}",
            spec.min, spec.max, spec.timeout_ms, spec.terminators, spec.digit_timeout_ms
        );
        self.execute("read", &data).await;
        self.digits().await
    }

    async fn digits(&self) -> String {
        self.get(DIGITS).await.unwrap_or_default()
    }
}

/// States by name.
const STATES: [&str; 13] = [
    "CS_NEW",
    "CS_INIT",
    "CS_ROUTING",
    "CS_SOFT_EXECUTE",
    "CS_EXECUTE",
    "CS_EXCHANGE_MEDIA",
    "CS_PARK",
    "CS_CONSUME_MEDIA",
    "CS_HIBERNATE",
    "CS_RESET",
    "CS_HANGUP",
    "CS_REPORTING",
    "CS_DESTROY",
];
