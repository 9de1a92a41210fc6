//! Prompts of a rehearsed channel: how long they are, and how an input callback steers them.

use super::{Channel, PATIENCE_MS, Woken};
use crate::call::control::{Activity, Progress, Verdict};
use crate::engine::audio::{ToneScript, Wav};
use crate::program::check::sounds::{Found, locate};
use crate::words::say::{SayMethod, SayType, say};

/// Length of what has none that is known, ms.
const UNKNOWN_MS: u64 = 1_000;
/// Largest prompt that is measured, bytes.
const LARGEST_PROMPT: u64 = 64 << 20;
/// `duration` of a digit: 250 ms at 8 kHz.
const DIGIT_DURATION: u32 = 2_000;

/// What takes time.
pub(super) struct Running {
    length: u64,
    left: u64,
    paused: bool,
}

impl Channel {
    /// How long something lasts, ms; none: it cannot be played.
    pub(super) fn length(&self, activity: &Activity) -> Option<u64> {
        match activity {
            Activity::Stream { path, .. } => self.prompt_length(path),
            Activity::Say { kind, method, text, .. } => self.said_length(kind, method, text),
            // Macros are not looked into: each counts as one prompt.
            Activity::Phrase { .. } => Some(UNKNOWN_MS),
            Activity::Record { limit_s: 0, silence_s: 0, .. } => Some(PATIENCE_MS),
            Activity::Record { limit_s, silence_s: 0, .. } => Some(limit_s.saturating_mul(1000)),
            // The caller is silent from the beginning.
            Activity::Record { silence_s, .. } => Some(silence_s.saturating_mul(1000)),
            Activity::Sleep { ms } => Some(*ms),
            Activity::Collect { digit_ms, absolute_ms } => {
                Some(if *absolute_ms == 0 { *digit_ms } else { *absolute_ms })
            }
        }
    }

    /// The length of words that are said; those whose files are missing count as one prompt each.
    fn said_length(&self, kind: &str, method: &str, text: &str) -> Option<u64> {
        let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let files = say(SayType::parse(kind).ok()?, SayMethod::parse(method).ok()?, text, &now).ok()?;
        Some(files.iter().map(|file| self.prompt_length(&format!("{file}.wav")).unwrap_or(UNKNOWN_MS)).sum())
    }

    pub(super) fn prompt_length(&self, name: &str) -> Option<u64> {
        if let Some(list) = name.strip_prefix("file_string://") {
            return list.split('!').map(|name| self.prompt_length(name)).sum();
        }
        if let Some(rest) = name.strip_prefix("silence_stream://") {
            let ms: String = rest.chars().take_while(char::is_ascii_digit).collect();
            return ms.parse().ok();
        }
        if let Some(script) = name.strip_prefix("tone_stream://") {
            let tone = ToneScript::parse(script).ok()?;
            let once = tone.once().samples(8000, 8000 * 3600).len() as u64 / 8;
            return Some(tone.passes().map_or(PATIENCE_MS, |passes| once.saturating_mul(passes.into())));
        }
        let named = match self.get("sound_prefix") {
            Some(prefix) if !name.starts_with('/') && self.variables.get("sound_prefix").is_some() => {
                format!("{prefix}/{name}")
            }
            _ => name.to_owned(),
        };
        match locate(&named, &self.sounds) {
            Found::File(path) => {
                let small = std::fs::metadata(&path).is_ok_and(|facts| facts.len() <= LARGEST_PROMPT);
                let bytes = if small { std::fs::read(&path).ok()? } else { return Some(UNKNOWN_MS) };
                Some(Wav::parse(&bytes).map_or(UNKNOWN_MS, |wav| wav.ms()))
            }
            Found::NoFile => Some(UNKNOWN_MS),
            Found::Missing => None,
        }
    }

    pub(super) fn begin(&mut self, activity: &Activity, attended: bool) -> Progress {
        if !self.up() {
            return Progress::Over(false);
        }
        if !matches!(activity, Activity::Sleep { .. } | Activity::Collect { .. }) && !self.answered {
            self.early = true;
        }
        let Some(length) = self.length(activity) else { return Progress::Over(false) };
        self.activity = Some(Running { length, left: length, paused: false });
        self.advance(attended)
    }

    pub(super) fn go_on(&mut self, verdict: Verdict, attended: bool) -> Progress {
        let Some(running) = self.activity.as_mut() else { return Progress::Over(false) };
        let played = running.length.saturating_sub(running.left);
        match verdict {
            Verdict::Stop | Verdict::Truncate => {
                self.activity = None;
                return Progress::Over(false);
            }
            Verdict::Pause => running.paused = !running.paused,
            Verdict::Restart => running.left = running.length,
            Verdict::SeekTo(ms) => running.left = running.length.saturating_sub(ms),
            Verdict::SeekBy(ms) => running.left = running.length.saturating_sub(played.saturating_add_signed(ms)),
            // Nothing sounds here, and a rehearsal plays everything at its own speed.
            Verdict::Continue | Verdict::Volume(_) | Verdict::Speed(_) => {}
        }
        self.advance(attended)
    }

    /// Runs what was begun, to its end or to the next digit.
    fn advance(&mut self, attended: bool) -> Progress {
        let Some(running) = self.activity.take() else { return Progress::Over(false) };
        let start = self.clock.now();
        let woken = if running.paused { self.wait_for_ever() } else { self.wait(running.left, attended) };
        match woken {
            Woken::Over => Progress::Over(true),
            Woken::Hung => Progress::Over(false),
            Woken::Digit(digit) => {
                let passed = if running.paused { 0 } else { self.clock.now().saturating_sub(start) };
                self.activity = Some(Running { left: running.left.saturating_sub(passed), ..running });
                Progress::Digit { digit, duration: DIGIT_DURATION }
            }
        }
    }
}
