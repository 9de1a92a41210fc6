//! Hooks in variables: `execute_on_…` and `api_hangup_hook`.

use std::borrow::Cow;
use std::sync::Arc;

use super::Call;
use crate::call::api;
use crate::call::channel::{Shown, View};
use crate::call::command;
use crate::call::event::{Event, EventName};
use crate::words::expand::{Answers, Api, Lookup, Template, expand_with};
use crate::words::model::Variables;
use crate::words::model::variables::{ARRAY_PREFIX, ARRAY_SEPARATOR};

/// Application and data of a hook: `app data`, `app:data` or `app::data`.
pub(super) fn parts(value: &str) -> (&str, &str) {
    if let Some((name, data)) = value.split_once("::")
        && !name.contains(' ')
    {
        return (name, data);
    }
    match value.find([' ', ':']) {
        Some(at) => (value.get(..at).unwrap_or_default(), value.get(at + 1..).unwrap_or_default().trim_start()),
        None => (value, ""),
    }
}

/// The hooks that run API commands where those with the prefix run applications. They are the channel's variables only.
pub(super) fn api_of(prefix: &str) -> Option<&'static str> {
    const PAIRS: &[(&str, &str)] = &[
        ("execute_on_answer", "api_on_answer"),
        ("execute_on_media", "api_on_media"),
        ("execute_on_originate", "api_on_originate"),
        ("execute_on_post_bridge", "api_after_bridge"),
        ("execute_on_pre_answer", "api_on_pre_answer"),
        ("execute_on_pre_bridge", "api_before_bridge"),
        ("execute_on_pre_originate", "api_on_pre_originate"),
        ("execute_on_ring", "api_on_ring"),
    ];
    PAIRS.iter().find(|(hook, _)| *hook == prefix).map(|(_, api)| *api)
}

/// The items of a variable's value.
fn items(value: &str) -> Vec<String> {
    let list = value.strip_prefix(ARRAY_PREFIX).unwrap_or(value).split(ARRAY_SEPARATOR);
    list.map(str::to_owned).collect()
}

/// A channel's variables and the global ones, without the caller profile.
struct VariablesOnly<'c> {
    variables: &'c Variables,
    globals: &'c Variables,
    view: View<'c>,
}

impl Lookup for VariablesOnly<'_> {
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        let own = match index {
            Some(index) => self.variables.item(name, index),
            None => self.variables.get(name),
        };
        own.or_else(|| self.globals.get(name)).map(Into::into)
    }

    fn api(&mut self, name: &str, args: &str) -> Api {
        self.view.api(name, args)
    }
}

impl Call {
    /// Runs every variable of the channel, and every global one, whose name begins with the prefix; array items in turn.
    pub(super) async fn execute_on(&mut self, prefix: &str) {
        self.execute_on_own(prefix).await;
        let globals = self.services.globals.all();
        self.execute_each(globals.with_prefix(prefix).map(|(_, value)| value.to_owned()).collect()).await;
    }

    /// The same for the channel's variables alone.
    pub(super) async fn execute_on_own(&mut self, prefix: &str) {
        self.execute_each(self.a.variables.with_prefix(prefix).map(|(_, value)| value.to_owned()).collect()).await;
        let commands = api_of(prefix).map(|prefix| self.a.variables.with_prefix(prefix));
        let commands: Vec<String> = commands.into_iter().flatten().map(|(_, value)| value.to_owned()).collect();
        for value in commands.iter().flat_map(|value| items(value)) {
            let command = self.expand_text(&value).await;
            let (name, arguments) = command.trim().split_once(' ').unwrap_or((command.trim(), ""));
            if Box::pin(self.awaited_api(name, arguments)).await.is_none() {
                tracing::error!(command = name, "a hook names no API command");
            }
        }
    }

    async fn execute_each(&mut self, variables: Vec<String>) {
        for value in variables.iter().flat_map(|value| items(value)) {
            let (name, data) = parts(value.trim());
            if !name.is_empty() {
                Box::pin(self.execute_named(name, &Template::parse(data))).await;
            }
        }
    }

    /// `api_hangup_hook`: an API command after the channel was hung up.
    pub(super) async fn hangup_hook(&mut self) {
        let Some(text) = self.a.get("api_hangup_hook").map(str::to_owned) else { return };
        let (name, args) = text.split_once("::").or_else(|| text.split_once(' ')).unwrap_or((&text, ""));
        let args = self.expand_hook(args).await;
        if name.eq_ignore_ascii_case("lua") && !self.is_true("session_in_hangup_hook") {
            let env = self.hook_event(name, &args);
            self.script_hook(&args, env).await;
        } else if self.awaited_api(name, &args).await.is_none() {
            tracing::error!(command = name, "api_hangup_hook names no API command");
        }
    }

    /// Expands the arguments of the hook, by variables alone: fields of the caller profile are not found.
    async fn expand_hook(&mut self, text: &str) -> String {
        let (variables, globals) = (self.a.variables.clone(), self.services.globals.all());
        let mut answers = Answers::new();
        loop {
            let mut lookup = VariablesOnly { variables: &variables, globals: &globals, view: self.view() };
            let pending = match expand_with(text, &mut lookup, &mut answers) {
                Ok(done) => return done.into_owned(),
                Err(pending) => pending,
            };
            let value = Box::pin(self.awaited_api(&pending.name, &pending.args)).await;
            answers.push(value);
        }
    }

    /// `env` of the hook: the channel, each variable by its plain name as well, the command.
    fn hook_event(&self, command: &str, args: &str) -> Event {
        let mut event = Event::bare(EventName::CUSTOM);
        self.a.write_into(&mut event, Shown { variables: true, ..Shown::default() });
        for (name, value) in self.a.variables.iter() {
            event.add(name, value);
        }
        event.add("API-Command", command);
        event.add("API-Command-Argument", args);
        event
    }

    /// Runs an API command that may have to be awaited. None: there is no such command.
    pub async fn awaited_api(&mut self, name: &str, args: &str) -> Option<String> {
        match name.to_ascii_lowercase().as_str() {
            "lua" => Some(self.script_api(args, false).await),
            "luarun" => Some(self.script_api(args, true).await),
            "uuid_getvar" | "uuid_setvar" => match self.ask_another(name, args).await {
                Some(answer) => Some(answer),
                None => api::run(name, &mut self.view(), args),
            },
            name if command::waits(name) || ["system", "bg_system"].contains(&name) => {
                let (services, name, args) = (Arc::clone(&self.services), name.to_owned(), args.to_owned());
                Box::pin(self.serve_while(async move { command::run(&services, &name, &args).await })).await
            }
            _ => api::run(name, &mut self.view(), args),
        }
    }

    /// Waits for a command and serves the call meanwhile: the command may ask about the call's own channels.
    pub(super) async fn serve_while<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(event) = self.events.recv() => drop(self.absorb(event)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_hook_names_application_and_data() {
        assert_eq!(parts("set a=b"), ("set", "a=b"));
        assert_eq!(parts("set:a=b"), ("set", "a=b"));
        assert_eq!(parts("lua::x.lua a:b"), ("lua", "x.lua a:b"));
        assert_eq!(parts("answer"), ("answer", ""));
        assert_eq!(parts("playback file::x"), ("playback", "file::x"));
    }
}
