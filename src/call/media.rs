//! The seam to media: ports, streams, prompts. Implemented by `edge::media`; tests bring their own.
//!
//! A *port* is one RTP socket pair on a media thread. Commands never wait; what comes of them is told through the
//! call's event queue. Dropping a port closes its sockets.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::call::leg::EventSink;
pub use crate::engine::audio::{Lane, Level, Tracks};

/// A port of the media engine, unique in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortId(pub u64);

/// One playback on a port, chosen by the call, unique per port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlayId(pub u32);

/// Audio codec of a stream, as negotiated. The name is the RTP encoding name (`PCMU`, `PCMA`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamCodec {
    /// RTP encoding name, upper case.
    pub name: String,
    /// Payload number on the wire, both directions.
    pub payload: u8,
    /// RTP clock, Hz.
    pub rate: u32,
    /// Packet time, ms.
    pub ptime: u32,
}

/// How a port sends and receives from now on. May be repeated (re-INVITE).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSetup {
    /// Where the far end wants RTP. Symmetric RTP may move it to the real source of its packets.
    pub remote: SocketAddr,
    /// Where it wants RTCP; none: RTP port + 1.
    pub rtcp: Option<SocketAddr>,
    /// The codec.
    pub codec: StreamCodec,
    /// Payload number of telephone events; none: the far end has none.
    pub dtmf: Option<u8>,
    /// Whether we send (false when the far end holds us).
    pub send: bool,
    /// Whether we expect to receive.
    pub receive: bool,
    /// Follow the source of received packets.
    pub auto_adjust: bool,
    /// ms without RTP after which [`MediaEvent::Timeout`] is told; 0 never.
    pub timeout_ms: u32,
    /// Packets are passed to the joined port as they are, whatever they carry; the codec does not matter then.
    pub raw: bool,
}

/// One recording on a port, chosen by the call, unique per port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordId(pub u32);

/// What is recorded and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSpec {
    /// Absolute path; its suffix is the format: `wav`, `raw`, `sln`, `r8`, `r16`, `ul`, `al`, `PCMU`, `PCMA`.
    pub path: PathBuf,
    /// How the directions become channels.
    pub tracks: Tracks,
    /// Sampling rate of the file, Hz; 0: that of the codec.
    pub rate: u32,
    /// Goes on at the end of a file that is there.
    pub append: bool,
    /// Makes missing folders.
    pub make_folders: bool,
    /// ms after which it ends; 0: none.
    pub limit_ms: u64,
    /// ms below which the file is deleted at the end.
    pub min_ms: u64,
    /// Ends when the far end is silent: mean absolute sample, ms.
    pub silence: Option<(u32, u64)>,
}

/// How a recording ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordEnd {
    /// By [`MediaCommand::StopRecord`], or with the port.
    Stopped,
    /// Its limit was reached.
    Limit,
    /// The far end was silent for too long.
    Silence,
    /// The file cannot be opened or written; the text says why.
    Failed(String),
}

/// A change of a running recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordChange {
    /// Silence is written instead of what is said, or not any more.
    Mask(bool),
    /// Nothing is written, or again.
    Pause(bool),
    /// What was recorded so far is dropped, and what the file held before.
    Truncate,
}

/// One tone that is waited for on a port, chosen by the call, unique per port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ToneId(pub u32);

/// A tone that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToneSpec {
    /// Heard or told.
    pub lane: Lane,
    /// Its frequencies, Hz, all at once.
    pub hz: Vec<u32>,
    /// How often it has to begin.
    pub hits: u32,
    /// ms after which nobody waits any more; 0: none.
    pub limit_ms: u64,
}

/// What to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaySource {
    /// A file: absolute, or relative to the sounds folder.
    File {
        /// Name as the dialplan or script gave it, without options.
        name: PathBuf,
        /// First sample to play, at the file's rate.
        start_sample: u64,
    },
    /// `silence_stream://ms[,level]`; ms 0 plays nothing, -1 for ever.
    Silence {
        /// Milliseconds; negative for ever.
        ms: i64,
        /// Comfort noise divisor; 0 true silence.
        level: u32,
    },
    /// Tone script after `tone_stream://`, `loops` included.
    Tone {
        /// The script, `%(2000,4000,440,480);loops=2`.
        script: String,
    },
}

/// How a playback ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlayEnd {
    /// To its end.
    Finished,
    /// By [`MediaCommand::Stop`] or a newer playback.
    Stopped,
    /// There is no such file.
    NotFound,
    /// The file or script is faulty, or of a kind we cannot play; the text says why.
    Failed(String),
}

/// A file over one direction of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displacement {
    /// What.
    pub source: PlaySource,
    /// Told: the far end hears it. Heard: it is passed on instead of what the far end says, as that comes.
    pub lane: Lane,
    /// What is said stays to be heard.
    pub mix: bool,
    /// It begins anew at its end.
    pub repeat: bool,
    /// ms after which it ends; 0: none.
    pub limit_ms: u64,
}

/// What media tells its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// A playback ended. Told exactly once per [`MediaCommand::Play`] and [`MediaCommand::Displace`].
    PlayEnded {
        /// Which one.
        id: PlayId,
        /// How.
        end: PlayEnd,
        /// Milliseconds of it that were sent.
        played_ms: u64,
    },
    /// The file of a displacement is open.
    DisplaceStarted {
        /// Which one.
        id: PlayId,
    },
    /// The file of a recording is open.
    RecordStarted {
        /// Which one.
        id: RecordId,
    },
    /// A recording ended and its file is closed. Told exactly once per [`MediaCommand::Record`].
    RecordEnded {
        /// Which one.
        id: RecordId,
        /// How.
        end: RecordEnd,
        /// Its length.
        ms: u64,
        /// Size of the file, octets; 0 when it was deleted for being too short.
        octets: u64,
    },
    /// A digit arrived (RFC 4733), told at its end.
    Dtmf {
        /// `0-9 * # A-D`.
        digit: char,
        /// Length in timestamp units of 8 kHz.
        duration: u32,
    },
    /// A tone that was waited for. Told once.
    ToneHeard {
        /// Which one.
        id: ToneId,
    },
    /// The first RTP packet arrived from the (latched) source.
    FirstPacket,
    /// No RTP for the set time.
    Timeout,
}

/// What a call tells a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaCommand {
    /// Starts or changes the stream.
    Setup(StreamSetup),
    /// Plays; a running playback is stopped. Needs a stream; started before one it begins with it.
    Play {
        /// Comes back in [`MediaEvent::PlayEnded`].
        id: PlayId,
        /// What.
        source: PlaySource,
    },
    /// Stops a playback.
    Stop {
        /// Which one; ignored when another is running.
        id: PlayId,
    },
    /// Changes how a playback goes on.
    Steer {
        /// Which one; ignored when another is running.
        id: PlayId,
        /// What is changed.
        by: Steering,
    },
    /// Records both directions from now on.
    Record {
        /// Comes back in [`MediaEvent::RecordEnded`].
        id: RecordId,
        /// What and where.
        spec: Box<RecordSpec>,
    },
    /// Ends a recording.
    StopRecord {
        /// Which one; ignored when it is not running.
        id: RecordId,
    },
    /// Changes how a recording goes on.
    ChangeRecord {
        /// Which one; ignored when it is not running.
        id: RecordId,
        /// What is changed.
        change: RecordChange,
    },
    /// Joins two ports: packets of each go to the other until [`MediaCommand::Part`] or either closes. Same codec:
    /// packets are relayed, else transcoded. Digits are told to the call *and* passed on, re-encoded for the other side.
    Join {
        /// The other port.
        with: PortId,
    },
    /// Ends a join, from either side.
    Part,
    /// Sends a mix of what these ports hear, instead of what a joined one does; none: that again.
    Hear {
        /// The ports, whichever threads they are on.
        from: Vec<PortId>,
    },
    /// Puts a file over one direction. It begins with [`MediaEvent::DisplaceStarted`].
    Displace {
        /// Comes back in [`MediaEvent::PlayEnded`].
        id: PlayId,
        /// What and how.
        what: Displacement,
    },
    /// Ends a displacement.
    EndDisplace {
        /// Which one; ignored when it is not running.
        id: PlayId,
    },
    /// Sends back what arrives (application `echo`).
    Echo(bool),
    /// Keeps the far end's path open with silence while nothing else is sent (park, ringback idle).
    IdleSilence(bool),
    /// Sends digits as telephone events.
    SendDtmf {
        /// `0-9 * # A-D`.
        digits: String,
        /// Length of each in timestamp units of 8 kHz.
        duration: u32,
    },
    /// The volume of one direction.
    Level {
        /// Heard or told.
        lane: Lane,
        /// How loud.
        level: Level,
    },
    /// Waits for a tone.
    WatchTone {
        /// Comes back in [`MediaEvent::ToneHeard`].
        id: ToneId,
        /// Which, and where.
        spec: ToneSpec,
    },
    /// Waits for no tone any more.
    ForgetTones,
    /// Takes digits that are only heard as tones, too.
    Listen(bool),
    /// Discards received audio and digits silently (`ignore_early_media=consume`).
    Mute(bool),
}

/// A change of a running playback. What has no place (silence, a tone that is made while it plays) is not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// Stands still, or goes on.
    Pause(bool),
    /// Goes on at this time from its beginning, ms; one past its end ends it.
    To(u64),
    /// Begins anew, at its own speed.
    Restart,
    /// Goes on so many ms from where it is; not before its beginning.
    By(i64),
    /// Another loudness: steps from -4 to 4, those of the volume of a leg.
    Volume(Setting),
    /// Another speed: steps from -2 to 2. Each lets out, or doubles, a quarter of the samples, so the pitch goes with it.
    Speed(Setting),
}

/// A value in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// This one.
    To(i8),
    /// So many more than now.
    By(i8),
}

impl Setting {
    /// The new value, between `-most` and `most`.
    pub fn of(self, now: i8, most: i8) -> i8 {
        let value = match self {
            Self::To(value) => value,
            Self::By(steps) => now.saturating_add(steps),
        };
        value.clamp(most.saturating_neg(), most)
    }
}

/// Counters of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaStats {
    /// RTP packets received from the accepted source.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets lost on the way to us, by sequence numbers.
    pub lost: u64,
    /// Packets from strangers, dropped.
    pub foreign: u64,
    /// Interarrival jitter, timestamp units (RFC 3550 6.4.1).
    pub jitter: u32,
    /// Loss the far end reported by RTCP, 1/256.
    pub remote_loss: u8,
}

/// Why a port could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Every port of the range is taken.
    #[error("no free RTP port in {low}-{high}")]
    NoPort {
        /// First port of the range.
        low: u16,
        /// Last port of the range.
        high: u16,
    },
    /// The address cannot be bound.
    #[error("cannot bind RTP on {address}: {reason}")]
    Bind {
        /// The address asked for.
        address: IpAddr,
        /// The system's words.
        reason: String,
    },
    /// The media engine is stopping.
    #[error("the media engine is stopping")]
    Stopping,
}

/// A port in the hands of its call. Dropping it closes the sockets.
pub trait MediaPort: Send {
    /// Its identifier.
    fn id(&self) -> PortId;
    /// Where it listens for RTP; RTCP is one above.
    fn local(&self) -> SocketAddr;
    /// Hands over a command; never waits.
    fn command(&self, command: MediaCommand);
    /// Counters so far.
    fn stats(&self) -> MediaStats;
}

/// Opens ports.
pub trait MediaEngine: Send + Sync {
    /// Opens an RTP/RTCP pair on `bind`. `near` asks for the same media thread as another port, which makes joining the
    /// two cheap. Does not wait.
    fn open(&self, bind: IpAddr, near: Option<PortId>, sink: EventSink) -> Result<Box<dyn MediaPort>, MediaError>;
}
