//! What a channel remembers of its way, for its record.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Channel, Phase, Times};
use crate::call::cdr::{AppLogEntry, AudioFigures, CallFlow, Detail, FlowTimes};
use crate::engine::dialplan::Action;
use crate::words::model::CallerProfile;

/// Applications that are remembered: the newest.
const MAX_APPLICATIONS: usize = 128;
/// Caller profiles that are remembered beside the present one: the newest.
const MAX_PROFILES: usize = 16;
/// Holds that are remembered: the first.
const MAX_HOLDS: usize = 64;

/// What happened to a channel.
#[derive(Debug, Default)]
pub struct History {
    applications: VecDeque<AppLogEntry>,
    holds: Vec<(u64, u64)>,
    /// Oldest first.
    flows: VecDeque<Flow>,
    present: Found,
}

/// The extension that was found with a caller profile.
#[derive(Debug, Default)]
struct Found {
    extension: Arc<str>,
    actions: Arc<[Action]>,
    begun: usize,
}

/// A caller profile that a transfer has replaced.
#[derive(Debug)]
struct Flow {
    profile: CallerProfile,
    number: u32,
    times: Times,
    found: Found,
}

/// What a channel does not know itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frame<'a> {
    /// The switch.
    pub core_uuid: &'a str,
    /// Its name.
    pub switchname: &'a str,
    /// Another leg of the call dialled this one.
    pub dialled: bool,
    /// Figures of its audio.
    pub stats: AudioFigures,
}

impl History {
    /// An application has ended, microseconds since 1970.
    pub fn ran(&mut self, name: &'static str, data: &str, stamp: u64) {
        if self.applications.len() >= MAX_APPLICATIONS {
            self.applications.pop_front();
        }
        self.applications.push_back(AppLogEntry { name, data: data.to_owned(), stamp });
    }

    /// The application that ran last, and its data.
    pub fn last(&self) -> Option<(&'static str, &str)> {
        self.applications.back().map(|entry| (entry.name, entry.data.as_str()))
    }

    /// A hunt has found an extension.
    pub fn found(&mut self, extension: Arc<str>, actions: Arc<[Action]>) {
        self.present = Found { extension, actions, begun: 0 };
    }

    /// The next action of the extension begins.
    pub fn begin_action(&mut self) {
        self.present.begun = self.present.begun.saturating_add(1);
    }

    /// The far end went away, or came back, microseconds since 1970.
    pub fn hold(&mut self, away: bool, now: u64) {
        if away && self.holds.len() < MAX_HOLDS {
            self.holds.push((now, 0));
        } else if let Some((_, off)) = self.holds.last_mut().filter(|(_, off)| !away && *off == 0) {
            *off = now;
        }
    }

    /// FreeSWITCH's text of the holds (`hold_events`); none: there were none.
    pub fn hold_events(&self) -> Option<String> {
        let holds: Vec<String> = self.holds.iter().map(|(on, off)| format!("{{{on},{off}}}")).collect();
        (!holds.is_empty()).then(|| format!("{{{}}}", holds.join(",")))
    }

    /// A transfer has replaced the caller profile.
    pub fn transferred(&mut self, profile: CallerProfile, number: u32, times: Times) {
        if self.flows.len() >= MAX_PROFILES {
            self.flows.pop_front();
        }
        self.flows.push_back(Flow { profile, number, times, found: std::mem::take(&mut self.present) });
    }
}

fn flow(profile: &CallerProfile, index: u32, times: Times, found: &Found) -> CallFlow {
    let pair = |action: &Action| (action.application.to_string(), action.data.text().to_owned());
    CallFlow {
        index,
        profile: profile.clone(),
        extension: found.extension.to_string(),
        applications: found.actions.iter().map(pair).collect(),
        executed: found.begun,
        times: FlowTimes {
            created: times.created,
            profile_created: times.transferred.max(times.created),
            progress: times.progress,
            progress_media: times.progress_media,
            answered: times.answered,
            bridged: times.bridged,
            last_hold: times.last_hold,
            hold_accum: times.hold_accum,
            hangup: times.hungup,
            transfer: times.transferred,
        },
    }
}

impl Channel {
    /// Everything about it.
    pub fn detail(&self, frame: Frame<'_>) -> Detail {
        let over = self.phase == Phase::Hangup;
        let mut flows = vec![flow(&self.profile, self.profile_number, self.times, &self.history.present)];
        let past = self.history.flows.iter().rev();
        flows.extend(past.map(|past| flow(&past.profile, past.number, past.times, &past.found)));
        let partner = |dialled: bool| self.other.clone().filter(|_| frame.dialled == dialled);
        Detail {
            core_uuid: frame.core_uuid.to_owned(),
            switchname: frame.switchname.to_owned(),
            state: if over { "CS_REPORTING" } else { self.phase.name() },
            state_number: if over { "11" } else { self.phase.number() },
            direction: self.direction,
            answered: self.answered,
            early: self.early,
            cause: self.cause.map_or("", |cause| cause.name()),
            stats: frame.stats,
            variables: self.variables.clone(),
            app_log: self.history.applications.iter().cloned().collect(),
            holds: self.history.holds.clone(),
            flows,
            originator: partner(true),
            originatee: partner(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::model::{Cause, Variables};

    #[test]
    fn the_newest_applications_are_kept() {
        let mut history = History::default();
        for n in 0..200_u64 {
            history.ran("set", &n.to_string(), n);
        }
        assert_eq!((history.applications.len(), history.last()), (MAX_APPLICATIONS, Some(("set", "199"))));
    }

    #[test]
    fn holds_begin_and_end() {
        let mut history = History::default();
        assert_eq!(history.hold_events(), None);
        for (away, at) in [(false, 1), (true, 2), (false, 3), (false, 4), (true, 5)] {
            history.hold(away, at);
        }
        assert_eq!(history.hold_events().as_deref(), Some("{{2,3},{5,0}}"));
    }

    #[test]
    fn a_transfer_begins_a_flow() {
        let profile =
            |number: &str| CallerProfile { destination_number: number.to_owned(), ..CallerProfile::default() };
        let mut channel = Channel::new(profile("1"), Variables::new(), "inbound", 7);
        channel.history.found("first".into(), Arc::from([]));
        let old = std::mem::replace(&mut channel.profile, profile("2"));
        channel.history.transferred(old, 1, channel.times);
        channel.profile_number = 2;
        channel.other = Some(Box::new(profile("3")));
        channel.hangup(Cause::NORMAL_CLEARING, 9);
        let detail = channel.detail(Frame::default());
        let flows: Vec<_> = detail
            .flows
            .iter()
            .map(|flow| (flow.index, flow.profile.destination_number.as_str(), flow.extension.as_str()))
            .collect();
        assert_eq!(flows, [(2, "2", ""), (1, "1", "first")]);
        assert_eq!((detail.state, detail.flows[0].times.hangup), ("CS_REPORTING", 9));
        assert!(detail.originator.is_none() && detail.originatee.is_some());
        assert!(channel.detail(Frame { dialled: true, ..Frame::default() }).originator.is_some());
    }
}
