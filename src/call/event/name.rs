//! The closed list of event names.

/// Name of an event: a place in the table of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(u8);

/// As FreeSWITCH's `switch_event_types_t` names them; `ALL` only in subscriptions.
const NAMES: &[&str] = &[
    "CUSTOM",
    "CLONE",
    "CHANNEL_CREATE",
    "CHANNEL_DESTROY",
    "CHANNEL_STATE",
    "CHANNEL_CALLSTATE",
    "CHANNEL_ANSWER",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HOLD",
    "CHANNEL_UNHOLD",
    "CHANNEL_BRIDGE",
    "CHANNEL_UNBRIDGE",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_OUTGOING",
    "CHANNEL_PARK",
    "CHANNEL_UNPARK",
    "CHANNEL_APPLICATION",
    "CHANNEL_ORIGINATE",
    "CHANNEL_UUID",
    "CHANNEL_DATA",
    "API",
    "LOG",
    "INBOUND_CHAN",
    "OUTBOUND_CHAN",
    "STARTUP",
    "SHUTDOWN",
    "PUBLISH",
    "UNPUBLISH",
    "TALK",
    "NOTALK",
    "SESSION_CRASH",
    "MODULE_LOAD",
    "MODULE_UNLOAD",
    "DTMF",
    "MESSAGE",
    "PRESENCE_IN",
    "PRESENCE_OUT",
    "PRESENCE_PROBE",
    "NOTIFY_IN",
    "MESSAGE_WAITING",
    "MESSAGE_QUERY",
    "ROSTER",
    "CODEC",
    "BACKGROUND_JOB",
    "DETECTED_SPEECH",
    "DETECTED_TONE",
    "PRIVATE_COMMAND",
    "HEARTBEAT",
    "TRAP",
    "ADD_SCHEDULE",
    "DEL_SCHEDULE",
    "EXE_SCHEDULE",
    "RE_SCHEDULE",
    "RELOADXML",
    "NOTIFY",
    "PHONE_FEATURE",
    "PHONE_FEATURE_SUBSCRIBE",
    "SEND_MESSAGE",
    "RECV_MESSAGE",
    "REQUEST_PARAMS",
    "GENERAL",
    "COMMAND",
    "SESSION_HEARTBEAT",
    "CLIENT_DISCONNECTED",
    "SERVER_DISCONNECTED",
    "SEND_INFO",
    "RECV_INFO",
    "RECV_RTCP_MESSAGE",
    "SEND_RTCP_MESSAGE",
    "CALL_SECURE",
    "NAT",
    "RECORD_START",
    "RECORD_STOP",
    "PLAYBACK_START",
    "PLAYBACK_STOP",
    "CALL_UPDATE",
    "FAILURE",
    "SOCKET_DATA",
    "MEDIA_BUG_START",
    "MEDIA_BUG_STOP",
    "CONFERENCE_DATA_QUERY",
    "CONFERENCE_DATA",
    "CALL_SETUP_REQ",
    "CALL_SETUP_RESULT",
    "CALL_DETAIL",
    "DEVICE_STATE",
    "TEXT",
    "SHUTDOWN_REQUESTED",
    "CERT_RELOAD",
    "ALL",
];

const PREFIX: &str = "SWITCH_EVENT_";

#[expect(clippy::indexing_slicing, reason = "the lengths are compared")]
const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    one.len() == other.len() && at == one.len()
}

#[expect(clippy::indexing_slicing, reason = "a constant is found while the program is compiled")]
impl EventName {
    /// The event of modules and scripts, told apart by its subclass.
    pub const CUSTOM: Self = Self(0);

    /// `API`.
    pub const API: Self = Self::known("API");
    /// `BACKGROUND_JOB`.
    pub const BACKGROUND_JOB: Self = Self::known("BACKGROUND_JOB");
    /// `ADD_SCHEDULE`.
    pub const ADD_SCHEDULE: Self = Self::known("ADD_SCHEDULE");
    /// `DEL_SCHEDULE`.
    pub const DEL_SCHEDULE: Self = Self::known("DEL_SCHEDULE");
    /// `EXE_SCHEDULE`.
    pub const EXE_SCHEDULE: Self = Self::known("EXE_SCHEDULE");
    /// `RELOADXML`.
    pub const RELOADXML: Self = Self::known("RELOADXML");
    /// `HEARTBEAT`.
    pub const HEARTBEAT: Self = Self::known("HEARTBEAT");
    /// `RECORD_START`.
    pub const RECORD_START: Self = Self::known("RECORD_START");
    /// `RECORD_STOP`.
    pub const RECORD_STOP: Self = Self::known("RECORD_STOP");
    /// `MEDIA_BUG_START`.
    pub const MEDIA_BUG_START: Self = Self::known("MEDIA_BUG_START");
    /// `MEDIA_BUG_STOP`.
    pub const MEDIA_BUG_STOP: Self = Self::known("MEDIA_BUG_STOP");
    /// `CHANNEL_CREATE`.
    pub const CHANNEL_CREATE: Self = Self::known("CHANNEL_CREATE");
    /// `CHANNEL_DESTROY`.
    pub const CHANNEL_DESTROY: Self = Self::known("CHANNEL_DESTROY");
    /// `CHANNEL_STATE`.
    pub const CHANNEL_STATE: Self = Self::known("CHANNEL_STATE");
    /// `CHANNEL_CALLSTATE`.
    pub const CHANNEL_CALLSTATE: Self = Self::known("CHANNEL_CALLSTATE");
    /// `CHANNEL_ANSWER`.
    pub const CHANNEL_ANSWER: Self = Self::known("CHANNEL_ANSWER");
    /// `CHANNEL_HANGUP`.
    pub const CHANNEL_HANGUP: Self = Self::known("CHANNEL_HANGUP");
    /// `CHANNEL_HANGUP_COMPLETE`.
    pub const CHANNEL_HANGUP_COMPLETE: Self = Self::known("CHANNEL_HANGUP_COMPLETE");
    /// `CHANNEL_EXECUTE`.
    pub const CHANNEL_EXECUTE: Self = Self::known("CHANNEL_EXECUTE");
    /// `CHANNEL_EXECUTE_COMPLETE`.
    pub const CHANNEL_EXECUTE_COMPLETE: Self = Self::known("CHANNEL_EXECUTE_COMPLETE");
    /// `CHANNEL_HOLD`.
    pub const CHANNEL_HOLD: Self = Self::known("CHANNEL_HOLD");
    /// `CHANNEL_UNHOLD`.
    pub const CHANNEL_UNHOLD: Self = Self::known("CHANNEL_UNHOLD");
    /// `CHANNEL_BRIDGE`.
    pub const CHANNEL_BRIDGE: Self = Self::known("CHANNEL_BRIDGE");
    /// `CHANNEL_UNBRIDGE`.
    pub const CHANNEL_UNBRIDGE: Self = Self::known("CHANNEL_UNBRIDGE");
    /// `CHANNEL_PROGRESS`.
    pub const CHANNEL_PROGRESS: Self = Self::known("CHANNEL_PROGRESS");
    /// `CHANNEL_PROGRESS_MEDIA`.
    pub const CHANNEL_PROGRESS_MEDIA: Self = Self::known("CHANNEL_PROGRESS_MEDIA");
    /// `CHANNEL_OUTGOING`.
    pub const CHANNEL_OUTGOING: Self = Self::known("CHANNEL_OUTGOING");
    /// `CHANNEL_PARK`.
    pub const CHANNEL_PARK: Self = Self::known("CHANNEL_PARK");
    /// `CHANNEL_UNPARK`.
    pub const CHANNEL_UNPARK: Self = Self::known("CHANNEL_UNPARK");
    /// `CHANNEL_ORIGINATE`.
    pub const CHANNEL_ORIGINATE: Self = Self::known("CHANNEL_ORIGINATE");
    /// `CHANNEL_UUID`.
    pub const CHANNEL_UUID: Self = Self::known("CHANNEL_UUID");
    /// `CHANNEL_DATA`.
    pub const CHANNEL_DATA: Self = Self::known("CHANNEL_DATA");
    /// `DTMF`.
    pub const DTMF: Self = Self::known("DTMF");
    /// `PLAYBACK_START`.
    pub const PLAYBACK_START: Self = Self::known("PLAYBACK_START");
    /// `PLAYBACK_STOP`.
    pub const PLAYBACK_STOP: Self = Self::known("PLAYBACK_STOP");
    /// `CODEC`.
    pub const CODEC: Self = Self::known("CODEC");
    /// `CALL_UPDATE`.
    pub const CALL_UPDATE: Self = Self::known("CALL_UPDATE");
    /// `DETECTED_TONE`.
    pub const DETECTED_TONE: Self = Self::known("DETECTED_TONE");
    /// `SESSION_HEARTBEAT`.
    pub const SESSION_HEARTBEAT: Self = Self::known("SESSION_HEARTBEAT");
    /// `ALL`.
    pub const ALL: Self = Self::known("ALL");

    /// A name of the list; any other stops the compilation.
    const fn known(name: &str) -> Self {
        let mut at = 0;
        while at < NAMES.len() {
            if same(NAMES[at].as_bytes(), name.as_bytes()) {
                #[expect(clippy::cast_possible_truncation, reason = "the list is short")]
                return Self(at as u8);
            }
            at += 1;
        }
        panic!("no such event")
    }

    /// Its place in the list; there are fewer than 128.
    pub(super) fn bit(self) -> u32 {
        u32::from(self.0) & 127
    }

    /// Every name but `ALL`.
    pub fn every() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).filter_map(|at| u8::try_from(at).ok().map(Self)).filter(|name| !name.is_all())
    }

    /// That of a text, in any case, with or without `SWITCH_EVENT_`.
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let name = upper.strip_prefix(PREFIX).unwrap_or(&upper);
        let place = NAMES.iter().position(|known| *known == name)?;
        u8::try_from(place).ok().map(Self)
    }

    /// `CHANNEL_ANSWER` …
    pub fn as_str(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// Whether it stands for all events.
    pub fn is_all(self) -> bool {
        self.as_str() == "ALL"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for (text, name) in [
            ("CUSTOM", Some("CUSTOM")),
            ("switch_event_presence_in", Some("PRESENCE_IN")),
            (" heartbeat ", Some("HEARTBEAT")),
            ("all", Some("ALL")),
            ("NOSUCH", None),
            ("", None),
        ] {
            assert_eq!(EventName::parse(text).map(EventName::as_str), name, "{text}");
        }
        assert_eq!(EventName::CUSTOM.as_str(), "CUSTOM");
    }
}
