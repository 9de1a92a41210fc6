//! `tone_detect`: something is done when a tone is heard.

use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use super::hooks;
use crate::call::control::Execution;
use crate::call::event::EventName;
use crate::call::leg::LegId;
use crate::call::media::{Lane, MediaCommand, ToneId, ToneSpec};
use crate::words::expand::split;

/// Tones that one call may wait for.
const MOST_KEYS: usize = 16;
/// Frequencies of one.
const MOST_FREQUENCIES: usize = 8;
/// Longest wait, ms: a day.
const LONGEST_MS: u64 = 86_400_000;

/// A tone that is waited for.
#[derive(Debug)]
pub(super) struct Tone {
    leg: LegId,
    id: ToneId,
    key: String,
    since: Instant,
    /// What runs then; none: the hooks.
    then: Option<(String, String)>,
}

/// What the data of `tone_detect` say.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    key: String,
    spec: ToneSpec,
    then: Option<(String, String)>,
}

/// `<key> <frequencies> [<flags> [[+]<timeout> [<application> <data> <hits>]]]`; `now_s` seconds since 1970, for a timeout
/// that is a moment.
fn parse(data: &str, now_s: u64) -> Option<Wish> {
    let words = split(data, ' ', 7);
    let word = |at: usize| words.get(at).map(|word| word.trim()).filter(|word| !word.is_empty());
    let key: String = word(0)?.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let hz: Option<Vec<u32>> =
        word(1)?.split(',').map(|hz| hz.trim().parse::<f64>().ok().map(|hz| hz as u32)).collect();
    let hz = hz.filter(|hz| hz.len() <= MOST_FREQUENCIES && hz.iter().all(|hz| (50..4000).contains(hz)))?;
    let flags = word(2).unwrap_or_default().to_ascii_lowercase();
    let lane = if flags.contains('w') && !flags.contains('r') { Lane::Told } else { Lane::Heard };
    let limit_s = match word(3).unwrap_or("0") {
        text if text.starts_with('+') => text.trim_start_matches('+').parse().unwrap_or(0),
        text => text.parse::<u64>().map_or(0, |moment| moment.saturating_sub(now_s)),
    };
    let hits = word(6).and_then(|text| text.parse().ok()).unwrap_or(1);
    let then = word(4).map(|name| (name.to_owned(), word(5).unwrap_or_default().to_owned()));
    let limit_ms = limit_s.saturating_mul(1000).min(LONGEST_MS);
    Some(Wish { key, spec: ToneSpec { lane, hz, hits, limit_ms }, then })
}

impl Call {
    /// The application `tone_detect`. The same key again begins anew.
    pub fn detect_tone(&mut self, data: &str) {
        let Some(Wish { key, spec, then }) = parse(data, self.now_us() / 1_000_000) else {
            tracing::error!(data, "tone_detect: no key, or no frequencies of 50 to 4000 Hz");
            return;
        };
        let front = self.front;
        self.tones.retain(|tone| tone.leg != front || tone.key != key);
        if self.tones.len() >= MOST_KEYS {
            tracing::error!("tone_detect: too many tones are waited for");
            return;
        }
        self.last_tone = self.last_tone.wrapping_add(1);
        let id = ToneId(self.last_tone);
        self.audio.command(MediaCommand::WatchTone { id, spec });
        self.tones.push(Tone { leg: front, id, key, since: Instant::now(), then });
    }

    /// `stop_tone_detect`.
    pub fn forget_tones(&mut self) {
        let front = self.front;
        self.tones.retain(|tone| tone.leg != front);
        self.audio.command(MediaCommand::ForgetTones);
    }

    /// A tone was heard. What is to run then runs at the next wait of the leg.
    pub(super) fn tone_heard(&mut self, leg: LegId, id: ToneId) {
        let Some(at) = self.tones.iter().position(|tone| tone.leg == leg && tone.id == id) else { return };
        let Tone { key, since, then, .. } = self.tones.remove(at);
        let time = since.elapsed().min(Duration::from_millis(LONGEST_MS)).as_millis().to_string();
        let channel = self.channel_of(leg);
        channel.variables.set(&format!("tone_detect_{key}_total_time"), &time);
        let hooked = channel.variables.with_prefix("execute_on_tone_detect").map(|(_, value)| {
            let (name, data) = hooks::parts(value);
            (name.to_owned(), data.to_owned())
        });
        let run: Vec<(String, String)> = then.map_or_else(|| hooked.collect(), |then| vec![then]);
        self.fire_on(leg, EventName::DETECTED_TONE, &[("Detected-Tone", &key)]);
        let on = (leg != self.front).then_some(leg);
        for (name, data) in run {
            self.execute_later(Execution::once(&name, &data), on, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_the_application() {
        let spec = |lane, hz: &[u32], hits, limit_ms| ToneSpec { lane, hz: hz.to_vec(), hits, limit_ms };
        let then = |name: &str, data: &str| Some((name.to_owned(), data.to_owned()));
        for (data, expected, run) in [
            ("fax 1100", Some(spec(Lane::Heard, &[1100], 1, 0)), None),
            ("busy 480,620 r +20 hangup '' 3", Some(spec(Lane::Heard, &[480, 620], 3, 20_000)), then("hangup", "")),
            ("x 440.5 w 1010 set 'a=b c'", Some(spec(Lane::Told, &[440], 1, 10_000)), then("set", "a=b c")),
            ("x 440 rw 5", Some(spec(Lane::Heard, &[440], 1, 0)), None),
            ("", None, None),
            ("x", None, None),
            ("x y", None, None),
            ("x 0", None, None),
            ("x 1e99", None, None),
            ("x 1,2,3", None, None),
        ] {
            let wish = parse(data, 1000);
            assert_eq!(wish.as_ref().map(|wish| &wish.spec), expected.as_ref(), "{data}");
            assert_eq!(wish.and_then(|wish| wish.then), run, "{data}");
        }
    }
}
