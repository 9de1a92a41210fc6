//! Recordings of a call's legs: `record_session`, `uuid_record`, `record`, `session:recordFile`.
//!
//! A recording belongs to the leg whose audio it takes, not to what the call does; it ends with the leg at the latest.
//! Media tells when its file is open and when it is closed: only then listeners hear of it, so that whoever hears of the
//! end may move the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::callee::Callee;
use super::{Call, LegAudio, Wake};
use crate::call::channel::Channel;
use crate::call::command;
use crate::call::control::{Execution, RecordOrder};
use crate::call::event::EventName;
use crate::call::leg::LegId;
use crate::call::media::{MediaCommand, MediaEvent, RecordChange, RecordEnd, RecordId, RecordSpec, Tracks};
use crate::call::services::Services;
use crate::words::model::{Cause, Variables, truthy};

/// How long the end of a call waits for its files to be closed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Mean absolute sample below which the far end is silent, when nothing else is said.
const USUAL_THRESHOLD: u32 = 200;

/// Seconds of silence that end a recording, when nothing else is said.
const USUAL_SILENCE_S: u64 = 3;

/// A recording of a leg.
#[derive(Debug)]
pub(super) struct Recording {
    id: RecordId,
    /// As it was named: it is stopped by the same text.
    name: String,
    /// Runs beside what the channel does; else it is what the channel does.
    session: bool,
    started: bool,
    /// It was told to end: its name may be used again.
    stopping: bool,
    /// Whoever waits for the file to be open.
    opened: Option<oneshot::Sender<bool>>,
    /// It writes while the channel is bridged.
    bridged_only: bool,
    /// It begins with the answer.
    awaits_answer: bool,
    paused: bool,
}

/// What a recording is to be.
#[derive(Debug, Default)]
pub struct Wish {
    /// File as named.
    pub name: String,
    /// Seconds; 0: no limit.
    pub limit_s: u64,
    /// Ends when the far end is silent: threshold and seconds, 0 the usual ones.
    pub silence: Option<(u32, u64)>,
    /// Settings beside those of the channel.
    pub settings: Variables,
}

/// How a recording of the foreground ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// By its limit or by silence.
    Finished,
    /// By a digit, or by `uuid_break`.
    Stopped,
    /// The caller is gone.
    Gone,
    /// There is no file.
    Failed,
}

impl LegAudio {
    fn recording(&mut self, name: &str) -> Option<&mut Recording> {
        self.recordings.iter_mut().find(|recording| recording.session && !recording.stopping && recording.name == name)
    }

    fn change(&mut self, name: &str, change: RecordChange) -> bool {
        let Some(id) = self.recording(name).map(|recording| recording.id) else { return false };
        self.command(MediaCommand::ChangeRecord { id, change });
        true
    }

    fn stop_recording(&mut self, name: &str) -> bool {
        let mut ids = Vec::new();
        for recording in self.recordings.iter_mut().filter(|recording| recording.session && !recording.stopping) {
            if name == "all" || recording.name == name {
                recording.stopping = true;
                ids.push(recording.id);
            }
        }
        for id in &ids {
            self.command(MediaCommand::StopRecord { id: *id });
        }
        !ids.is_empty()
    }

    fn is_recording(&self, id: RecordId) -> bool {
        self.recordings.iter().any(|recording| recording.id == id)
    }

    /// Files that are written beside what the channel does.
    pub(super) fn recorded_files(&self) -> Vec<String> {
        let running = self.recordings.iter().filter(|recording| recording.session && !recording.stopping);
        running.map(|recording| recording.name.clone()).collect()
    }

    /// Asks all recordings to end; whether there are any.
    pub(super) fn stop_all_recordings(&mut self) -> bool {
        for recording in &self.recordings {
            self.command(MediaCommand::StopRecord { id: recording.id });
        }
        !self.recordings.is_empty()
    }

    /// Lets recordings write that wait for the answer or a bridge, and stops others.
    pub(super) fn gate_recordings(&mut self, channel: &Channel) {
        let mut changes = Vec::new();
        for recording in &mut self.recordings {
            let closed = (recording.awaits_answer && !channel.answered) || (recording.bridged_only && !channel.bridged);
            if closed != recording.paused {
                recording.paused = closed;
                changes.push((recording.id, closed));
            }
        }
        for (id, closed) in changes {
            self.command(MediaCommand::ChangeRecord { id, change: RecordChange::Pause(closed) });
        }
    }

    /// Begins a recording; none: the leg has no audio.
    fn begin_recording(
        &mut self,
        channel: &Channel,
        wish: &Wish,
        spec: RecordSpec,
        opened: Option<oneshot::Sender<bool>>,
        session: bool,
    ) -> Option<RecordId> {
        self.port()?;
        self.last_recording = self.last_recording.wrapping_add(1);
        let id = RecordId(self.last_recording);
        let set = |name: &str| wish.settings.get(name).or_else(|| channel.get(name)).is_some_and(truthy);
        self.command(MediaCommand::Record { id, spec: Box::new(spec) });
        self.recordings.push(Recording {
            id,
            name: wish.name.clone(),
            session,
            started: false,
            stopping: false,
            opened,
            bridged_only: session && set("record_bridge_req"),
            awaits_answer: session && set("record_answer_req"),
            paused: false,
        });
        self.gate_recordings(channel);
        Some(id)
    }
}

/// The settings of a recording, from the channel's variables and its own.
fn spec_of(channel: &Channel, wish: &Wish, path: PathBuf, session: bool) -> RecordSpec {
    let get = |name: &str| wish.settings.get(name).or_else(|| channel.get(name));
    let set = |name: &str| get(name).is_some_and(truthy);
    let number = |name: &str| get(name).and_then(|text| text.trim().parse::<u64>().ok());
    let tracks = if !session || set("record_read_only") {
        Tracks::Heard
    } else if set("record_write_only") {
        Tracks::Told
    } else if !set("record_stereo") {
        Tracks::Mixed
    } else if set("record_stereo_swap") {
        Tracks::Swapped
    } else {
        Tracks::Stereo
    };
    let append = set("record_append");
    let rate = number("record_sample_rate").or_else(|| number("record_rate")).unwrap_or(0);
    let usual = |given: u64, usual: u64| if given == 0 { usual } else { given };
    let silence = match wish.silence {
        Some((threshold, seconds)) => {
            let threshold = if threshold == 0 { USUAL_THRESHOLD } else { threshold };
            Some((threshold, usual(seconds, USUAL_SILENCE_S).saturating_mul(1000)))
        }
        None => number("record_final_timeout_ms").filter(|ms| session && *ms > 0).map(|ms| {
            let threshold = number("record_silence_threshold").and_then(|number| u32::try_from(number).ok());
            (threshold.unwrap_or(USUAL_THRESHOLD), ms)
        }),
    };
    let min_s = number("record_min_sec").unwrap_or(if append { 3 } else { 0 });
    RecordSpec {
        path,
        tracks,
        rate: u32::try_from(rate).unwrap_or(0),
        append,
        make_folders: session,
        limit_ms: wish.limit_s.saturating_mul(1000),
        min_ms: if session { min_s.saturating_mul(1000) } else { 0 },
        silence,
    }
}

/// A relative name lies below `sound_prefix`, else in the folder of recordings.
fn path_of(services: &Services, channel: &Channel, name: &str) -> PathBuf {
    let name = name.strip_prefix("file://").unwrap_or(name);
    if Path::new(name).is_absolute() {
        return PathBuf::from(name);
    }
    let prefix = channel.get("sound_prefix").map(str::to_owned).filter(|prefix| !prefix.is_empty());
    let folder = prefix.or_else(|| services.globals.get("recordings_dir")).unwrap_or_default();
    Path::new(&folder).join(name)
}

/// What the end of a recording leaves on its channel.
fn note_end(channel: &mut Channel, ms: u64, octets: u64, cause: &str) {
    let values = [
        ("record_ms", ms.to_string()),
        ("record_seconds", (ms / 1000).to_string()),
        ("record_samples", ms.saturating_mul(8).to_string()),
        ("record_file_size", octets.to_string()),
        ("record_completion_cause", cause.to_owned()),
    ];
    for (name, value) in values {
        channel.variables.set(name, &value);
    }
}

/// What the end of a recording has in its train.
#[derive(Default)]
struct Follow {
    /// The call ends.
    fatal: bool,
    /// `app:data` that runs.
    app: Option<String>,
    /// `command:arguments` that runs.
    api: Option<String>,
}

/// What of the end of a recording listeners and the channel's owner are to know.
struct Closed {
    name: String,
    session: bool,
    started: bool,
    opened: Option<oneshot::Sender<bool>>,
}

/// The event of a recording about its leg.
fn fire(services: &Services, channel: &Channel, name: EventName, more: &[(&str, &str)]) {
    if !services.events.is_quiet() {
        super::emit::fire(services, name, channel, more);
    }
}

/// Takes in what media says of a leg's recordings.
fn take_in(services: &Services, channel: &mut Channel, audio: &mut LegAudio, event: &MediaEvent) -> Option<Follow> {
    match event {
        MediaEvent::RecordStarted { id } => {
            let recording = audio.recordings.iter_mut().find(|recording| recording.id == *id)?;
            recording.started = true;
            if let Some(opened) = recording.opened.take() {
                let _ = opened.send(true);
            }
            let name = &*recording.name;
            if recording.session {
                let more = [("Media-Bug-Function", "session_record"), ("Media-Bug-Target", name)];
                fire(services, channel, EventName::MEDIA_BUG_START, &more);
            }
            fire(services, channel, EventName::RECORD_START, &[("Record-File-Path", name)]);
            None
        }
        MediaEvent::RecordEnded { id, end, ms, octets } => {
            let at = audio.recordings.iter().position(|recording| recording.id == *id)?;
            let Recording { name, session, started, opened, .. } = audio.recordings.swap_remove(at);
            Some(ended(services, channel, Closed { name, session, started, opened }, (end, *ms, *octets)))
        }
        _ => None,
    }
}

fn ended(
    services: &Services,
    channel: &mut Channel,
    closed: Closed,
    (end, ms, octets): (&RecordEnd, u64, u64),
) -> Follow {
    let Closed { name, session, started, opened } = closed;
    if let RecordEnd::Failed(why) = end {
        tracing::error!(uuid = %channel.uuid, file = name, why, "cannot be recorded");
        channel.variables.set("record_completion_cause", "uri-failure");
    }
    if let Some(opened) = opened {
        let _ = opened.send(started);
    }
    let failed = matches!(end, RecordEnd::Failed(_));
    if !started {
        let fatal = session && channel.get("record_hangup_on_error").is_some_and(truthy);
        return Follow { fatal, ..Follow::default() };
    }
    let cause = match end {
        RecordEnd::Failed(_) => "uri-failure",
        _ if octets == 0 => "empty-file",
        RecordEnd::Limit => "success-maxtime",
        RecordEnd::Silence => "success-silence",
        RecordEnd::Stopped => "success",
    };
    note_end(channel, ms, octets, cause);
    if octets == 0 {
        channel.variables.set("record_discarded", "true");
    }
    if *end == RecordEnd::Silence && !session {
        channel.variables.set("silence_hits_exhausted", "true");
    }
    let more = [("Record-File-Path", &*name), ("Record-Completion-Cause", if session { cause } else { "" })];
    fire(services, channel, EventName::RECORD_STOP, &more);
    if session {
        let more = [("Media-Bug-Function", "session_record"), ("Media-Bug-Target", &*name)];
        fire(services, channel, EventName::MEDIA_BUG_STOP, &more);
    }
    let own = |name: &str| channel.get(name).map(str::to_owned).filter(|text| !text.is_empty());
    Follow {
        // In the foreground the file is what the call is about.
        fatal: failed && !session,
        app: own("record_post_process_exec_app").filter(|_| session),
        api: own("record_post_process_exec_api"),
    }
}

impl Call {
    /// Takes in what media says of a recording, of whichever leg.
    pub(super) fn recording_event(&mut self, leg: LegId, event: &MediaEvent) {
        let front = leg == self.front;
        let services = self.services.clone();
        let follow = if front {
            take_in(&services, &mut self.a, &mut self.audio, event)
        } else if let Some(at) = self.lingering.iter().position(|callee| callee.id == leg) {
            let Some(callee) = self.lingering.get_mut(at) else { return };
            let follow = take_in(&services, &mut callee.channel, &mut callee.audio, event);
            if callee.audio.recordings.is_empty() {
                let callee = self.lingering.swap_remove(at);
                self.bury(callee);
            }
            follow
        } else if let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == leg) {
            take_in(&services, &mut callee.channel, &mut callee.audio, event)
        } else {
            None
        };
        let Some(Follow { fatal, app, api }) = follow else { return };
        if front && fatal {
            self.hangup(Cause::DESTINATION_OUT_OF_ORDER);
        }
        if front && self.a.up() {
            let hooks = self.a.variables.with_prefix("execute_on_record_stop");
            for hook in hooks.map(|(_, value)| value.to_owned()).collect::<Vec<_>>() {
                let (name, data) = super::hooks::parts(hook.trim());
                self.execute_later(Execution::once(name, data), None, None);
            }
            if let Some(app) = app {
                let (name, data) = app.split_once(':').unwrap_or((&app, ""));
                self.execute_later(Execution::once(name, data), None, None);
            }
        }
        if let Some(api) = api {
            tokio::spawn(async move {
                let (name, args) = api.split_once(':').or_else(|| api.split_once(' ')).unwrap_or((&api, ""));
                if command::run(&services, name.trim(), args).await.is_none() {
                    tracing::error!(command = name, "record_post_process_exec_api names no API command");
                }
            });
        }
    }

    /// A recording beside what a leg does. The answer comes when its file is open, or cannot be.
    pub(super) fn record_leg(
        &mut self,
        callee: Option<LegId>,
        order: RecordOrder,
        reply: Option<oneshot::Sender<bool>>,
    ) {
        let services = self.services.clone();
        let (channel, audio) = match callee {
            None => (&self.a, &mut self.audio),
            Some(id) => match self.callees.iter_mut().find(|callee| callee.id == id) {
                Some(Callee { channel, audio, .. }) => (&*channel, audio),
                None => return,
            },
        };
        let done = match order {
            RecordOrder::Start { name, limit_s, settings } => {
                if audio.recording(&name).is_some() {
                    tracing::warn!(uuid = %channel.uuid, file = name, "is being recorded already");
                    let toggles = channel.get("record_toggle_on_repeat").is_some_and(truthy);
                    if toggles {
                        audio.stop_recording(&name);
                    }
                    true
                } else {
                    let settings = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
                    let wish = Wish { name, limit_s, silence: None, settings };
                    let spec = spec_of(channel, &wish, path_of(&services, channel, &wish.name), true);
                    if audio.port().is_some() {
                        audio.begin_recording(channel, &wish, spec, reply, true);
                        return;
                    }
                    tracing::error!(uuid = %channel.uuid, file = wish.name, "cannot be recorded: the leg has no audio");
                    false
                }
            }
            RecordOrder::Stop(name) => audio.stop_recording(&name),
            RecordOrder::Mask(name, on) => audio.change(&name, RecordChange::Mask(on)),
            RecordOrder::Pause(name, on) => audio.change(&name, RecordChange::Pause(on)),
        };
        if let Some(reply) = reply {
            let _ = reply.send(done);
        }
    }

    /// `record_session`.
    pub async fn record_session(&mut self, name: &str, limit_s: u64, settings: Vec<(String, String)>) {
        if !self.pre_answer().await {
            return;
        }
        let (opened, open) = oneshot::channel();
        let order = RecordOrder::Start { name: name.to_owned(), limit_s, settings };
        self.record_leg(None, order, Some(opened));
        if self.serve_while(open).await == Ok(true) {
            self.execute_on("execute_on_record_start").await;
        }
    }

    /// What `record_session_mask` and its like do.
    pub fn change_recording(&mut self, name: &str, order: fn(String) -> RecordOrder) {
        if name.is_empty() {
            tracing::error!("no recording is named");
            return;
        }
        self.record_leg(None, order(name.to_owned()), None);
    }

    /// Records the caller until the limit, silence, a digit of `ends`, or his end. A file that cannot be opened ends the
    /// call, as in FreeSWITCH.
    pub async fn record_file(&mut self, wish: &Wish, ends: &str) -> Recorded {
        let Some(id) = self.start_record(wish).await else { return Recorded::Failed };
        let ended = self.run_record(id, false, Some(ends)).await;
        match ended {
            Step::Over(recorded) => recorded,
            Step::Digit(_) => Recorded::Stopped,
        }
    }

    /// Begins a recording in the foreground; none: it cannot be, and the call is hung up.
    pub(super) async fn start_record(&mut self, wish: &Wish) -> Option<RecordId> {
        if !self.pre_answer().await || !self.executing() {
            return None;
        }
        self.broken = false;
        self.a.variables.remove("silence_hits_exhausted");
        let services = self.services.clone();
        let spec = spec_of(&self.a, wish, path_of(&services, &self.a, &wish.name), false);
        let (opened, open) = oneshot::channel();
        let id = self.audio.begin_recording(&self.a, wish, spec, Some(opened), false);
        let open = id.is_some() && self.serve_while(open).await == Ok(true);
        if !open {
            tracing::error!(file = wish.name, "there is no recording");
            self.hangup(Cause::DESTINATION_OUT_OF_ORDER);
            return None;
        }
        self.audio.command(MediaCommand::IdleSilence(true));
        id
    }

    /// Waits for the end of a recording. Attended: a digit interrupts the wait, not the recording. `ends`: digits that end
    /// it; others are lost.
    pub(super) async fn run_record(&mut self, id: RecordId, attended: bool, ends: Option<&str>) -> Step {
        loop {
            // It may have ended while a callback ran, or anything else that waits.
            if !self.audio.is_recording(id) {
                self.audio.command(MediaCommand::IdleSilence(false));
                return Step::Over(if self.executing() { Recorded::Finished } else { Recorded::Failed });
            }
            if !self.executing() {
                return Step::Over(self.finish_record(id, Recorded::Gone).await);
            }
            if std::mem::take(&mut self.broken) || ends.is_some_and(|ends| self.ends_record(ends)) {
                return Step::Over(self.finish_record(id, Recorded::Stopped).await);
            }
            if attended && let Some(digit) = self.a.digits.pop_front() {
                return Step::Digit(digit);
            }
            self.next(None).await;
        }
    }

    /// Takes the digits that came; whether one of them ends the recording.
    fn ends_record(&mut self, ends: &str) -> bool {
        while let Some(digit) = self.a.digits.pop_front() {
            if ends.contains(digit.key) {
                self.a.variables.set("playback_terminator_used", &digit.key.to_string());
                return true;
            }
        }
        false
    }

    /// Stops a recording in the foreground, and waits until its file is closed.
    pub(super) async fn finish_record(&mut self, id: RecordId, recorded: Recorded) -> Recorded {
        self.audio.command(MediaCommand::IdleSilence(false));
        self.audio.command(MediaCommand::StopRecord { id });
        let until = Instant::now() + PATIENCE;
        while self.audio.is_recording(id) {
            if matches!(self.next(Some(until)).await, Wake::Timer) {
                break;
            }
        }
        recorded
    }

    /// Ends the recordings of the leg in front, and waits until their files are closed.
    pub(super) async fn finish_recordings(&mut self) {
        if !self.audio.stop_all_recordings() && self.lingering.is_empty() {
            return;
        }
        let until = Instant::now() + PATIENCE;
        while !self.audio.recordings.is_empty() || !self.lingering.is_empty() {
            if matches!(self.next(Some(until)).await, Wake::Timer) {
                tracing::error!("the files of recordings are not closed in time");
                break;
            }
        }
        for callee in std::mem::take(&mut self.lingering) {
            self.bury(callee);
        }
    }
}

/// How far a recording in the foreground came.
pub(super) enum Step {
    /// It is over.
    Over(Recorded),
    /// A digit came; it goes on.
    Digit(crate::call::channel::Digit),
}
