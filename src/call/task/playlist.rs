//! Playing a file string to the caller: its files one after the other, digits on the way.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Call, Wake};
use crate::call::channel::Digit;
use crate::call::control::Verdict;
use crate::call::event::EventName;
use crate::call::media::{MediaCommand, MediaEvent, PlayEnd, PlayId, PlaySource, Steering};
use crate::words::expand::Template;

/// Files of one `file_string://`.
const MOST_FILES: usize = 128;

/// Longest pause between files, ms.
const LONGEST_PAUSE_MS: u64 = 3_600_000;

/// Silence before the first of several files, ms, as FreeSWITCH plays it.
const LEAD_MS: u64 = 250;

/// How a playback ended for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Played {
    /// To its end.
    Finished,
    /// A terminator was pressed.
    Terminated(char),
    /// A digit came under [`DigitRule::Tell`]; the playback goes on.
    Told(Digit),
    /// `uuid_break` ended it.
    Broken,
    /// The caller is gone, or is being transferred.
    Interrupted,
    /// There is nothing to play under that name; the text says why.
    NotFound(String),
}

/// Where digits that come during a playback go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitRule<'t> {
    /// They stay for the next application.
    Keep,
    /// Those in the text end the playback, others are lost.
    Terminate(&'t str),
    /// Any of them ends the playback and stays.
    Barge,
    /// Each is told, while the playback goes on.
    Tell,
}

/// A step of a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A file string.
    File(String),
    /// Silence, ms.
    Pause(u64),
    /// An application that runs in between.
    Run {
        /// Its name.
        application: String,
        /// Its data; expanded when it runs.
        data: String,
    },
}

/// A file string that is being played, or rests while the script's callback runs.
pub(super) struct Playlist {
    items: VecDeque<Item>,
    start_sample: u64,
    /// The file that listeners were told of.
    told: String,
    current: Option<Current>,
    paused: bool,
    /// A file was played to its end.
    played: bool,
    /// Why the last one was not.
    missing: String,
}

/// What sounds now.
struct Current {
    id: PlayId,
    source: PlaySource,
    /// A pause: its end says nothing about the list.
    quiet: bool,
    /// How it ended, and after how many ms.
    ended: Option<(PlayEnd, u64)>,
    /// Another playback took its place while it rested.
    displaced: bool,
    /// Where it began, ms.
    from_ms: u64,
}

impl Playlist {
    /// The files of a file string.
    pub(super) fn new(text: &str, start_sample: u64) -> Self {
        let file = |name: &str| Item::File(name.to_owned());
        let items: Vec<Item> = match text.strip_prefix("file_string://") {
            Some(list) => list.split('!').take(MOST_FILES).map(file).collect(),
            None => vec![file(text)],
        };
        let lead = (items.len() > 1).then_some(Item::Pause(LEAD_MS));
        Self { start_sample, ..Self::of(lead.into_iter().chain(items).collect()) }
    }

    /// These steps.
    pub(super) fn of(items: Vec<Item>) -> Self {
        Self {
            items: items.into(),
            start_sample: 0,
            told: String::new(),
            current: None,
            paused: false,
            played: false,
            missing: "no file is named".to_owned(),
        }
    }

    /// Nothing, and why.
    pub(super) fn nothing(why: String) -> Self {
        tracing::error!(why, "cannot be played");
        Self { missing: why, ..Self::of(Vec::new()) }
    }

    /// A playback ended while the list rests.
    pub(super) fn ended_at_rest(&mut self, id: PlayId, end: &PlayEnd, played_ms: u64) {
        if let Some(current) = self.current.as_mut().filter(|current| current.id == id) {
            current.displaced = *end == PlayEnd::Stopped;
            current.ended = Some((end.clone(), played_ms));
        }
    }

    fn fails(&mut self, name: &str, why: String) {
        tracing::error!(file = name, why, "cannot be played");
        self.missing = why;
    }

    fn outcome(&mut self) -> Played {
        if self.played { Played::Finished } else { Played::NotFound(std::mem::take(&mut self.missing)) }
    }
}

impl Call {
    /// Plays a file string to the caller, who gets early media when he has no media yet.
    pub async fn play(&mut self, text: &str, start_sample: u64, rule: DigitRule<'_>) -> Played {
        if !self.pre_answer().await || !self.executing() {
            return Played::Interrupted;
        }
        self.broken = false;
        let mut list = self.playlist(text, start_sample).await;
        self.play_list(&mut list, rule).await
    }

    /// Plays the rest of a list.
    pub(super) async fn play_list(&mut self, list: &mut Playlist, rule: DigitRule<'_>) -> Played {
        loop {
            if !self.executing() {
                if let Some(current) = &list.current {
                    self.audio.command(MediaCommand::Stop { id: current.id });
                    self.fire_playback(EventName::PLAYBACK_STOP, &list.told, "done");
                }
                return Played::Interrupted;
            }
            if std::mem::take(&mut self.broken) {
                self.stop_list(list).await;
                self.fire_playback(EventName::PLAYBACK_STOP, &list.told, "break");
                return Played::Broken;
            }
            if let Some(ended) = self.digit_ends(rule) {
                if !matches!(ended, Played::Told(_)) {
                    self.stop_list(list).await;
                    self.fire_playback(EventName::PLAYBACK_STOP, &list.told, "done");
                }
                return ended;
            }
            let Some(current) = list.current.as_mut() else {
                if let Some(Item::Run { .. }) = list.items.front() {
                    let Some(Item::Run { application, data }) = list.items.pop_front() else { continue };
                    Box::pin(self.execute_named(&application, &Template::parse(data))).await;
                    list.played = true;
                    continue;
                }
                if self.start_next(list) {
                    continue;
                }
                return list.outcome();
            };
            match current.ended.take() {
                Some((_, played_ms)) if std::mem::take(&mut current.displaced) => self.replay(list, played_ms),
                Some((end, played_ms)) => self.file_ended(list, end, played_ms),
                None => {
                    if let Wake::Media(MediaEvent::PlayEnded { id, end, played_ms }) = self.next(None).await
                        && id == current.id
                    {
                        current.ended = Some((end, played_ms));
                    }
                }
            }
        }
    }

    /// Starts the next file of the list that names something; false when none is left.
    fn start_next(&mut self, list: &mut Playlist) -> bool {
        let (source, quiet) = match list.items.pop_front() {
            None => return false,
            Some(Item::Run { .. }) => return true,
            Some(Item::Pause(ms)) => {
                let ms = i64::try_from(ms.clamp(1, LONGEST_PAUSE_MS)).unwrap_or(1);
                (PlaySource::Silence { ms, level: 0 }, true)
            }
            Some(Item::File(name)) => {
                list.told.clone_from(&name);
                let source = self.prompt_source(&name, list.start_sample);
                let has_audio = self.audio.port().is_some();
                let source =
                    source.and_then(|source| has_audio.then_some(source).ok_or("the leg has no audio".to_owned()));
                match source {
                    Ok(source) => (source, false),
                    Err(why) => {
                        list.fails(&name, why);
                        return true;
                    }
                }
            }
        };
        let id = self.next_play();
        self.audio.command(MediaCommand::Play { id, source: source.clone() });
        if !quiet {
            self.fire_playback(EventName::PLAYBACK_START, &list.told, "");
        }
        if list.paused {
            self.audio.command(MediaCommand::Steer { id, by: Steering::Pause(true) });
        }
        self.sounding = (!quiet).then_some((id, list.paused));
        list.current = Some(Current { id, source, quiet, ended: None, displaced: false, from_ms: 0 });
        true
    }

    /// `uuid_fileman`: a program steers the file that plays. False: none does.
    pub(super) fn steer_file(&mut self, what: &str) -> bool {
        let Some((id, paused)) = &mut self.sounding else { return false };
        let by = match Verdict::parse(Some(what)) {
            Verdict::Pause => {
                *paused = !*paused;
                Steering::Pause(*paused)
            }
            Verdict::Restart => Steering::Restart,
            Verdict::SeekTo(ms) => Steering::To(ms),
            Verdict::SeekBy(ms) => Steering::By(ms),
            Verdict::Volume(to) => Steering::Volume(to),
            Verdict::Speed(to) => Steering::Speed(to),
            Verdict::Stop | Verdict::Truncate => {
                self.broken = true;
                return true;
            }
            Verdict::Continue => return true,
        };
        let id = *id;
        self.audio.command(MediaCommand::Steer { id, by });
        true
    }

    /// Plays on from where another playback came in between.
    fn replay(&mut self, list: &mut Playlist, played_ms: u64) {
        let id = self.next_play();
        let Some(current) = list.current.as_mut() else { return };
        self.sounding = Some((id, list.paused));
        current.id = id;
        current.from_ms = current.from_ms.saturating_add(played_ms);
        if let PlaySource::Silence { ms, .. } = &mut current.source
            && *ms > 0
        {
            *ms = ms.saturating_sub(i64::try_from(played_ms).unwrap_or(i64::MAX)).max(1);
        }
        self.audio.command(MediaCommand::Play { id, source: current.source.clone() });
        self.audio.command(MediaCommand::Steer { id, by: Steering::To(current.from_ms) });
        if list.paused {
            self.audio.command(MediaCommand::Steer { id, by: Steering::Pause(true) });
        }
    }

    fn file_ended(&mut self, list: &mut Playlist, end: PlayEnd, played_ms: u64) {
        let Some(current) = list.current.take() else { return };
        let why = match end {
            PlayEnd::Finished | PlayEnd::Stopped => {
                list.played |= !current.quiet;
                self.set_played(played_ms);
                if !current.quiet {
                    self.fire_playback(EventName::PLAYBACK_STOP, &list.told, "done");
                }
                return;
            }
            PlayEnd::NotFound => "there is no such file".to_owned(),
            PlayEnd::Failed(why) => why,
        };
        let name = match &current.source {
            PlaySource::File { name, .. } => name.display().to_string(),
            PlaySource::Tone { script } => script.clone(),
            PlaySource::Silence { .. } => String::new(),
        };
        list.fails(&name, why);
    }

    /// Tells of a playback; `status` once it has ended.
    fn fire_playback(&mut self, name: EventName, file: &str, status: &str) {
        let kind = file.split_once("://").map_or("", |(kind, _)| kind);
        let more = [("Playback-File-Path", file), ("Playback-File-Type", kind), ("Playback-Status", status)];
        self.fire(name, &more);
    }

    fn set_played(&mut self, played_ms: u64) {
        let samples = played_ms.saturating_mul(8);
        for (name, value) in [
            ("playback_seconds", played_ms / 1000),
            ("playback_ms", played_ms),
            ("playback_samples", samples),
            ("playback_last_offset_pos", samples),
        ] {
            self.a.variables.set(name, &value.to_string());
        }
    }

    /// Stops a list, and waits for the end of its playback, so that its variables are right; half a second at most.
    pub(super) async fn stop_list(&mut self, list: &mut Playlist) {
        let Some(current) = list.current.take() else { return };
        if current.ended.is_some() {
            return;
        }
        self.audio.command(MediaCommand::Stop { id: current.id });
        let until = Instant::now() + Duration::from_millis(500);
        while self.a.up() {
            match self.next(Some(until)).await {
                Wake::Media(MediaEvent::PlayEnded { id, played_ms, .. }) if id == current.id => {
                    return self.set_played(played_ms);
                }
                Wake::Timer => return,
                _ => {}
            }
        }
    }

    /// Stops a list at once.
    pub(super) fn drop_list(&mut self, list: &Playlist) {
        if let Some(current) = &list.current {
            self.audio.command(MediaCommand::Stop { id: current.id });
        }
    }

    /// Does what a callback wants; false: the list is to end.
    pub(super) fn steer_list(&mut self, list: &mut Playlist, verdict: Verdict) -> bool {
        let by = match verdict {
            Verdict::Continue => return true,
            Verdict::Stop | Verdict::Truncate => return false,
            Verdict::Pause => {
                list.paused = !list.paused;
                Steering::Pause(list.paused)
            }
            Verdict::Restart => Steering::Restart,
            Verdict::SeekTo(ms) => Steering::To(ms),
            Verdict::SeekBy(ms) => Steering::By(ms),
            Verdict::Volume(to) => Steering::Volume(to),
            Verdict::Speed(to) => Steering::Speed(to),
        };
        if let Some(current) = &list.current {
            self.audio.command(MediaCommand::Steer { id: current.id, by });
        }
        true
    }

    fn digit_ends(&mut self, rule: DigitRule<'_>) -> Option<Played> {
        match rule {
            DigitRule::Keep => None,
            DigitRule::Tell => self.a.digits.pop_front().map(Played::Told),
            DigitRule::Barge => self.a.digits.front().map(|digit| Played::Terminated(digit.key)),
            DigitRule::Terminate(keys) => {
                while let Some(digit) = self.a.digits.pop_front() {
                    if keys.contains(digit.key) {
                        return Some(Played::Terminated(digit.key));
                    }
                }
                None
            }
        }
    }
}
