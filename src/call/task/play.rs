//! What a file string names; waiting, parking, ringback.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::audio::Passing;
use super::{Call, Wake};
use crate::call::channel::Phase;
use crate::call::event::EventName;
use crate::call::media::{MediaCommand, PlaySource};
use crate::words::model::Cause;

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
    /// The source of a file string, relative names below `sound_prefix`.
    pub(super) fn prompt_source(&self, text: &str, start_sample: u64) -> Result<PlaySource, String> {
        let source = source_of(text, start_sample)?;
        if let PlaySource::File { name, start_sample } = &source
            && name.is_relative()
            && let Some(prefix) = self.a.get("sound_prefix").filter(|prefix| !prefix.is_empty())
        {
            return Ok(PlaySource::File { name: PathBuf::from(prefix).join(name), start_sample: *start_sample });
        }
        Ok(source)
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
        self.fire(EventName::CHANNEL_PARK, &[]);
        while self.a.phase == Phase::Park {
            if matches!(self.next(until).await, Wake::Timer) {
                self.hangup(cause);
            }
            self.run_executions().await;
        }
        self.audio.command(MediaCommand::IdleSilence(false));
        self.fire(EventName::CHANNEL_UNPARK, &[]);
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
        if self.a.get(name).is_none() || self.rings_plainly() {
            return false;
        }
        self.start_ringback().await;
        true
    }

    /// Whether the caller can hear no ringback of ours: its media is not ours, or it has made no offer.
    fn rings_plainly(&self) -> bool {
        self.audio.offers_late() || self.passing_to("sofia") != Passing::No
    }

    pub(super) async fn start_ringback(&mut self) {
        let name = if self.a.answered { "transfer_ringback" } else { "ringback" };
        let Some(text) = self.a.get(name).map(str::to_owned) else { return };
        if self.ringing.is_some() || self.rings_plainly() || !self.pre_answer().await {
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
