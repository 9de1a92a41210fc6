//! The way to telephones behind NAT is kept open: with `nat-options-ping` each registered one that needs it is sent an
//! OPTIONS every half minute, for a router forgets a way by UDP that is not used. The answers do not matter, unless
//! `unregister-on-options-fail` is set: then any but 200 and 486, and none, ends the registration.

use std::sync::Arc;
use std::time::Instant;

use super::messaging::UNAWAITED;
use super::shard::Shard;
use crate::engine::sip::registrar::Binding;
use crate::engine::sip::{Command, Method, Outcome, Request, Transport};

/// Seconds between two requests to one telephone: shorter than routers remember (RFC 4787 asks them for two minutes, many
/// keep to half of one).
const INTERVAL_S: u64 = 28;
/// Requests that may wait for their answers.
const MOST_PINGED: usize = 100_000;

/// Whether a telephone's turn is in this second. Those of one network do not have theirs all at once.
fn is_due(binding: &Binding, second: u64) -> bool {
    let offset = u64::from(binding.received.port());
    binding.nat && binding.transport == Transport::Udp && second.wrapping_add(offset).is_multiple_of(INTERVAL_S)
}

impl Shard {
    /// Asks those whose turn it is; to be called once a second.
    pub(super) fn keep_ways_open(&mut self, now: Instant) {
        self.second = self.second.wrapping_add(1);
        let second = self.second;
        let shared = Arc::clone(&self.shared);
        let profiles = shared.listeners.profiles();
        if !profiles.iter().any(|profile| profile.nat_options_ping) {
            return;
        }
        for binding in shared.registrations.all().iter().filter(|binding| is_due(binding, second)) {
            let at = profiles.iter().position(|profile| profile.is_called(&binding.profile));
            let wanted = at.and_then(|at| profiles.get(at)).is_some_and(|profile| profile.nat_options_ping);
            let Some(at) = at.filter(|_| wanted) else { continue };
            let (ip, port) = (binding.received.ip(), binding.received.port());
            let Some(target) = self.aim(at, binding.transport, ip, port) else { continue };
            let token =
                self.awaits(profiles.get(at).is_some_and(|profile| profile.unregister_on_options_fail), binding);
            let request = Request {
                token,
                method: Method::Options,
                uri: binding.contact.clone(),
                target,
                from: format!("<sip:mod_sofia@{}>", target.local),
                from_tag: None,
                to: None,
                call_id: Some(shared.new_call_id(self.index)),
                cseq: None,
                route: Vec::new(),
                headers: Vec::new(),
                body: None,
            };
            self.give(now, Command::Send(Box::new(request)));
        }
    }

    /// The number of a request whose answer matters, or not.
    fn awaits(&mut self, matters: bool, binding: &Arc<Binding>) -> u64 {
        if !matters || self.pinged.len() >= MOST_PINGED {
            return UNAWAITED;
        }
        self.last_ping = self.last_ping.wrapping_add(1);
        // Below the numbers of NOTIFY requests.
        let token = UNAWAITED | 1 << 61 | u64::from(self.last_ping);
        self.pinged.insert(token, Arc::clone(binding));
        token
    }

    /// The answer of a telephone, or that there was none.
    pub(super) fn phone_answered(&mut self, token: u64, outcome: &Outcome) {
        let Some(binding) = self.pinged.remove(&token) else { return };
        let status = super::events::status_of(outcome);
        if status != 200 && status != 486 && self.shared.registrations.remove(&binding) {
            tracing::info!(user = %binding.user, status, "no longer registered: the telephone does not answer");
            self.tell_of("sofia::unregister", &binding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_once_in_an_interval() {
        let binding = |nat, transport| Binding {
            id: 1,
            user: "u".to_owned(),
            domain: "d".to_owned(),
            profile: "internal".to_owned(),
            contact: "sip:u@10.0.0.1".to_owned(),
            instance: None,
            reg_id: None,
            q: 1000,
            call_id: "c".to_owned(),
            cseq: 1,
            expires: 0,
            until: 0,
            path: Vec::new(),
            received: "192.0.2.1:5071".parse().unwrap(),
            transport,
            nat,
            user_agent: String::new(),
        };
        let turns = |nat, transport| (100..100 + INTERVAL_S).filter(|s| is_due(&binding(nat, transport), *s)).count();
        assert_eq!(turns(true, Transport::Udp), 1);
        assert_eq!((turns(false, Transport::Udp), turns(true, Transport::Tcp)), (0, 0));
    }
}
