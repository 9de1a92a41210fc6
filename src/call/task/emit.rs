//! Events of the call's channels (spec: event socket, 6; calls, 6). Nothing is built that nobody listens to.

use crate::call::channel::{Channel, Shown};
use crate::call::event::{Event, EventName};
use crate::call::leg::LegId;
use crate::call::services::Services;

use super::Call;

/// Events that carry the channel without its variables.
const BRIEF: &[EventName] =
    &[EventName::CHANNEL_STATE, EventName::CHANNEL_CALLSTATE, EventName::CHANNEL_OUTGOING, EventName::CODEC];
/// Events whose own headers stand before those of the channel.
const LEADING: &[EventName] = &[EventName::CHANNEL_BRIDGE, EventName::CHANNEL_UNBRIDGE, EventName::CHANNEL_CALLSTATE];

/// Fires an event about a channel.
pub(super) fn fire(services: &Services, name: EventName, channel: &Channel, more: &[(&str, &str)]) {
    if services.events.wants(name, None) {
        services.events.publish(about(services, name, channel, more));
    }
}

/// An event about a channel.
pub(super) fn about(services: &Services, name: EventName, channel: &Channel, more: &[(&str, &str)]) -> Event {
    let mut event = services.events.make(name, None);
    let more = more.iter().filter(|(_, value)| !value.is_empty());
    if LEADING.contains(&name) {
        for (name, value) in more.clone() {
            event.add(name, value);
        }
    }
    let state = match name {
        EventName::CHANNEL_CREATE | EventName::CHANNEL_OUTGOING | EventName::CHANNEL_ORIGINATE => Some("CS_INIT"),
        EventName::CHANNEL_HANGUP_COMPLETE => Some("CS_REPORTING"),
        EventName::CHANNEL_DESTROY => Some("CS_DESTROY"),
        _ => None,
    };
    // FreeSWITCH's number is that of the state it is about to enter.
    let number = state.filter(|state| *state == "CS_INIT").map(|_| "2");
    channel.write_into(&mut event, Shown { variables: !BRIEF.contains(&name), state, number });
    if !LEADING.contains(&name) {
        for (name, value) in more {
            event.add(name, value);
        }
    }
    event
}

/// A state that passes: the channel is in it only for the event.
fn fire_state(services: &Services, channel: &Channel, state: &str, number: &str) {
    if services.events.wants(EventName::CHANNEL_STATE, None) {
        let mut event = services.events.make(EventName::CHANNEL_STATE, None);
        channel.write_into(&mut event, Shown { variables: false, state: Some(state), number: Some(number) });
        services.events.publish(event);
    }
}

/// Fires the change of a channel's call state, if there is one.
fn fire_call_state(services: &Services, channel: &mut Channel) {
    let (old, new) = (channel.told_state, channel.call_state());
    if old == new {
        return;
    }
    channel.told_state = new;
    let number = match new {
        "DOWN" => "0",
        "DIALING" => "1",
        "RINGING" => "2",
        "EARLY" => "3",
        "ACTIVE" => "4",
        "HELD" => "5",
        _ => "6",
    };
    let more = [("Original-Channel-Call-State", old), ("Channel-Call-State-Number", number)];
    fire(services, EventName::CHANNEL_CALLSTATE, channel, &more);
}

impl Call {
    /// An event about the channel in front.
    pub(super) fn fire(&mut self, name: EventName, more: &[(&str, &str)]) {
        if self.services.events.is_quiet() {
            return;
        }
        // Who hears the event and looks at a table sees there what the event told.
        self.publish();
        fire_call_state(&self.services, &mut self.a);
        fire(&self.services, name, &self.a, more);
    }

    /// An event about a called leg.
    pub(super) fn fire_of(&mut self, id: LegId, name: EventName, more: &[(&str, &str)]) {
        if self.services.events.is_quiet() {
            return;
        }
        self.publish();
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return };
        fire_call_state(&self.services, &mut callee.channel);
        fire(&self.services, name, &callee.channel, more);
    }

    /// A state that the channel in front passes: `CS_…` and its number.
    pub(super) fn fire_state(&mut self, state: &str, number: &str) {
        if !self.services.events.is_quiet() {
            fire_state(&self.services, &self.a, state, number);
        }
    }

    /// A digit that the running application takes; `echo` and `sleep` leave it where it is, as in FreeSWITCH.
    pub(super) fn fire_digit(&mut self, id: Option<LegId>, digit: char, duration: u32) {
        if self.services.events.is_quiet() {
            return;
        }
        let (digit, duration) = (digit.to_string(), duration.to_string());
        let more = [("DTMF-Digit", digit.as_str()), ("DTMF-Duration", &duration), ("DTMF-Source", "RTP")];
        match id {
            Some(id) => self.fire_of(id, EventName::DTMF, &more),
            None if ["echo", "sleep"].contains(&self.a.get("current_application").unwrap_or_default()) => {}
            None => self.fire(EventName::DTMF, &more),
        }
    }

    /// The end of a bridge: both legs' names.
    pub(super) fn fire_bridge(&mut self, name: EventName, id: LegId) {
        // A leg that has left for a call of its own is still known by name.
        let other = self.callee(id).map(|callee| callee.channel.uuid.to_string());
        let other = other.or_else(|| self.a.get("bridge_uuid").map(str::to_owned)).unwrap_or_default();
        let own = self.a.uuid.to_string();
        self.fire(name, &[("Bridge-A-Unique-ID", &own), ("Bridge-B-Unique-ID", &other)]);
    }

    /// The last events of a channel that is over.
    pub(super) fn fire_end(services: &Services, channel: &Channel) {
        if services.events.is_quiet() {
            return;
        }
        let cause = channel.cause.map_or("", |cause| cause.name());
        fire_state(services, channel, "CS_REPORTING", "11");
        fire(services, EventName::CHANNEL_HANGUP_COMPLETE, channel, &[("Hangup-Cause", cause)]);
        fire_state(services, channel, "CS_DESTROY", "12");
        fire(services, EventName::CHANNEL_DESTROY, channel, &[("Hangup-Cause", cause)]);
    }
}
