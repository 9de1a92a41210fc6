//! Scripts of the call: the application `lua` and the API command, and the requests a running script makes.

use tokio::sync::{mpsc, oneshot};

use super::play::DigitRule;
use super::{Call, Played};
use crate::call::channel::Phase;
use crate::call::control::{Request, ScriptEntry, ScriptOutcome, ScriptRun, ScriptStatus, SessionHandle, SessionState};
use crate::words::expand::{Lookup, Template};
use crate::words::model::Cause;
use crate::words::model::variables::indexed;

impl Call {
    /// Application `lua`: runs a script that has this call as its `session`.
    pub async fn lua(&mut self, text: &str) {
        let (handle, requests) = SessionHandle::new(self.a.uuid.clone());
        let outcome = self.services.scripts.start(self.script_run(text, ScriptEntry::App, Some(handle)));
        let outcome = self.serve_script(requests, outcome).await;
        self.a.variables.set("lua_status", outcome.status.as_str());
        if let Some(error) = &outcome.error {
            self.a.variables.set("lua_last_error", error);
        }
        if outcome.auto_hangup && self.executing() {
            self.hangup(Cause::NORMAL_CLEARING);
        }
    }

    /// API commands `lua` and `luarun` of this call.
    pub(super) async fn script_api(&mut self, text: &str, detached: bool) -> String {
        if detached {
            drop(self.services.scripts.start(self.script_run(text, ScriptEntry::Detached, None)));
            return "+OK\n".to_owned();
        }
        let (handle, requests) = SessionHandle::new(self.a.uuid.clone());
        let outcome = self.services.scripts.start(self.script_run(text, ScriptEntry::Api, Some(handle)));
        Box::pin(self.serve_script(requests, outcome)).await.output
    }

    fn script_run(&self, text: &str, entry: ScriptEntry, session: Option<SessionHandle>) -> ScriptRun {
        ScriptRun {
            text: text.to_owned(),
            entry,
            session,
            context: self.a.profile.context.clone(),
            extension: self.extension.to_string(),
            limits: self.a.variables.with_prefix("lua_max_").map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        }
    }

    async fn serve_script(
        &mut self,
        mut requests: mpsc::Receiver<Request>,
        mut outcome: oneshot::Receiver<ScriptOutcome>,
    ) -> ScriptOutcome {
        let lost = || ScriptOutcome {
            status: ScriptStatus::Error,
            error: Some("the script host is gone".to_owned()),
            output: String::new(),
            auto_hangup: false,
        };
        loop {
            tokio::select! {
                biased;
                Some(request) = requests.recv() => Box::pin(self.serve(request)).await,
                ended = &mut outcome => return ended.unwrap_or_else(|_| lost()),
                Some(event) = self.events.recv() => { self.absorb(event); }
            }
        }
    }

    async fn serve(&mut self, request: Request) {
        self.absorb_pending();
        match request {
            Request::GetVariable { name, reply } => {
                let (base, index) = match indexed(&name) {
                    Some((base, index)) => (base, Some(index)),
                    None => (name.as_str(), None),
                };
                let value = self.view().variable(base, index).map(std::borrow::Cow::into_owned);
                give(reply, value);
            }
            Request::SetVariable { name, value, reply } => {
                self.a.variables.set(&name, value.as_deref().unwrap_or_default());
                give(reply, ());
            }
            Request::Execute { app, data, reply } => {
                self.execute_named(&app, &Template::parse(data)).await;
                give(reply, ());
            }
            Request::State { reply } => give(reply, self.session_state()),
            Request::Answer { reply } => {
                let done = self.answer().await;
                give(reply, done);
            }
            Request::PreAnswer { reply } => {
                let done = self.pre_answer().await;
                give(reply, done);
            }
            Request::Hangup { cause, reply } => {
                let cause = if cause.trim().is_empty() { Cause::NORMAL_CLEARING } else { Cause::parse(&cause) };
                self.hangup(cause);
                give(reply, ());
            }
            Request::Stream { path, start_sample, reply } => {
                let played = self.play(&path, start_sample, DigitRule::Keep).await;
                give(reply, played == Played::Finished);
            }
            Request::Sleep { ms, reply } => {
                let slept = self.sleep(std::time::Duration::from_millis(ms)).await;
                give(reply, slept);
            }
            Request::GetDigits { max, terminators, timeout_ms, interdigit_ms, absolute_ms, reply } => {
                let digits = self.get_digits(max, &terminators, timeout_ms, interdigit_ms, absolute_ms).await;
                give(reply, digits);
            }
            Request::Read { spec, reply } => {
                let digits = self.read(&spec).await;
                give(reply, digits);
            }
            Request::PlayAndGetDigits { spec, reply } => {
                let digits = self.play_and_get_digits(&spec).await;
                give(reply, digits);
            }
            Request::FlushDigits { reply } => {
                self.a.digits.clear();
                give(reply, ());
            }
            Request::Transfer { extension, dialplan, context, reply } => {
                // On a channel that is gone FreeSWITCH reports success and does nothing.
                let done = !self.a.up() || self.transfer(&extension, dialplan.as_deref(), context.as_deref());
                give(reply, done);
            }
            Request::Api { command, args, reply } => {
                let value = self.awaited_api(&command, &args).await;
                give(reply, value);
            }
            Request::Expand { text, reply } => {
                let expanded = self.expand_text(&text).await;
                give(reply, expanded);
            }
        }
    }

    fn session_state(&self) -> SessionState {
        let ready = self.executing();
        SessionState {
            ready,
            answered: self.a.answered,
            media_ready: ready && self.a.has_media(),
            bridged: self.a.bridged,
            state: self.a.phase.name(),
            hangup_cause: self.a.cause,
            transferring: self.a.phase == Phase::Routing,
        }
    }
}

/// Answers a script. One that stopped waiting is none of ours.
fn give<T>(reply: oneshot::Sender<T>, value: T) {
    let _ = reply.send(value);
}
