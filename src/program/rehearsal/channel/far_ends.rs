//! What a rehearsed channel executes, and what the far ends that it dials do.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Channel, Leg, OWN_UUID, cause_of, send};
use crate::call::app;
use crate::call::control::Request;
use crate::call::failure::{Decision, decide};
use crate::program::rehearsal::FarEnd;
use crate::program::rehearsal::parties::ENDPOINTS;
use crate::words::model::{Cause, phrase, truthy};

/// How long a far end takes to answer or refuse, and how long an answered call lasts, ms.
const RING_MS: u64 = 1_000;
const TALK_MS: u64 = 5_000;
/// How long a far end that nobody answers rings unless a variable says so, s.
const NO_ANSWER_S: u64 = 60;
/// Legs of one script.
const MOST_LEGS: usize = 1_000;

impl Channel {
    pub(super) fn transfer_to(&mut self, extension: &str, dialplan: Option<&str>, context: Option<&str>) {
        if !self.up() {
            return;
        }
        let default = |name: &str, given: Option<&str>| given.map(str::to_owned).or_else(|| self.get(name));
        let dialplan = default("dialplan", dialplan).unwrap_or_default();
        let context = default("context", context).unwrap_or_default();
        self.transfer = Some(format!("{extension} {dialplan} {context}"));
    }

    pub(super) fn execute(&mut self, name: &str, data: &str) {
        let data = self.expanded(data);
        let lower = name.to_ascii_lowercase();
        self.set("current_application", &lower);
        let pair = data
            .split_once('=')
            .map(|(name, value)| (name.trim_start_matches("nolocal:").to_owned(), value.to_owned()));
        match lower.as_str() {
            "set" | "export" | "bridge_export" => {
                if let Some((name, value)) = pair {
                    self.set(&name, &value);
                }
            }
            "unset" => drop(self.variables.remove(&data)),
            _ if app::find(name).is_none() => {
                self.clock.note(format!("there is no application {name}"));
                self.hangup(Cause::DESTINATION_OUT_OF_ORDER);
            }
            _ if !self.up() => {}
            "answer" => self.answered = true,
            "pre_answer" | "preanswer" => self.early = true,
            "hangup" => self.hangup(if data.is_empty() { Cause::NORMAL_CLEARING } else { cause_of(&data) }),
            "respond" => {
                let code: u16 = data.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(488);
                if (400..=699).contains(&code) {
                    self.hangup(Cause::from_sip_status(code));
                }
            }
            "transfer" => {
                let mut words = data.split(' ');
                let extension = words.next().unwrap_or_default();
                self.transfer_to(extension, words.next(), words.next());
            }
            "sleep" => drop(self.wait(data.trim().parse().unwrap_or(0), false)),
            "playback" | "endless_playback" => {
                let length = self.prompt_length(&data);
                self.set(
                    "current_application_response",
                    if length.is_some() { "FILE PLAYED" } else { "FILE NOT FOUND" },
                );
                self.wait(length.unwrap_or(0), false);
            }
            "bridge" => self.bridge(&data),
            _ => self.clock.note(format!("{name} is only noted")),
        }
    }

    /// A command about the script's own channel; others come back.
    pub(in crate::program::rehearsal) fn own_command(
        &mut self,
        command: String,
        args: String,
        reply: oneshot::Sender<Option<String>>,
    ) -> Option<Request> {
        let mut words = args.splitn(3, ' ');
        let (uuid, name, value) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if uuid != Some(OWN_UUID) {
            return Some(Request::Api { command, args, reply });
        }
        let output = match command.to_ascii_lowercase().as_str() {
            "uuid_exists" => "true".to_owned(),
            "uuid_getvar" => self.get(name).unwrap_or_else(|| "_undef_".to_owned()),
            "uuid_setvar" => {
                self.set(name, value);
                "+OK\n".to_owned()
            }
            "uuid_kill" => {
                self.hangup(if name.is_empty() { Cause::NORMAL_CLEARING } else { cause_of(name) });
                "+OK\n".to_owned()
            }
            _ => return Some(Request::Api { command, args, reply }),
        };
        send(reply, Some(output));
        None
    }

    /// What the next far end does.
    fn far_end(&mut self, dial_string: &str) -> FarEnd {
        let plain = dial_string.rsplit(['}', ']', '>']).next().unwrap_or_default();
        let (endpoint, rest) = plain.split_once('/').unwrap_or((plain, ""));
        if endpoint.eq_ignore_ascii_case("error") {
            return FarEnd::Cause(cause_of(rest));
        }
        if !ENDPOINTS.iter().any(|known| known.eq_ignore_ascii_case(endpoint.trim())) {
            return FarEnd::Cause(Cause::CHAN_NOT_IMPLEMENTED);
        }
        match self.far_ends.len() {
            0 => FarEnd::Answers,
            1 => self.far_ends.front().copied().unwrap_or(FarEnd::Answers),
            _ => self.far_ends.pop_front().unwrap_or(FarEnd::Answers),
        }
    }

    /// Dials: time passes, variables tell. None: it answers.
    fn ring(&mut self, dial_string: &str, tells: bool) -> Option<Cause> {
        let far_end = self.far_end(dial_string);
        let (cause, status) = match far_end {
            FarEnd::Answers => (None, 200),
            FarEnd::Status(status) => (Some(Cause::from_sip_status(status)), status),
            FarEnd::Cause(cause) => (Some(cause), 0),
        };
        let ms = if cause == Some(Cause::NO_ANSWER) && status == 0 && !dial_string.contains("error/") {
            let seconds = self.get("call_timeout").and_then(|text| text.parse::<u64>().ok()).unwrap_or(NO_ANSWER_S);
            seconds.saturating_mul(1000)
        } else {
            RING_MS
        };
        self.wait(ms, false);
        let shown = cause.map_or("answers".to_owned(), |cause| match status {
            0 => format!("fails: {}", cause.name()),
            status => format!("refuses: {status} {}, {}", phrase(status), cause.name()),
        });
        self.clock.note(format!("the far end {shown}"));
        if tells {
            let name = cause.map_or("SUCCESS", Cause::name);
            self.set("originate_disposition", name);
            self.set("DIALSTATUS", cause.map_or("SUCCESS", Cause::dial_status));
            if let Some(cause) = cause {
                self.set("originate_failed_cause", cause.name());
                if status != 0 {
                    self.set("last_bridge_hangup_cause", cause.name());
                    self.set("last_bridge_proto_specific_hangup_cause", &format!("sip:{status}"));
                    self.set("sip_invite_failure_status", &status.to_string());
                    self.set("sip_invite_failure_phrase", phrase(status));
                }
            }
        }
        cause
    }

    fn bridge(&mut self, dial_string: &str) {
        let Some(cause) = self.ring(dial_string, true) else {
            self.answered |= self.up();
            self.talk();
            if self.get("hangup_after_bridge").is_some_and(|value| truthy(&value)) {
                self.hangup(Cause::NORMAL_CLEARING);
            }
            return;
        };
        if !self.up() {
            return;
        }
        let globals = self.services.globals.all();
        match decide(cause, |name| self.variables.get(name).or_else(|| globals.get(name))) {
            Decision::Continue => {}
            Decision::Hangup(cause) => self.hangup(cause),
            Decision::Transfer { extension, dialplan, context } => {
                self.transfer_to(&extension, dialplan.as_deref(), context.as_deref());
            }
        }
    }

    /// A bridged call that the far end ends.
    fn talk(&mut self) {
        self.wait(TALK_MS, false);
        self.set("bridge_hangup_cause", "NORMAL_CLEARING");
        self.set("last_bridge_hangup_cause", "NORMAL_CLEARING");
        self.clock.note("the bridge is over".to_owned());
    }

    pub(super) fn dial(&mut self, dial_string: &str, inherits: bool) -> Result<Arc<str>, Cause> {
        if self.legs.len() >= MOST_LEGS {
            return Err(Cause::NORMAL_CIRCUIT_CONGESTION);
        }
        if let Some(cause) = self.ring(dial_string, inherits) {
            return Err(cause);
        }
        let uuid: Arc<str> = format!("00000000-0000-4000-8000-{:012x}", self.legs.len() + 1).into();
        self.legs.insert(Arc::clone(&uuid), Leg::default());
        Ok(uuid)
    }

    pub(super) fn bridge_with(&mut self, leg: &Arc<str>) -> bool {
        if !self.up() || self.legs.get(leg).is_none_or(|leg| leg.cause.is_some()) {
            return false;
        }
        self.answered = true;
        self.talk();
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.cause = Some(Cause::NORMAL_CLEARING);
        }
        true
    }
}
