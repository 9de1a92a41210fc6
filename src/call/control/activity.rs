//! What takes time in a script and goes on or ends as its input callback answers.
//!
//! The call tells of each digit and lets the activity rest until the script goes on with it: the callback is ordinary
//! code of the script, which may ask the call for anything, also for another activity.

use crate::call::media::Setting;

/// Something that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// `session:streamFile`; done when it was played to its end.
    Stream {
        /// Path in the grammar of `playback`.
        path: String,
        /// First sample.
        start_sample: u64,
    },
    /// `session:say`.
    Say {
        /// Language of the rules: `en`.
        module: String,
        /// Type: `number`.
        kind: String,
        /// Method: `pronounced`.
        method: String,
        /// Text.
        text: String,
    },
    /// `session:sayPhrase`.
    Phrase {
        /// Macro.
        name: String,
        /// Its data.
        data: String,
        /// None: that of the channel.
        language: Option<String>,
    },
    /// `session:recordFile`; done when it came to its limit or to silence.
    Record {
        /// File; relative names as those of `record`.
        path: String,
        /// Seconds; 0: no limit.
        limit_s: u64,
        /// Mean absolute sample below which the caller is silent; with 0 and 0 seconds silence is not looked for.
        threshold: u32,
        /// Seconds of silence that end it.
        silence_s: u64,
    },
    /// `session:sleep`; done unless broken by hang-up.
    Sleep {
        /// Milliseconds.
        ms: u64,
    },
    /// `session:collectDigits`: waits until no digit came for a while. Digits are lost unless told.
    Collect {
        /// ms without a digit; 0: none.
        digit_ms: u64,
        /// ms in all; 0: none.
        absolute_ms: u64,
    },
}

/// How far an activity came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is over; whether it came to its end.
    Over(bool),
    /// A digit came. The activity rests until the script goes on with it.
    Digit {
        /// `0-9 * # A-D`.
        digit: char,
        /// Length in timestamp units of 8 kHz.
        duration: u32,
    },
}

/// What an input callback wants of a playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Continue,
    /// It ends.
    Stop,
    /// It stands still until the next time.
    Pause,
    /// It begins anew.
    Restart,
    /// It goes on at this time, ms.
    SeekTo(u64),
    /// It goes on so many ms from where it is.
    SeekBy(i64),
    /// Another loudness.
    Volume(Setting),
    /// Another speed.
    Speed(Setting),
    /// It ends, and a recording loses what it holds.
    Truncate,
}

/// Relative step of a seek that names none, ms.
const STEP_MS: i64 = 1000;

impl Verdict {
    /// That of a callback's text; none: it returned nil or a boolean. As FreeSWITCH reads it: `pause`, `restart`, `truncate`
    /// and `stop` as whole words, `seek`, `speed` and `volume` by their beginning, what is no word of these stops.
    pub fn parse(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !matches!(*text, "" | "true" | "undefined")) else { return Self::Continue };
        let word = text.to_ascii_lowercase();
        match word.as_str() {
            "pause" => return Self::Pause,
            "restart" => return Self::Restart,
            "truncate" => return Self::Truncate,
            _ => {}
        }
        let Some((what, value)) = word.split_once(':') else { return Self::Stop };
        if what.starts_with("seek") {
            return seek(value);
        }
        match what {
            _ if what.starts_with("speed") => Self::Speed(setting(value)),
            _ if what.starts_with("volume") => Self::Volume(setting(value)),
            _ => Self::Stop,
        }
    }
}

fn seek(value: &str) -> Verdict {
    let ms = leading_number(value.trim_start_matches(['+', '-']));
    let step = if ms == 0 { STEP_MS } else { ms };
    match value.as_bytes().first() {
        Some(b'+') => Verdict::SeekBy(step),
        Some(b'-') => Verdict::SeekBy(step.saturating_neg()),
        _ => Verdict::SeekTo(ms.unsigned_abs()),
    }
}

/// `+2`, `-` (one step), or an absolute value.
fn setting(value: &str) -> Setting {
    let steps = leading_number(value.trim_start_matches(['+', '-']));
    let steps = i8::try_from(steps).unwrap_or(i8::MAX);
    let step = if steps == 0 { 1 } else { steps };
    match value.as_bytes() {
        [b'+', ..] => Setting::By(step),
        // An absolute value may be below 0 only as a step: `volume:-2` is two steps less, as in FreeSWITCH.
        [b'-', ..] => Setting::By(step.saturating_neg()),
        _ => Setting::To(steps),
    }
}

/// The number a text begins with; 0 when with none.
fn leading_number(text: &str) -> i64 {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_callbacks() {
        for (text, expected) in [
            ("", Verdict::Continue),
            ("true", Verdict::Continue),
            ("undefined", Verdict::Continue),
            ("True", Verdict::Stop),
            ("stop", Verdict::Stop),
            ("break", Verdict::Stop),
            ("false", Verdict::Stop),
            ("1", Verdict::Stop),
            ("truncate", Verdict::Truncate),
            ("truncated", Verdict::Stop),
            ("PAUSE", Verdict::Pause),
            ("pauses", Verdict::Stop),
            ("restart", Verdict::Restart),
            ("seek:+3000", Verdict::SeekBy(3000)),
            ("SEEK:-500", Verdict::SeekBy(-500)),
            ("seek:+", Verdict::SeekBy(1000)),
            ("seek:-x", Verdict::SeekBy(-1000)),
            ("seek:250", Verdict::SeekTo(250)),
            ("seek:x", Verdict::SeekTo(0)),
            ("seek:99999999999999999999", Verdict::SeekTo(0)),
            ("seek", Verdict::Stop),
            ("speed:+1", Verdict::Speed(Setting::By(1))),
            ("Speed:-", Verdict::Speed(Setting::By(-1))),
            ("speed:2", Verdict::Speed(Setting::To(2))),
            ("volume:0", Verdict::Volume(Setting::To(0))),
            ("volume:+x", Verdict::Volume(Setting::By(1))),
            ("volume:-2", Verdict::Volume(Setting::By(-2))),
            ("volume:999999", Verdict::Volume(Setting::To(i8::MAX))),
            ("volume", Verdict::Stop),
        ] {
            assert_eq!(Verdict::parse(Some(text)), expected, "{text}");
        }
        assert_eq!(Verdict::parse(None), Verdict::Continue);
    }
}
