//! The hunt, the list of actions, and one application.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Call, Waiting};
use crate::call::app::{self, Application, Run};
use crate::call::channel::Phase;
use crate::call::control::Execution;
use crate::call::event::EventName;
use crate::engine::dialplan::{Action, Hunt, HuntRequest, Outcome, Step};
use crate::words::expand::{Answers, Template, expand_with, scope_variables};
use crate::words::model::{CallerProfile, Cause};

/// Deepest nesting of `execute_extension`.
const MAX_NESTED: usize = 33;
/// A repeated application that ends sooner is not repeated, microseconds.
const SHORTEST_LOOP_US: u64 = 500_000;

impl Call {
    /// Looks for an extension; inline actions run on the way.
    pub(super) async fn hunt(&mut self) -> Outcome {
        let profile = self.a.reading_profile();
        if profile.dialplan.eq_ignore_ascii_case("LUA") && self.a.nested.is_empty() {
            return Box::pin(self.lua_dialplan()).await;
        }
        let request = HuntRequest {
            dialplan: if profile.dialplan.is_empty() { "XML".to_owned() } else { profile.dialplan.clone() },
            context: profile.context.clone(),
            destination: profile.destination_number.clone(),
            nested: !self.a.nested.is_empty(),
            exhaustive: self.exhaustive,
            zones: self.snapshot.zones.clone(),
        };
        let snapshot = self.snapshot.clone();
        let handled = match &snapshot.settings.scripts.dialplan_handler {
            Some(script) if request.dialplan.eq_ignore_ascii_case("XML") => {
                Box::pin(self.handled_dialplan(script)).await
            }
            _ => None,
        };
        let mut hunt = Hunt::new(handled.unwrap_or_else(|| self.snapshot.dialplan.clone()), request);
        loop {
            let step = hunt.step(&mut self.view());
            match step {
                Step::Inline(inline) => self.run_inline(&inline.action, inline.known).await,
                Step::Api { name, args } => {
                    let value = self.awaited_api(&name, &args).await;
                    hunt.resume(value);
                }
                Step::Document { path } => {
                    let dialplan = self.services.outside.dialplan(&path).await;
                    let dialplan = dialplan.unwrap_or_else(|_| Err(format!("{path} was not read")));
                    hunt.provide(dialplan.map_err(|error| tracing::error!("{error}")).ok());
                }
                Step::Done(outcome) => return outcome,
            }
        }
    }

    async fn run_inline(&mut self, action: &Action, known: bool) {
        self.show(action, true);
        match action.registered.and_then(app::find) {
            Some(application) if known => {
                let data = self.expand(&action.data).await;
                self.run_application(application, &data).await;
            }
            _ => {
                tracing::error!(application = %action.application, "invalid application");
                self.hangup(Cause::DESTINATION_OUT_OF_ORDER);
            }
        }
    }

    /// Runs a list until its end, a hang-up or a transfer.
    pub(super) async fn execute_list(&mut self, actions: &[Action]) {
        for action in actions {
            self.absorb_pending();
            self.run_executions().await;
            let dead_but_running = self.zombie && !self.a.up();
            if !self.executing() && !dead_but_running {
                return;
            }
            if self.a.nested.is_empty() {
                self.a.history.begin_action();
            }
            self.show(action, false);
            match action.registered.and_then(app::find) {
                Some(application) => self.execute_application(application, &action.data).await,
                None => self.execute_named(&action.application, &action.data).await,
            }
            if let Some((name, data)) = self.replacement.take() {
                self.execute_named(&name, &Template::parse(data)).await;
                return;
            }
        }
    }

    /// Drops what is left of the list and runs this instead.
    pub(super) fn replace_list(&mut self, name: String, data: String) {
        self.replacement = Some((name, data));
    }

    /// Runs an application by name: the path of the dialplan, of scripts and of hooks. An unknown one ends the call.
    pub async fn execute_named(&mut self, name: &str, data: &Template) {
        if let Some(application) = app::find(name) {
            self.execute_application(application, data).await;
        } else {
            tracing::error!(application = name, "invalid application");
            self.hangup(Cause::DESTINATION_OUT_OF_ORDER);
        }
    }

    async fn execute_application(&mut self, application: &'static Application, data: &Template) {
        if !self.a.up() && !application.zombie {
            tracing::debug!(application = application.name, "not run: the channel is hung up");
            return;
        }
        let ready = !application.media
            || !self.a.up()
            || if self.a.has_media() { self.media_back().await } else { self.pre_answer().await };
        if !ready {
            self.hangup(Cause::INCOMPATIBLE_DESTINATION);
            return;
        }
        // The arguments of a script have escapes of their own: without a variable there is nothing to expand.
        let script = application.name == "lua" && !data.text().contains('$');
        let data: Cow<'_, str> = if data.is_literal() || script || self.a.is_true("app_disable_expand_variables") {
            Cow::Borrowed(data.text())
        } else {
            Cow::Owned(self.expand(data).await)
        };
        self.run_application(application, &data).await;
    }

    async fn run_application(&mut self, application: &'static Application, data: &str) {
        let scoped = scope_variables(data);
        let has_scope = !scoped.variables.is_empty();
        if has_scope {
            self.a.scopes.push(scoped.variables);
        }
        let data = &*scoped.data;
        tracing::info!(target: "switch::execute", "EXECUTE [depth={}] {} {}({data})", self.a.nested.len(),
            self.a.profile.chan_name, application.name);
        self.a.variables.set("current_application", application.name);
        self.a.variables.set("current_application_data", data);
        self.a.variables.remove("current_application_response");
        let event_uuid = self.begin_execute(application.name, data);
        let acts = self.observer.as_mut().is_none_or(|observer| observer.execute(application.name, data));
        match application.run {
            _ if !acts => {}
            Run::Now(run) => run(self, data),
            Run::Wait(run) => run(self, data).await,
        }
        self.end_execute(event_uuid, application.name, data);
        if !self.a.is_true("disable_app_log") {
            let now = self.now_us();
            self.a.history.ran(application.name, data, now);
        }
        if has_scope {
            self.a.scopes.pop();
        }
    }

    /// Tells that an application begins: the identifier of its events, when anybody listens.
    fn begin_execute(&mut self, name: &str, data: &str) -> Option<String> {
        if self.services.events.is_quiet() {
            return None;
        }
        let uuid = self.execution_uuid.take().unwrap_or_else(|| (self.services.new_uuid)());
        let more = [("Application", name), ("Application-Data", data), ("Application-UUID", uuid.as_str())];
        self.fire(EventName::CHANNEL_EXECUTE, &more);
        Some(uuid)
    }

    fn end_execute(&mut self, uuid: Option<String>, name: &str, data: &str) {
        let Some(uuid) = uuid else { return };
        let response = self.a.get("current_application_response").unwrap_or("_none_").to_owned();
        let more = [
            ("Application", name),
            ("Application-Data", data),
            ("Application-Response", response.as_str()),
            ("Application-UUID", uuid.as_str()),
        ];
        self.fire(EventName::CHANNEL_EXECUTE_COMPLETE, &more);
    }

    /// Runs the applications that clients of the switch asked for meanwhile, as long as the channel has no other way to go.
    pub(super) async fn run_executions(&mut self) {
        while self.executing() {
            let Some(Waiting { execution, on, done }) = self.executions.pop_front() else { return };
            match on {
                None => self.run_execution(&execution).await,
                // It is over if the leg has left.
                Some(id) => self.execute_named_on(id, &execution.application, &execution.data).await,
            }
            if let Some(done) = done {
                let _ = done.send(());
            }
        }
    }

    async fn run_execution(&mut self, execution: &Execution) {
        let data = Template::parse(execution.data.as_str());
        let phase = std::mem::replace(&mut self.a.phase, Phase::Execute);
        let mut left = execution.loops;
        while left != 0 && self.a.phase == Phase::Execute {
            let begun = self.now_us();
            self.execution_uuid.clone_from(&execution.uuid);
            Box::pin(self.execute_named(&execution.application, &data)).await;
            left = left.saturating_sub(1);
            // For ever, but not in circles: an application that does nothing ends the repetition.
            if execution.loops != 1 && self.now_us().saturating_sub(begun) < SHORTEST_LOOP_US {
                break;
            }
        }
        self.execution_uuid = None;
        if self.a.phase == Phase::Execute {
            self.a.phase = phase;
        }
    }

    /// Shows an action to who looks on.
    fn show(&mut self, action: &Action, inline: bool) {
        if let Some(observer) = &mut self.observer {
            observer.action(&action.application, action.data.text(), action.span, inline);
        }
    }

    /// Expands a text in the channel's scope.
    pub async fn expand(&mut self, template: &Template) -> String {
        if template.is_literal() { template.text().to_owned() } else { self.expand_text(template.text()).await }
    }

    /// Expands a text in the channel's scope.
    pub async fn expand_text(&mut self, text: &str) -> String {
        let mut answers = Answers::new();
        loop {
            let expanded = expand_with(text, &mut self.view(), &mut answers).map(Cow::into_owned);
            let pending = match expanded {
                Ok(done) => return done,
                Err(pending) => pending,
            };
            let value = Box::pin(self.awaited_api(&pending.name, &pending.args)).await;
            answers.push(value);
        }
    }

    /// Expands a text that needs nothing awaited; an awaited call in it inserts nothing.
    pub fn expand_now(&mut self, text: &str) -> String {
        let mut answers = Answers::new();
        loop {
            match expand_with(text, &mut self.view(), &mut answers) {
                Ok(done) => return done.into_owned(),
                Err(pending) => {
                    tracing::error!(api = pending.name, "cannot be awaited in a second expansion");
                    answers.push(None);
                }
            }
        }
    }

    /// `execute_extension`: runs another extension inside this application.
    pub async fn execute_extension(&mut self, extension: &str, dialplan: Option<&str>, context: Option<&str>) {
        if self.a.nested.len() >= MAX_NESTED {
            tracing::error!("too many stacked extensions");
            return;
        }
        let present = self.a.reading_profile();
        let named =
            |text: Option<&str>, default: &str| text.filter(|text| !text.is_empty()).unwrap_or(default).to_owned();
        let profile = CallerProfile {
            destination_number: named(Some(extension), "service"),
            dialplan: named(dialplan, &present.dialplan),
            context: named(context, &present.context),
            ..present.clone()
        };
        self.a.nested.push(profile);
        if let Outcome::Plan(plan) = Box::pin(self.hunt()).await {
            let actions: Arc<[Action]> = plan.actions.into();
            if self.a.phase == Phase::Execute || self.zombie {
                Box::pin(self.execute_list(&actions)).await;
            }
        }
        self.a.nested.pop();
    }
}
