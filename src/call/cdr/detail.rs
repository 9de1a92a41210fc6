//! Everything about a leg: what the XML and JSON records hold, and what templates read.

use std::borrow::Cow;

use crate::words::model::{CallerProfile, Variables, falsy, truthy};

/// A leg in full. Times are microseconds since 1970; 0: it never happened.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    /// The switch that wrote it.
    pub core_uuid: String,
    /// Its name.
    pub switchname: String,
    /// `CS_REPORTING` at the end of a leg.
    pub state: &'static str,
    /// FreeSWITCH's number of the state.
    pub state_number: &'static str,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// Answered.
    pub answered: bool,
    /// Early media flowed.
    pub early: bool,
    /// Name of the cause; empty while the leg lives.
    pub cause: &'static str,
    /// Figures of its audio.
    pub stats: AudioFigures,
    /// Channel variables.
    pub variables: Variables,
    /// Applications that ran, oldest first.
    pub app_log: Vec<AppLogEntry>,
    /// Holds: from, to (0: it lasts).
    pub holds: Vec<(u64, u64)>,
    /// Its caller profiles, newest first; never empty for a leg that exists.
    pub flows: Vec<CallFlow>,
    /// The leg that dialled it.
    pub originator: Option<Box<CallerProfile>>,
    /// The leg it dialled last.
    pub originatee: Option<Box<CallerProfile>>,
}

/// What RTP counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AudioFigures {
    /// Packets received.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets lost on the way to us.
    pub lost: u64,
    /// Interarrival jitter, microseconds.
    pub jitter_us: u64,
}

/// An application that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppLogEntry {
    /// Its name.
    pub name: &'static str,
    /// What it was given, expanded.
    pub data: String,
    /// When it had ended, microseconds since 1970.
    pub stamp: u64,
}

/// One caller profile of a leg: the first, and one more for each transfer.
#[derive(Debug, Clone, Default)]
pub struct CallFlow {
    /// Its number, from 1 on.
    pub index: u32,
    /// Who called whom.
    pub profile: CallerProfile,
    /// Extension that was found; empty: none.
    pub extension: String,
    /// Its applications and their data as written, in order.
    pub applications: Vec<(String, String)>,
    /// How many of them have begun.
    pub executed: usize,
    /// When things happened.
    pub times: FlowTimes,
}

/// Times of one caller profile, microseconds since 1970 (`hold_accum`: microseconds in sum); 0: it never happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are FreeSWITCH's and say what they are")]
pub struct FlowTimes {
    pub created: u64,
    pub profile_created: u64,
    pub progress: u64,
    pub progress_media: u64,
    pub answered: u64,
    pub bridged: u64,
    pub last_hold: u64,
    pub hold_accum: u64,
    pub hangup: u64,
    pub transfer: u64,
}

impl FlowTimes {
    /// Names of the record's elements, in order, and their values.
    pub(super) fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("created_time", self.created),
            ("profile_created_time", self.profile_created),
            ("progress_time", self.progress),
            ("progress_media_time", self.progress_media),
            ("answered_time", self.answered),
            ("bridged_time", self.bridged),
            ("last_hold_time", self.last_hold),
            ("hold_accum_time", self.hold_accum),
            ("hangup_time", self.hangup),
            // No call survives the end of its switch.
            ("resurrect_time", 0),
            ("transfer_time", self.transfer),
        ]
    }
}

impl Detail {
    /// A variable as `${name}` of a template reads it, without globals: channel variables, then the caller profile, then
    /// that of the other leg (`aleg_`, `bleg_`).
    pub fn read(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        let variable = match index {
            Some(index) => self.variables.item(name, index),
            None => self.variables.get(name),
        };
        variable.map(Into::into).or_else(|| self.profile_field(name))
    }

    fn profile_field(&self, name: &str) -> Option<Cow<'_, str>> {
        let own = self.flows.first()?;
        if let Some(field) = name.strip_prefix("aleg_") {
            return self.originator.as_deref().unwrap_or(&own.profile).field(field);
        }
        if let Some(field) = name.strip_prefix("bleg_") {
            let called = if self.originator.is_some() { Some(&own.profile) } else { self.originatee.as_deref() };
            return called?.field(field);
        }
        let times = &own.times;
        let time = |at: u64| Some(Cow::Owned(at.to_string()));
        match name {
            "created_time" => time(times.created),
            "answered_time" => time(times.answered),
            "progress_time" => time(times.progress),
            "progress_media_time" => time(times.progress_media),
            "hungup_time" => time(times.hangup),
            "transferred_time" => time(times.transfer),
            _ => own.profile.field(name),
        }
    }

    /// Whether it is recorded although records of called legs are not wanted (`force_process_cdr`).
    pub fn is_forced(&self) -> bool {
        self.variables.get("force_process_cdr").is_some_and(truthy)
    }
}

/// Whether a leg with these variables, partners and cause is to be recorded at all (`process_cdr`, `skip_cdr_causes`).
pub fn wanted(variables: &Variables, has_originator: bool, has_originatee: bool, cause: &str) -> bool {
    let skipped = variables.get("skip_cdr_causes").is_some_and(|causes| {
        causes.split('|').any(|name| !name.is_empty() && name.trim().eq_ignore_ascii_case(cause))
    });
    let wanted = match variables.get("process_cdr") {
        Some(word) if word.eq_ignore_ascii_case("a_only") => !has_originator,
        Some(word) if word.eq_ignore_ascii_case("b_only") => !has_originatee,
        Some(word) => !falsy(word),
        None => true,
    };
    wanted && !skipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_legs_are_recorded() {
        for (name, value, originator, originatee, expected) in [
            ("", "", true, true, true),
            ("process_cdr", "false", false, false, false),
            ("process_cdr", "true", false, false, true),
            ("process_cdr", "a_only", true, false, false),
            ("process_cdr", "A_ONLY", false, true, true),
            ("process_cdr", "b_only", false, true, false),
            ("process_cdr", "b_only", true, false, true),
            ("skip_cdr_causes", "USER_BUSY|no_answer", false, false, false),
            ("skip_cdr_causes", "USER_BUSY", false, false, true),
        ] {
            let mut variables = Variables::new();
            if !name.is_empty() {
                variables.set(name, value);
            }
            assert_eq!(wanted(&variables, originator, originatee, "NO_ANSWER"), expected, "{name}={value}");
        }
    }

    #[test]
    fn what_templates_read() {
        let profile = |number: &str| CallerProfile { caller_id_number: number.to_owned(), ..CallerProfile::default() };
        let mut detail = Detail {
            flows: vec![CallFlow { profile: profile("1"), ..CallFlow::default() }],
            originatee: Some(Box::new(profile("2"))),
            ..Detail::default()
        };
        detail.variables.set("context", "mine");
        let read = |name: &str| detail.read(name, None).map(Cow::into_owned);
        assert_eq!(read("context").as_deref(), Some("mine"));
        assert_eq!(read("caller_id_number").as_deref(), Some("1"));
        assert_eq!(
            (read("aleg_caller_id_number").as_deref(), read("bleg_caller_id_number").as_deref()),
            (Some("1"), Some("2"))
        );
        assert_eq!((read("answered_time").as_deref(), read("nothing")), (Some("0"), None));
    }
}
