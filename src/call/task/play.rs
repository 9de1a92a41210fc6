//! Playing to the caller, gathering digits, parking, ringback.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::{Call, Wake};
use crate::call::channel::Phase;
use crate::call::media::{MediaCommand, MediaEvent, PlayEnd, PlayId, PlaySource};
use crate::words::model::Cause;

/// How a playback ended for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Played {
    /// To its end.
    Finished,
    /// A terminator was pressed.
    Terminated(char),
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
}

/// What a file string names. Variables in `{}` before it are left out: the kinds of file we play have none.
pub fn source_of(text: &str, start_sample: u64) -> Result<PlaySource, String> {
    let mut target = text.trim();
    while let Some(rest) = target.strip_prefix('{') {
        let Some((_, rest)) = rest.split_once('}') else { return Err(format!("{text}: '{{' is never closed")) };
        target = rest.trim_start();
    }
    let (target, at) = match target.rsplit_once("@@") {
        Some((name, offset)) => (name, offset.parse().unwrap_or(start_sample)),
        None => (target, start_sample),
    };
    if target.is_empty() {
        return Err("no file is named".to_owned());
    }
    if let Some(rest) = target.strip_prefix("silence_stream://") {
        let (ms, level) = rest.split_once(',').unwrap_or((rest, ""));
        let ms = ms.trim().parse::<i64>().ok().filter(|ms| *ms != 0);
        let ms = ms.ok_or_else(|| format!("{target}: no length in milliseconds"))?;
        return Ok(PlaySource::Silence { ms, level: level.trim().parse().unwrap_or(0) });
    }
    if let Some(script) = target.strip_prefix("tone_stream://") {
        return Ok(PlaySource::Tone { script: script.to_owned() });
    }
    if let Some(path) = target.strip_prefix("file://") {
        let path = path.strip_prefix("localhost").unwrap_or(path);
        return Ok(PlaySource::File { name: PathBuf::from(path), start_sample: at });
    }
    if let Some((scheme, _)) = target.split_once("://") {
        return Err(format!("{scheme}:// is not implemented"));
    }
    for prefix in ["phrase:", "say:"] {
        if target.starts_with(prefix) {
            return Err(format!("{prefix} is not implemented"));
        }
    }
    Ok(PlaySource::File { name: PathBuf::from(target), start_sample: at })
}

impl Call {
    /// Plays a file string to the caller, who gets early media when he has no media yet.
    pub async fn play(&mut self, text: &str, start_sample: u64, rule: DigitRule<'_>) -> Played {
        if !self.pre_answer().await || !self.executing() {
            return Played::Interrupted;
        }
        let mut last = Played::NotFound("no file is named".to_owned());
        let members: Vec<&str> = match text.strip_prefix("file_string://") {
            Some(list) => list.split('!').take(128).collect(),
            None => vec![text],
        };
        if members.len() > 1 {
            // As FreeSWITCH does before the first member.
            self.play_source(PlaySource::Silence { ms: 250, level: 0 }, rule).await;
        }
        let mut played = false;
        for member in members {
            let outcome = match self.prompt_source(member, start_sample) {
                Ok(source) => self.play_source(source, rule).await,
                Err(why) => Played::NotFound(why),
            };
            match outcome {
                Played::Finished => played = true,
                Played::NotFound(why) => {
                    tracing::error!(file = member, why, "cannot be played");
                    last = Played::NotFound(why);
                }
                ended => return ended,
            }
        }
        if played { Played::Finished } else { last }
    }

    /// The source of a file string, relative names below `sound_prefix`.
    fn prompt_source(&self, text: &str, start_sample: u64) -> Result<PlaySource, String> {
        let source = source_of(text, start_sample)?;
        if let PlaySource::File { name, start_sample } = &source
            && name.is_relative()
            && let Some(prefix) = self.a.get("sound_prefix").filter(|prefix| !prefix.is_empty())
        {
            return Ok(PlaySource::File { name: PathBuf::from(prefix).join(name), start_sample: *start_sample });
        }
        Ok(source)
    }

    async fn play_source(&mut self, source: PlaySource, rule: DigitRule<'_>) -> Played {
        if let Some(ended) = self.digit_ends(rule) {
            return ended;
        }
        if self.audio.port().is_none() {
            return Played::NotFound("the leg has no audio".to_owned());
        }
        let id = self.next_play();
        self.audio.command(MediaCommand::Play { id, source });
        loop {
            match self.next(None).await {
                Wake::Media(MediaEvent::PlayEnded { id: ended, end, played_ms }) if ended == id => {
                    return self.play_ended(end, played_ms);
                }
                Wake::Caller if !self.executing() => {
                    self.audio.command(MediaCommand::Stop { id });
                    return Played::Interrupted;
                }
                Wake::Caller => {
                    if let Some(ended) = self.digit_ends(rule) {
                        self.audio.command(MediaCommand::Stop { id });
                        self.stopped(id).await;
                        return ended;
                    }
                }
                Wake::Media(_) | Wake::Callee(..) | Wake::CalleeMedia(..) | Wake::Timer => {}
            }
        }
    }

    fn play_ended(&mut self, end: PlayEnd, played_ms: u64) -> Played {
        match end {
            PlayEnd::Finished | PlayEnd::Stopped => {
                let samples = played_ms.saturating_mul(8);
                for (name, value) in [
                    ("playback_seconds", played_ms / 1000),
                    ("playback_ms", played_ms),
                    ("playback_samples", samples),
                    ("playback_last_offset_pos", samples),
                ] {
                    self.a.variables.set(name, &value.to_string());
                }
                Played::Finished
            }
            PlayEnd::NotFound => Played::NotFound("there is no such file".to_owned()),
            PlayEnd::Failed(why) => Played::NotFound(why),
        }
    }

    /// Waits for the end of a stopped playback, so that its variables are right; half a second at most.
    async fn stopped(&mut self, id: PlayId) {
        let until = Instant::now() + Duration::from_millis(500);
        while self.a.up() {
            match self.next(Some(until)).await {
                Wake::Media(MediaEvent::PlayEnded { id: ended, end, played_ms }) if ended == id => {
                    self.play_ended(end, played_ms);
                    return;
                }
                Wake::Timer => return,
                _ => {}
            }
        }
    }

    fn digit_ends(&mut self, rule: DigitRule<'_>) -> Option<Played> {
        match rule {
            DigitRule::Keep => None,
            DigitRule::Barge => self.a.digits.front().map(|digit| Played::Terminated(*digit)),
            DigitRule::Terminate(keys) => {
                while let Some(digit) = self.a.digits.pop_front() {
                    if keys.contains(digit) {
                        return Some(Played::Terminated(digit));
                    }
                }
                None
            }
        }
    }

    /// Waits; false when the caller left or was transferred before the time was over.
    pub async fn sleep(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.executing() {
            if matches!(self.next(Some(until)).await, Wake::Timer) {
                return true;
            }
        }
        false
    }

    /// Waits as [`Call::sleep`], until a digit is there.
    pub async fn sleep_or_digit(&mut self, until: Option<Instant>) -> bool {
        while self.executing() && self.a.digits.is_empty() {
            if matches!(self.next(until).await, Wake::Timer) {
                return false;
            }
        }
        self.executing()
    }

    /// `park`: holds the channel until it is hung up or transferred. Sends the caller nothing.
    pub async fn park(&mut self) {
        if !self.executing() {
            return;
        }
        self.a.phase = Phase::Park;
        let (seconds, cause) = match self.a.get("park_timeout").map(str::to_owned) {
            Some(text) => {
                self.a.variables.remove("park_timeout");
                self.a.variables.remove("park_after_bridge");
                let (seconds, cause) = text.split_once(':').unwrap_or((&text, ""));
                (seconds.trim().parse::<u64>().ok().filter(|n| *n > 0), Cause::parse(cause))
            }
            None => (None, Cause::NORMAL_CLEARING),
        };
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        self.audio.command(MediaCommand::IdleSilence(true));
        while self.a.phase == Phase::Park {
            if matches!(self.next(until).await, Wake::Timer) {
                self.hangup(cause);
            }
        }
        self.audio.command(MediaCommand::IdleSilence(false));
    }

    /// `echo`: the caller hears himself until he leaves.
    pub async fn echo(&mut self) {
        self.audio.command(MediaCommand::Echo(true));
        while self.executing() {
            self.next(None).await;
        }
        self.audio.command(MediaCommand::Echo(false));
    }

    /// Plays the ringback that the caller's variables name, from the first ringing on; false when they name none.
    pub(super) async fn ringback_if_set(&mut self) -> bool {
        let name = if self.a.answered { "transfer_ringback" } else { "ringback" };
        if self.a.get(name).is_none() {
            return false;
        }
        self.start_ringback().await;
        true
    }

    pub(super) async fn start_ringback(&mut self) {
        let name = if self.a.answered { "transfer_ringback" } else { "ringback" };
        let Some(text) = self.a.get(name).map(str::to_owned) else { return };
        if self.ringing.is_some() || !self.pre_answer().await {
            return;
        }
        let source = if text.starts_with('%') || text.contains('=') {
            Ok(PlaySource::Tone { script: format!("{text};loops=-1") })
        } else if text.starts_with("silence") {
            Ok(PlaySource::Silence { ms: -1, level: 0 })
        } else {
            self.prompt_source(&text, 0)
        };
        match source {
            Ok(source) => {
                let id = self.next_play();
                self.ringing = Some(id);
                self.audio.command(MediaCommand::Play { id, source });
            }
            Err(why) => tracing::error!(why, "the ringback cannot be played"),
        }
    }

    pub(super) fn stop_ringback(&mut self) {
        if let Some(id) = self.ringing.take() {
            self.audio.command(MediaCommand::Stop { id });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_strings() {
        let file = |name: &str, start_sample| Ok(PlaySource::File { name: PathBuf::from(name), start_sample });
        assert_eq!(source_of("ivr/a.wav", 0), file("ivr/a.wav", 0));
        assert_eq!(source_of("{timeout=5}{x=y} /a b.wav", 7), file("/a b.wav", 7));
        assert_eq!(source_of("a.wav@@800", 0), file("a.wav", 800));
        assert_eq!(source_of("file://localhost/x.wav", 0), file("/x.wav", 0));
        assert_eq!(source_of("silence_stream://500,1400", 0), Ok(PlaySource::Silence { ms: 500, level: 1400 }));
        assert_eq!(source_of("silence_stream://-1", 0), Ok(PlaySource::Silence { ms: -1, level: 0 }));
        assert_eq!(
            source_of("tone_stream://%(1,2,3);loops=2", 0),
            Ok(PlaySource::Tone { script: "%(1,2,3);loops=2".to_owned() })
        );
        for wrong in ["", "{a=b", "silence_stream://0", "silence_stream://x", "http://h/x.wav", "say:hello", "phrase:x"]
        {
            assert!(source_of(wrong, 0).is_err(), "{wrong}");
        }
    }
}
