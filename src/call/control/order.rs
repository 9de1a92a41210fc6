//! What an API command tells a channel to do, of whichever call.

use crate::call::media::{Lane, Level};
use crate::words::model::Cause;

/// One order. It is carried out when the channel's task comes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Hangs the channel up (`uuid_kill`).
    Hangup(Cause),
    /// Transfers the channel (`uuid_transfer`).
    Transfer {
        /// Destination.
        extension: String,
        /// None: the present one.
        dialplan: Option<String>,
        /// None: the present one.
        context: Option<String>,
        /// Which side of its bridge.
        whom: Whom,
    },
    /// Answers (`uuid_answer`).
    Answer,
    /// Starts early media (`uuid_pre_answer`).
    PreAnswer,
    /// Rings (`uuid_ring_ready`).
    RingReady,
    /// Parks the channel (`uuid_park`).
    Park,
    /// Runs an application beside what runs: at the next wait of the channel (`uuid_broadcast`, `sendmsg`).
    Execute(Execution),
    /// Runs these applications instead of the rest of the list (`sendmsg` with `xferext`).
    Replace(Vec<(String, String)>),
    /// Sends digits to the far end (`uuid_send_dtmf`).
    SendDigits(String),
    /// Digits as though the far end had sent them (`uuid_recv_dtmf`).
    ReceiveDigits(String),
    /// Forgets digits that wait (`uuid_flush_dtmf`).
    FlushDigits,
    /// Takes a place of a resource (`uuid_limit`).
    TakePlace {
        /// Realm.
        realm: String,
        /// Resource.
        id: String,
        /// Most places; none: count only.
        max: Option<u32>,
        /// Seconds of the interval; 0: none.
        interval_s: u64,
    },
    /// Gives places back: of one resource, or all (`uuid_limit_release`).
    ReleasePlaces(Option<String>),
    /// Joins the channel with one of another call (`uuid_bridge`).
    Bridge(String),
    /// Sets variables; an empty value removes (`uuid_setvar_multi`).
    Set(Vec<(String, String)>),
    /// Breaks what plays or waits (`uuid_break`).
    Break,
    /// Holds the far end, or lets it go on; none: whichever it is not (`uuid_hold`).
    Hold(Option<bool>),
    /// Tells the far end a name and number to show, `name|number` (`uuid_display`).
    Display(String),
    /// Sends an INFO (`uuid_send_info`).
    SendInfo {
        /// `type/subtype`.
        content_type: String,
        /// Body.
        body: String,
    },
    /// Sends a MESSAGE (`uuid_chat`).
    Chat(String),
    /// Volume of one direction (`uuid_audio`).
    Level(Lane, Level),
    /// Steers the file that plays: `pause`, `restart`, `stop`, `seek:…`, `speed:…`, `volume:…` (`uuid_fileman`).
    SteerFile(String),
    /// Moves the media of a bridge: to flow between the two directly, or back to us (`uuid_media`, `nomedia`).
    MoveMedia {
        /// Not through us.
        away: bool,
    },
    /// Sends a NOTIFY of this event (`uuid_phone_event`).
    PhoneEvent(String),
    /// Tells of the channel every so many seconds; 0: not any more (`uuid_session_heartbeat`).
    Heartbeat {
        /// Seconds.
        seconds: u64,
        /// The first only after that time.
        late: bool,
    },
    /// Records the channel (`uuid_record`).
    Record(RecordOrder),
    /// Puts a file over what the channel is told or says (`uuid_displace`).
    Displace(DisplaceOrder),
    /// Ends that.
    EndDisplace(String),
}

/// Who is transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The channel.
    Own,
    /// The channel that it is bridged with (`-bleg`).
    Partner,
    /// Both (`-both`).
    Both,
}

/// What is to happen to a recording beside what a channel does. Recordings are told apart by the text of their file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordOrder {
    /// It begins; it is carried out once the file is open.
    Start {
        /// File as named.
        name: String,
        /// Seconds; 0: no limit.
        limit_s: u64,
        /// Settings that count before the channel's variables.
        settings: Vec<(String, String)>,
    },
    /// It ends; `all`: every one.
    Stop(String),
    /// Silence is written, or again what is said.
    Mask(String, bool),
    /// Nothing is written, or again.
    Pause(String, bool),
}

/// A file over what a channel is told, or says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplaceOrder {
    /// As named, also when it is ended.
    pub path: String,
    /// What is said stays to be heard.
    pub mix: bool,
    /// It begins anew at its end.
    pub repeat: bool,
    /// Over what the channel says.
    pub heard: bool,
    /// Over what it is told.
    pub told: bool,
    /// Seconds; 0: no limit.
    pub limit_s: u64,
}

/// One application to run on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Application.
    pub application: String,
    /// Its data, not expanded.
    pub data: String,
    /// How often; -1 for ever.
    pub loops: i64,
    /// `Application-UUID` of its events.
    pub uuid: Option<String>,
}

impl Execution {
    /// One run of an application.
    pub fn once(application: &str, data: &str) -> Self {
        Self { application: application.to_owned(), data: data.to_owned(), loops: 1, uuid: None }
    }
}
