//! What a client may say, and what it is answered (spec: event socket, 3 to 5).

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::connection::{Connection, Format, Linger, Rights};
use super::log_tap::TAP;
use crate::call::api::UserField;
use crate::call::command;
use crate::call::control::{Execution, Order};
use crate::call::event::{Event, EventName};
use crate::call::registry::Seen;
use crate::engine::event_socket::{Request, api_response, command_reply};
use crate::words::model::Cause;

const NOT_FOUND: &str = "-ERR command not found";
const DENIED: &str = "-ERR permission denied";
/// What a program may say that does not control everything.
const ALWAYS: &[&str] = &["filter", "resume", "connect", "getvar", "myevents", "divert_events", "sendmsg"];
/// Longest `linger`, seconds.
const LONGEST_LINGER: u64 = 86_400;
/// What a client waits after a wrong password.
const WRONG_PASSWORD: Duration = Duration::from_millis(250);
/// Commands that run another one.
const WRAPPERS: &[&str] = &["bgapi", "sched_api", "eval", "expand", "xml_wrap"];

impl Connection {
    /// Carries out a request.
    pub(super) async fn obey(&mut self, request: &Request) {
        let line = request.command.trim();
        let (verb, rest) = line.split_once(' ').map_or((line, ""), |(verb, rest)| (verb, rest.trim()));
        let verb = verb.to_ascii_lowercase();
        if verb.starts_with("exit") || verb.starts_with("...") {
            self.reply("+OK bye");
            self.leaving = true;
            return;
        }
        if !self.admitted {
            return self.come_in(&verb, rest).await;
        }
        if self.outbound.is_some_and(|outbound| !outbound.full) && !ALWAYS.contains(&verb.as_str()) {
            return self.reply(NOT_FOUND);
        }
        match verb.as_str() {
            "connect" if self.outbound.is_some() => self.connect().await,
            "myevents" if self.outbound.is_some() => self.events_of_call(rest),
            "api" if !rest.is_empty() => self.api(rest).await,
            "bgapi" if !rest.is_empty() => self.job(request, rest),
            "event" => self.events(rest),
            "nixevent" => self.unwanted(rest),
            "noevents" => self.no_events(),
            "myevents" if !rest.is_empty() => self.own_events(rest),
            "divert_events" => self.divert(rest),
            "filter" if !rest.is_empty() => self.filter(rest),
            "sendmsg" => self.message(request, rest).await,
            "sendevent" => self.send_event(request, rest),
            "getvar" => self.variable(rest).await,
            "log" => self.follow_log(rest),
            "nolog" => {
                let text = if self.log.take().is_some() { "+OK no longer logging" } else { "-ERR not loging" };
                self.reply(text);
            }
            "linger" => self.stay(rest),
            "nolinger" => {
                let controls = self.session.is_some();
                self.linger = None;
                self.reply(if controls { "+OK will not linger" } else { "-ERR not controlling a session" });
            }
            "resume" if self.session.is_some() => self.resume().await,
            _ => self.reply(NOT_FOUND),
        }
    }

    async fn resume(&mut self) {
        if let Some(uuid) = self.session.clone() {
            let set = Order::Set(vec![("socket_resume".to_owned(), "true".to_owned())]);
            command::order(&self.services, &uuid, set).await;
        }
        self.reply("+OK");
    }

    fn reply(&mut self, text: &str) {
        self.say(&command_reply(text, &[]));
    }

    async fn come_in(&mut self, verb: &str, rest: &str) {
        match verb {
            "auth" if !rest.is_empty() => {
                self.admitted = rest.as_bytes().ct_eq(self.password.as_bytes()).into();
                if self.admitted { self.reply("+OK accepted") } else { self.refuse().await }
            }
            "userauth" if !rest.is_empty() => match self.user_rights(rest) {
                Some(rights) => {
                    let list =
                        |list: &Option<Vec<String>>| list.as_ref().map_or("all".to_owned(), |list| list.join(" "));
                    let (events, api) = (list(&rights.events), list(&rights.api));
                    let log = (!rights.no_log).to_string();
                    let more = [("Allowed-Events", events.as_str()), ("Allowed-API", &api), ("Allowed-LOG", &log)];
                    self.say(&command_reply("+OK accepted", &more));
                    self.rights = rights;
                    self.admitted = true;
                }
                None => self.refuse().await,
            },
            _ => self.reply(NOT_FOUND),
        }
    }

    async fn refuse(&mut self) {
        tracing::warn!("a client of the event socket gave a wrong password");
        if let Some((gate, ip)) = &self.source {
            gate.note_wrong(*ip);
        }
        tokio::time::sleep(WRONG_PASSWORD).await;
        self.reply("-ERR invalid");
        self.leaving = true;
    }

    /// `user@domain:password`, or `user:password@domain`.
    fn user_rights(&self, text: &str) -> Option<Rights> {
        let (user, domain, password) = match text.split_once(':')? {
            (account, password) if account.contains('@') => {
                let (user, domain) = account.split_once('@')?;
                (user, domain, password)
            }
            (user, rest) => {
                let (password, domain) = rest.rsplit_once('@')?;
                (user, domain, password)
            }
        };
        let snapshot = self.services.snapshot.load();
        let param = |name: &str| snapshot.directory.user_field(user, domain, UserField::Param, name);
        let known = param("esl-password").filter(|known| !known.is_empty())?;
        if !bool::from(known.as_bytes().ct_eq(password.as_bytes())) {
            return None;
        }
        let list = |name: &str| {
            let text = param(name)?;
            let by = if text.contains(' ') { ' ' } else { ',' };
            let words = text.split(by).map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
            Some(words.collect::<Vec<_>>()).filter(|list: &Vec<String>| !list.iter().any(|word| word == "all"))
        };
        let no_log = param("esl-allowed-log").is_some_and(|text| crate::words::model::falsy(&text));
        Some(Rights { api: list("esl-allowed-api"), events: list("esl-allowed-events"), no_log })
    }

    /// Whether a command, and the one it wraps, may be run.
    fn may_run(&self, line: &str) -> bool {
        let Some(allowed) = &self.rights.api else { return true };
        let mut words = line.split_whitespace();
        loop {
            let Some(word) = words.next() else { return true };
            if !allowed.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                return false;
            }
            if !WRAPPERS.iter().any(|wrapper| wrapper.eq_ignore_ascii_case(word)) {
                return true;
            }
            if word.eq_ignore_ascii_case("sched_api") {
                // Time and group.
                words.by_ref().take(2).for_each(drop);
            }
        }
    }

    async fn api(&mut self, line: &str) {
        if !self.may_run(line) {
            return self.reply(DENIED);
        }
        let (name, args) = line.split_once(' ').unwrap_or((line, ""));
        command::announce(&self.services, name, args);
        let output = command::run(&self.services, name, args).await;
        let output = output.unwrap_or_else(|| format!("-ERR {name} Command not found!\n"));
        self.say(&api_response(&output));
    }

    fn job(&mut self, request: &Request, line: &str) {
        if !self.may_run(line) {
            return self.reply(DENIED);
        }
        let job = request.header("Job-UUID").filter(|text| !text.is_empty()).map(str::to_owned);
        let job = job.unwrap_or_else(|| (self.services.new_uuid)());
        command::run_job(&self.services, job.clone(), self.session.clone(), line.to_owned());
        self.say(&command_reply(&format!("+OK Job-UUID: {job}"), &[("Job-UUID", &job)]));
    }

    /// Which of the words a client may subscribe to.
    fn allowed<'w>(&self, words: impl Iterator<Item = &'w str>) -> Option<Vec<&'w str>> {
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let allowed = |word: &&str| {
            self.rights.events.as_ref().is_none_or(|list| list.iter().any(|known| known.eq_ignore_ascii_case(word)))
        };
        words.iter().all(|word| EventName::parse(word).is_none() || allowed(word)).then_some(words)
    }

    fn events(&mut self, rest: &str) {
        let mut words = rest.split(' ').filter(|word| !word.is_empty()).peekable();
        let format = words.peek().and_then(|word| Format::parse(word));
        if format.is_some() {
            words.next();
        }
        let Some(words) = self.allowed(words) else { return self.reply(DENIED) };
        if !self.wanted.add(words.into_iter()) {
            return self.reply("-ERR no keywords supplied");
        }
        self.format = format.unwrap_or(self.format);
        if self.listen() {
            self.reply(&format!("+OK event listener enabled {}", self.format.name()));
        } else {
            self.reply("-ERR too many listeners");
        }
    }

    fn unwanted(&mut self, rest: &str) {
        if self.wanted.remove(rest.split(' ')) {
            self.listen();
            self.reply("+OK events nixed");
        } else {
            self.reply("-ERR no keywords supplied");
        }
    }

    fn no_events(&mut self) {
        if self.wanted.is_empty() {
            return self.reply("-ERR not listening for events");
        }
        self.wanted.clear();
        self.subscription = None;
        self.listen();
        self.reply("+OK no longer listening for events");
    }

    fn own_events(&mut self, rest: &str) {
        if self.session.is_some() {
            return self.reply("-ERR aready enabled.");
        }
        let (uuid, format) = rest.split_once(' ').unwrap_or((rest, ""));
        let format = Format::parse(format.trim());
        let found = self.services.calls.find(uuid);
        if found.is_none() && format.is_some() {
            return self.reply("-ERR invalid uuid");
        }
        self.format = format.unwrap_or(self.format);
        self.own_events = true;
        self.session = Some(found.map_or_else(|| uuid.into(), |(uuid, _)| uuid));
        self.wanted.add_own();
        self.listen();
        self.reply("+OK Events Enabled");
    }

    fn events_of_call(&mut self, rest: &str) {
        if self.own_events {
            return self.reply("-ERR aready enabled.");
        }
        self.format = rest.split_whitespace().find_map(Format::parse).unwrap_or(self.format);
        self.own_events = true;
        self.wanted.add_own();
        self.listen();
        self.reply("+OK Events Enabled");
    }

    /// Everything about the call, as the headers of the reply.
    async fn connect(&mut self) {
        let Some(outbound) = self.outbound else { return };
        let uuid = self.session.clone().unwrap_or_default();
        let Some(Seen { event: channel, .. }) = command::dump(&self.services, &uuid).await else {
            self.leaving = true;
            return;
        };
        let mut reply = Event::bare(EventName::CHANNEL_DATA);
        for (name, value) in channel.headers() {
            if name == "Channel-State" {
                // The caller's profile stands before the channel, under the channel's name.
                for (name, value) in channel.headers().filter(|(name, _)| name.starts_with("Caller-")) {
                    reply.add(&name.replacen("Caller-", "Channel-", 1), value);
                }
            }
            reply.add(name, value);
        }
        reply.add("Content-Type", "command/reply");
        reply.add("Reply-Text", "+OK\n");
        reply.add("Socket-Mode", if outbound.asynchronous { "async" } else { "static" });
        reply.add("Control", if outbound.full { "full" } else { "single-channel" });
        let text = reply.plain();
        self.say(&text);
    }

    fn divert(&mut self, rest: &str) {
        let text = match (self.session.is_some(), rest) {
            (false, _) => "-ERR not controlling a session.",
            (true, "") => "-ERR missing value.",
            (true, value) if crate::words::model::truthy(value) => "+OK events diverted",
            _ => "+OK events not diverted",
        };
        self.reply(text);
    }

    fn filter(&mut self, rest: &str) {
        let (first, more) = rest.split_once(' ').map_or((rest, ""), |(first, more)| (first, more.trim()));
        if first.eq_ignore_ascii_case("delete") {
            let (header, value) = more.split_once(' ').map_or((more, ""), |(header, value)| (header, value.trim()));
            self.wanted.unfilter(header, value);
            return self.reply(&format!("+OK filter deleted. [{header}][{value}]"));
        }
        let (header, value) = if first.eq_ignore_ascii_case("add") {
            more.split_once(' ').map_or((more, ""), |(header, value)| (header, value.trim()))
        } else {
            (first, more)
        };
        if value.is_empty() || header.is_empty() {
            return self.reply("-ERR invalid syntax");
        }
        if self.wanted.filter(header, value) {
            self.reply(&format!("+OK filter added. [{header}]=[{value}]"));
        } else {
            self.reply("-ERR invalid filter");
        }
    }

    async fn variable(&mut self, name: &str) {
        let Some(uuid) = self.session.clone() else { return self.reply(NOT_FOUND) };
        let value = command::run(&self.services, "uuid_getvar", &format!("{uuid} {name}")).await.unwrap_or_default();
        let unset = value.is_empty() || value == "_undef_" || value.starts_with("-ERR");
        self.reply(if unset { NOT_FOUND } else { &value });
    }

    fn follow_log(&mut self, rest: &str) {
        if self.rights.no_log {
            return self.reply(DENIED);
        }
        let level = if rest.is_empty() { Some(7) } else { command::level_of(rest) };
        match level {
            Some(level) => {
                self.log = Some(TAP.follow(level));
                self.reply(&format!("+OK log level {rest} [{level}]"));
            }
            None => self.reply("-ERR invalid log level"),
        }
    }

    fn stay(&mut self, rest: &str) {
        if self.session.is_none() {
            return self.reply("-ERR not controlling a session");
        }
        if let Ok(seconds) = rest.parse::<u64>() {
            self.linger = Some(Linger::For(Duration::from_secs(seconds.min(LONGEST_LINGER))));
            self.reply(&format!("+OK will linger {seconds} seconds"));
        } else {
            self.linger = Some(Linger::UntilClosed);
            self.reply("+OK will linger");
        }
    }

    fn send_event(&mut self, request: &Request, rest: &str) {
        let name = EventName::parse(rest).unwrap_or(EventName::CUSTOM);
        let uuid = (self.services.new_uuid)();
        let subclass = request.header("Event-Subclass");
        if self.services.events.wants(name, subclass) {
            let mut event = Event::bare(name);
            event.add("Command", &format!("sendevent {rest}"));
            for (header, value) in &request.headers {
                event.add(header, value);
            }
            event.add("Event-UUID", &uuid);
            event.merge(&self.services.events.make(name, None));
            if let Some(body) = &request.body {
                event.remove("Content-Length");
                event.set_body(body);
            }
            self.services.events.publish(event);
        }
        self.reply(&format!("+OK {uuid}"));
    }

    async fn message(&mut self, request: &Request, rest: &str) {
        let uuid =
            Some(rest).filter(|rest| !rest.is_empty()).or_else(|| request.header("session-id")).map(str::to_owned);
        let uuid = uuid.or_else(|| self.session.as_ref().map(ToString::to_string)).unwrap_or_default();
        if !self.services.calls.exists(&uuid) {
            return self.reply(&format!("-ERR invalid session id [{uuid}]"));
        }
        let header = |name: &str| request.header(name).unwrap_or_default();
        let order = match header("call-command").to_ascii_lowercase().as_str() {
            "execute" => {
                let body =
                    request.body.as_deref().filter(|_| header("Content-Type").eq_ignore_ascii_case("text/plain"));
                Order::Execute(Execution {
                    application: header("execute-app-name").to_owned(),
                    data: body.unwrap_or_else(|| header("execute-app-arg")).to_owned(),
                    loops: header("loops").parse().unwrap_or(1),
                    uuid: request.header("Event-UUID").map(str::to_owned),
                })
            }
            "hangup" => {
                let cause = header("hangup-cause");
                Order::Hangup(if cause.is_empty() { Cause::NORMAL_CLEARING } else { Cause::parse(cause) })
            }
            "nomedia" => Order::MoveMedia { away: true },
            "xferext" => {
                let split = |text: &str| {
                    let (name, data) = text.split_once(' ').unwrap_or((text, ""));
                    (name.to_owned(), data.to_owned())
                };
                Order::Replace(request.all("application").map(split).collect())
            }
            "" => {
                tracing::error!(uuid, "a message without call-command");
                return self.reply("+OK");
            }
            other => {
                tracing::error!(uuid, command = other, "not available in this version");
                return self.reply(&format!("-ERR {other} is not available in this version"));
            }
        };
        let waits = self.outbound.is_some_and(|outbound| !outbound.asynchronous)
            && self.session.as_deref() == Some(uuid.as_str())
            && !request.header("async").is_some_and(crate::words::model::truthy);
        match order {
            Order::Execute(execution) if waits => drop(command::execute(&self.services, &uuid, execution).await),
            order => drop(command::order(&self.services, &uuid, order).await),
        }
        self.reply("+OK");
    }
}
