//! A channel as the headers of an event (spec: event socket, channel block, profile block, variables).
//!
//! A call fires dozens of events that differ in a few headers. What an event wrote of the profiles and the variables is
//! kept, compared with what they are now, and shared by the next event as far as it still holds.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Channel, Phase, Times};
use crate::call::event::{Block, Event, EventName};
use crate::words::model::{CallerProfile, Variables};

/// Variables that may be written anew for each event before all are written into one block to share.
const MOST_LOOSE: usize = 12;
const VARIABLE: &str = "variable_";

/// What events of a channel wrote. Only its task looks here; the lock is never waited for.
#[derive(Debug, Default)]
pub struct Written(Mutex<Blocks>);

#[derive(Debug, Default)]
struct Blocks {
    own: Option<Profile>,
    times: Option<(Moments, Arc<Block>)>,
    other: Option<Profile>,
    variables: Arc<Block>,
}

/// A profile as it was written.
#[derive(Debug)]
struct Profile {
    of: CallerProfile,
    direction: &'static str,
    block: Arc<Block>,
}

impl Profile {
    /// The block of a profile: the one that is known when nothing has changed.
    fn block<'a>(
        known: &'a mut Option<Self>,
        profile: &CallerProfile,
        direction: &'static str,
        write: impl FnOnce() -> Block,
    ) -> &'a Arc<Block> {
        if known.as_ref().is_some_and(|known| known.direction != direction || known.of != *profile) {
            *known = None;
        }
        let make = || Self { of: profile.clone(), direction, block: Arc::new(write()) };
        &known.get_or_insert_with(make).block
    }
}

/// What follows the texts of the channel's own profile: number of the profile, times, screen bit, privacy.
type Moments = (u32, Times, [bool; 3]);

/// How an event shows its channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    /// With the variables.
    pub variables: bool,
    /// A state that it only passes.
    pub state: Option<&'a str>,
    /// The number of that state.
    pub number: Option<&'a str>,
}

impl Channel {
    /// Everything about the channel, as an event of nothing else.
    pub fn as_event(&self, variables: bool) -> Event {
        let mut event = Event::bare(EventName::CHANNEL_DATA);
        self.write_into(&mut event, Shown { variables, ..Shown::default() });
        event
    }

    /// Adds the channel block, the profiles, every variable as `variable_<name>`. Empty values are left out.
    pub fn write_into(&self, event: &mut Event, shown: Shown) {
        self.write_state(event, shown);
        let mut written = self.written.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Blocks { own, times, other, variables } = &mut *written;
        let texts = || {
            let mut block = Block::with_capacity(24);
            profile_texts(&mut block, "Caller-", &self.profile, self.direction);
            block
        };
        let block = Profile::block(own, &self.profile, self.direction, texts);
        event.share(block, block.len());
        let block = self.moments(times);
        event.share(block, block.len());
        if let Some(profile) = &self.other {
            let outbound = self.direction == "inbound";
            let block = Profile::block(other, profile, self.direction, || {
                let mut block = Block::with_capacity(28);
                block.push("Other-Type", if outbound { "originatee" } else { "originator" });
                profile_texts(&mut block, "Other-Leg-", profile, if outbound { "outbound" } else { "inbound" });
                bits(&mut block, "Other-Leg-", bits_of(profile));
                block
            });
            event.share(block, block.len());
        }
        if shown.variables {
            write_variables(event, variables, &self.variables);
        }
    }

    /// The channel block.
    fn write_state(&self, event: &mut Event, shown: Shown) {
        for (name, value) in [
            ("Channel-State", shown.state.unwrap_or(self.phase.name())),
            ("Channel-Call-State", self.call_state()),
            ("Channel-State-Number", shown.number.unwrap_or(self.phase.number())),
            ("Channel-Name", &self.profile.chan_name),
            ("Unique-ID", &self.uuid),
            ("Call-Direction", self.direction),
            ("Presence-Call-Direction", self.direction),
            ("Channel-HIT-Dialplan", if self.direction == "inbound" { "true" } else { "false" }),
            ("Channel-Presence-ID", self.get("presence_id").unwrap_or_default()),
            ("Channel-Presence-Data", self.get("presence_data").unwrap_or_default()),
            ("Channel-Call-UUID", self.get("call_uuid").unwrap_or_default()),
            ("Answer-State", self.answer_state()),
            ("Hangup-Cause", self.cause.map_or("", |cause| cause.name())),
        ] {
            if !value.is_empty() {
                event.add(name, value);
            }
        }
        if !self.codec.is_empty() {
            for way in ["Channel-Read-Codec-", "Channel-Write-Codec-"] {
                event.add_joined(way, "Name", self.codec);
                event.add_joined(way, "Rate", "8000");
                event.add_joined(way, "Bit-Rate", "64000");
            }
        }
    }

    fn moments<'a>(&self, known: &'a mut Option<(Moments, Arc<Block>)>) -> &'a Arc<Block> {
        let now = (self.profile_number, self.times, bits_of(&self.profile));
        if known.as_ref().is_some_and(|(known, _)| *known != now) {
            *known = None;
        }
        let write = || {
            let mut block = Block::with_capacity(16);
            block.push_number("Caller-", "Profile-Index", self.profile_number);
            for (name, at) in [
                ("Profile-Created-Time", self.times.transferred.max(self.times.created)),
                ("Channel-Created-Time", self.times.created),
                ("Channel-Answered-Time", self.times.answered),
                ("Channel-Progress-Time", self.times.progress),
                ("Channel-Progress-Media-Time", self.times.progress_media),
                ("Channel-Hangup-Time", self.times.hungup),
                ("Channel-Transfer-Time", self.times.transferred),
                // No call survives the end of its switch.
                ("Channel-Resurrect-Time", 0),
                ("Channel-Bridged-Time", self.times.bridged),
                ("Channel-Last-Hold", self.times.last_hold),
                ("Channel-Hold-Accum", self.times.hold_accum),
            ] {
                block.push_number("Caller-", name, at);
            }
            bits(&mut block, "Caller-", bits_of(&self.profile));
            (now, Arc::new(block))
        };
        &known.get_or_insert_with(write).1
    }

    /// `DOWN`, `RINGING`, `EARLY`, `ACTIVE` or `HANGUP`.
    pub fn call_state(&self) -> &'static str {
        match self.phase {
            Phase::Hangup => "HANGUP",
            _ if self.answered => "ACTIVE",
            _ if self.early => "EARLY",
            _ if self.rung || self.direction == "inbound" => "RINGING",
            _ => "DOWN",
        }
    }

    fn answer_state(&self) -> &'static str {
        match self.phase {
            Phase::Hangup => "hangup",
            _ if self.answered => "answered",
            _ if self.early => "early",
            _ => "ringing",
        }
    }
}

fn profile_texts(block: &mut Block, prefix: &str, profile: &CallerProfile, direction: &str) {
    for (name, value) in [
        ("Direction", direction),
        ("Logical-Direction", direction),
        ("Username", &profile.username),
        ("Dialplan", &profile.dialplan),
        ("Caller-ID-Name", &profile.caller_id_name),
        ("Caller-ID-Number", &profile.caller_id_number),
        ("Orig-Caller-ID-Name", &profile.orig_caller_id_name),
        ("Orig-Caller-ID-Number", &profile.orig_caller_id_number),
        ("Callee-ID-Name", &profile.callee_id_name),
        ("Callee-ID-Number", &profile.callee_id_number),
        ("Network-Addr", &profile.network_addr),
        ("ANI", &profile.ani),
        ("ANI-II", &profile.aniii),
        ("Destination-Number", &profile.destination_number),
        ("Unique-ID", &profile.uuid),
        ("Source", &profile.source),
        ("Transfer-Source", &profile.transfer_source),
        ("Context", &profile.context),
        ("RDNIS", &profile.rdnis),
        ("Channel-Name", &profile.chan_name),
    ] {
        if !value.is_empty() {
            block.push_joined(prefix, name, value);
        }
    }
}

fn bits_of(profile: &CallerProfile) -> [bool; 3] {
    [profile.screen, profile.hide_name, profile.hide_number]
}

fn bits(block: &mut Block, prefix: &str, bits: [bool; 3]) {
    for (name, value) in ["Screen-Bit", "Privacy-Hide-Name", "Privacy-Hide-Number"].into_iter().zip(bits) {
        block.push_joined(prefix, name, if value { "true" } else { "false" });
    }
}

/// Adds every variable. A variable that is set moves to the end, so those that rest are the first: of these the block that
/// is known still holds.
fn write_variables(event: &mut Event, known: &mut Arc<Block>, variables: &Variables) {
    let is_same = |((written, old), (name, new)): &((&str, &str), (&str, &str))| {
        old == new && written.strip_prefix(VARIABLE) == Some(*name)
    };
    let mut same = known.iter().zip(variables.iter()).take_while(is_same).count();
    if variables.len().saturating_sub(same) > MOST_LOOSE {
        let mut block = known.beginning(same);
        for (name, value) in variables.iter().skip(same) {
            block.push_joined(VARIABLE, name, value);
        }
        *known = Arc::new(block);
        same = known.len();
    }
    event.share(known, same);
    for (name, value) in variables.iter().skip(same) {
        event.add_joined(VARIABLE, name, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::model::Cause;

    #[test]
    fn a_channel_as_headers() {
        let profile = CallerProfile { uuid: "u".into(), destination_number: "1000".into(), ..CallerProfile::default() };
        let mut channel = Channel::new(profile, Variables::new(), "inbound", 7);
        channel.variables.set("x", "1");
        channel.other = Some(Box::new(CallerProfile { uuid: "o".into(), ..CallerProfile::default() }));
        channel.hangup(Cause::USER_BUSY, 9);
        let event = channel.as_event(true);
        for (name, value) in [
            ("Channel-State", Some("CS_HANGUP")),
            ("Answer-State", Some("hangup")),
            ("Hangup-Cause", Some("USER_BUSY")),
            ("Unique-ID", Some("u")),
            ("Caller-Destination-Number", Some("1000")),
            ("Caller-Channel-Created-Time", Some("7")),
            ("Caller-Context", None),
            ("Other-Type", Some("originatee")),
            ("Other-Leg-Unique-ID", Some("o")),
            ("variable_x", Some("1")),
        ] {
            assert_eq!(event.get(name), value, "{name}");
        }
    }

    /// What happens to a channel between two of its events.
    #[derive(Debug, Clone)]
    enum Change {
        Set(u8, u8),
        Remove(u8),
        RemoveMany(u8),
        Profile(u8),
        Answer(u64),
        Other(u8),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            6 => (0u8..30, 0u8..4).prop_map(|(name, value)| Change::Set(name, value)),
            2 => (0u8..30).prop_map(Change::Remove),
            1 => (0u8..3).prop_map(Change::RemoveMany),
            1 => (0u8..3).prop_map(Change::Profile),
            1 => (0u64..3).prop_map(Change::Answer),
            1 => (0u8..3).prop_map(Change::Other),
        ]
    }

    proptest! {
        /// An event that shares what it can is the event of a channel that never wrote one.
        #[test]
        fn what_is_shared_still_holds(changes in proptest::collection::vec(change(), 0..80)) {
            let profile = CallerProfile { uuid: "u".into(), ..CallerProfile::default() };
            let mut channel = Channel::new(profile, Variables::new(), "inbound", 7);
            for change in changes {
                match change {
                    Change::Set(name, value) => channel.variables.set(&format!("v{name}"), &"x y".repeat(value.into())),
                    Change::Remove(name) => drop(channel.variables.remove(&format!("v{name}"))),
                    Change::RemoveMany(digit) => channel.variables.remove_prefix(&format!("v{digit}")),
                    Change::Profile(number) => channel.profile.destination_number = number.to_string(),
                    Change::Answer(at) => channel.times.answered = at,
                    Change::Other(number) => {
                        let other = CallerProfile { uuid: format!("o{number}"), ..CallerProfile::default() };
                        channel.other = (number > 0).then(|| Box::new(other));
                    }
                }
                let event = channel.as_event(true);
                let kept = std::mem::take(&mut channel.written);
                let fresh = channel.as_event(true);
                channel.written = kept;
                prop_assert_eq!(&event, &fresh);
                prop_assert_eq!(event.plain(), fresh.plain());
            }
        }
    }
}
