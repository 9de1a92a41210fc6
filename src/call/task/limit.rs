//! `limit`: takes a place of a resource for as long as the channel lives.

use super::Call;
use crate::call::channel::Channel;
use crate::call::event::EventName;
use crate::call::limits::{Rule, key};
use crate::call::services::Services;
use crate::words::expand::split;
use crate::words::model::Cause;

/// Resources one channel may hold.
const MOST_HELD: usize = 64;
/// Where a call goes that finds no place.
const EXCEEDED: &str = "limit_exceeded";

impl Call {
    /// `<backend> <realm> <id> [<max>[/<interval_s>] [<exten>|!<cause> [<dialplan> [<context>]]]]`.
    pub fn limit(&mut self, data: &str) {
        let words = split(data, ' ', 7);
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        if word(2).is_empty() {
            tracing::error!(data, "limit: backend, realm and id are needed");
            return;
        }
        let (realm, id) = (word(1).to_owned(), word(2).to_owned());
        self.a.variables.set("limit_backend", word(0));
        if self.take_place(&realm, &id, Rule::parse(word(3))) {
            return;
        }
        let target = if word(4).is_empty() { EXCEEDED } else { word(4) };
        if let Some(cause) = target.strip_prefix('!') {
            self.hangup(Cause::parse(cause));
            return;
        }
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (dialplan, context) = (some(word(5)), some(word(6)));
        let target = target.to_owned();
        self.transfer(&target, dialplan.as_deref(), context.as_deref());
    }

    /// Takes a place of a resource. False: there is none.
    pub(super) fn take_place(&mut self, realm: &str, id: &str, rule: Rule) -> bool {
        let name = key(realm, id);
        let held = self.a.limits.contains(&name);
        if !held && self.a.limits.len() >= MOST_HELD {
            tracing::error!("the channel holds too many resources");
            return false;
        }
        let now_s = self.now_us() / 1_000_000;
        let outcome = self.services.limits.take(&name, held, rule, now_s);
        let usage = outcome.unwrap_or_else(|usage| usage);
        let (count, rate) = (usage.usage.to_string(), usage.rate.to_string());
        let more = [("limit_usage", &count), ("limit_rate", &rate)];
        for (kind, value) in more {
            self.a.variables.set(kind, value);
            self.a.variables.set(&format!("{kind}_{realm}_{id}"), value);
        }
        if self.services.events.wants(EventName::CUSTOM, Some("limit::usage")) {
            let max = rule.max.map(|max| max.to_string()).unwrap_or_default();
            let mut event = self.services.events.make(EventName::CUSTOM, Some("limit::usage"));
            for (name, value) in
                [("realm", realm), ("key", id), ("usage", &count), ("rate", &rate), ("max", &max), ("ratemax", &max)]
            {
                event.add(name, value);
            }
            self.services.events.publish(event);
        }
        if outcome.is_ok() && !held {
            self.a.limits.push(name);
        }
        outcome.is_ok()
    }
}

/// Gives places of a channel back: of one resource, or all.
pub(super) fn release_places(services: &Services, channel: &mut Channel, name: Option<&str>) {
    channel.limits.retain(|held| {
        let keeps = name.is_some_and(|name| name != held);
        if !keeps {
            services.limits.release(held);
        }
        keeps
    });
}
