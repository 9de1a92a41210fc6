//! Judging what was heard: how loud it was, which tone it held, which prompt it was.
//!
//! A prompt is found by its content: first the loudness curve is slid along the recording, then the best places are
//! compared sample by sample. G.711 alone leaves a correlation above 0.99; a different prompt stays below 0.4.

use std::path::{Path, PathBuf};

use super::sound::{RATE, read_wav};

/// Samples per point of the loudness curve: 5 ms.
const STEP: usize = 40;
/// A frame of 20 ms counts as loud above this RMS (about -46 dBFS).
const LOUD: f64 = 160.0;
/// Correlation from which two recordings are the same.
pub const SAME: f64 = 0.9;

/// Where a reference was found in a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Correlation of the samples, -1..=1.
    pub score: f64,
    /// Sample at which the reference begins.
    pub at: usize,
    /// Share of the reference that lies within the recording, 0..=1.
    pub covered: f64,
}

/// Seconds of frames that are not silence.
pub fn loud_seconds(samples: &[i16]) -> f64 {
    let loud = samples.chunks(160).filter(|frame| rms(frame) > LOUD).map(<[i16]>::len).sum::<usize>();
    loud as f64 / f64::from(RATE)
}

/// Root mean square.
pub fn rms(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (sum / samples.len() as f64).sqrt()
}

/// Share of the energy that lies at one frequency (Goertzel over 20 ms frames, loud frames only), 0..=1.
pub fn tone_share(samples: &[i16], hz: f64) -> f64 {
    let (mut at_tone, mut all) = (0.0, 0.0);
    let factor = 2.0 * (std::f64::consts::TAU * hz / f64::from(RATE)).cos();
    for frame in samples.chunks_exact(160).filter(|frame| rms(frame) > LOUD) {
        let (mut one, mut two, mut energy) = (0.0, 0.0, 0.0);
        for sample in frame {
            let sample = f64::from(*sample);
            (one, two) = (sample + factor * one - two, one);
            energy += sample * sample;
        }
        at_tone += (one * one + two * two - factor * one * two) * 2.0 / frame.len() as f64;
        all += energy;
    }
    if all > 0.0 { (at_tone / all).min(1.0) } else { 0.0 }
}

/// Looks for a reference in a recording. The recording may begin before and end before the reference does.
pub fn find(heard: &[i16], reference: &[i16]) -> Option<Found> {
    let (curve, wanted) = (curve(heard), curve(reference));
    if curve.len() < 20 || wanted.len() < 20 {
        return None;
    }
    // A reference cut short by the end of the recording still counts when a fifth of it is there.
    let last = curve.len().saturating_sub(wanted.len() / 5);
    let mut places: Vec<(f64, usize)> = (0..last)
        .map(|at| {
            let pairs = curve.iter().skip(at).zip(&wanted);
            (correlation(pairs.map(|(a, b)| (*a, *b)), true), at)
        })
        .collect();
    places.sort_by(|a, b| b.0.total_cmp(&a.0));
    places
        .into_iter()
        .take(3)
        .filter_map(|(_, at)| refine(heard, reference, at * STEP))
        .max_by(|a, b| a.score.total_cmp(&b.score))
}

/// The best exact place near `around`.
fn refine(heard: &[i16], reference: &[i16], around: usize) -> Option<Found> {
    (around.saturating_sub(STEP)..=around + STEP)
        .map(|at| {
            let pairs = heard.iter().skip(at).zip(reference).map(|(a, b)| (f64::from(*a), f64::from(*b)));
            let covered = heard.len().saturating_sub(at).min(reference.len()) as f64 / reference.len() as f64;
            Found { score: correlation(pairs, false), at, covered }
        })
        .max_by(|a, b| a.score.total_cmp(&b.score))
}

fn curve(samples: &[i16]) -> Vec<f64> {
    samples.chunks_exact(STEP).map(rms).collect()
}

/// Pearson's correlation when `centred`, else the cosine.
fn correlation(pairs: impl Iterator<Item = (f64, f64)> + Clone, centred: bool) -> f64 {
    let (mut mean_a, mut mean_b) = (0.0, 0.0);
    if centred {
        let mut count = 0.0_f64;
        for (a, b) in pairs.clone() {
            mean_a += a;
            mean_b += b;
            count += 1.0;
        }
        mean_a /= count.max(1.0);
        mean_b /= count.max(1.0);
    }
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    if of_a > 0.0 && of_b > 0.0 { both / (of_a * of_b).sqrt() } else { 0.0 }
}

/// The prompts of a sounds folder, to name what was heard.
#[derive(Debug, Default)]
pub struct Prompts {
    known: Vec<(String, Vec<i16>)>,
}

impl Prompts {
    /// Reads every 8 kHz prompt below a sounds folder; names are those that dialplans use (`ivr/ivr-user_busy.wav`).
    pub fn load(sounds: &Path) -> Self {
        let mut files = Vec::new();
        collect(sounds, 4, &mut files);
        let mut known: Vec<_> = files
            .into_iter()
            .filter_map(|path| {
                let folder = path.parent()?;
                let inside = folder.parent().filter(|_| folder.ends_with("8000"))?.strip_prefix(sounds).ok()?;
                let name = inside.join(path.file_name()?).to_string_lossy().into_owned();
                Some((name, read_wav(&path).ok()?))
            })
            .collect();
        known.sort();
        Self { known }
    }

    /// Names and samples.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[i16])> {
        self.known.iter().map(|(name, samples)| (name.as_str(), samples.as_slice()))
    }

    /// The samples of one prompt.
    pub fn named(&self, name: &str) -> Option<&[i16]> {
        self.iter().find(|(known, _)| *known == name).map(|(_, samples)| samples)
    }

    /// The prompt that was heard: the best match, if it is one.
    pub fn identify(&self, heard: &[i16]) -> Option<(&str, Found)> {
        self.iter()
            .filter_map(|(name, samples)| Some((name, find(heard, samples)?)))
            .filter(|(_, found)| found.score >= SAME)
            .max_by(|a, b| a.1.score.total_cmp(&b.1.score))
    }
}

fn collect(folder: &Path, depth: u32, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, out);
        } else if path.extension().is_some_and(|kind| kind == "wav") {
            out.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::g711::Codec;
    use super::super::sound::Sound;
    use super::*;

    fn shipped() -> Prompts {
        Prompts::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds"))
    }

    fn through(codec: Codec, samples: &[i16]) -> Vec<i16> {
        samples.iter().map(|sample| codec.decode(codec.encode(*sample))).collect()
    }

    #[test]
    fn a_prompt_is_known_by_its_content() {
        let prompts = shipped();
        for (name, codec, before) in [
            ("ivr/ivr-user_busy.wav", Codec::Pcmu, 3211),
            ("NotInService.wav", Codec::Pcma, 0),
            ("ivr/ivr-no_answer.wav", Codec::Pcmu, 77),
        ] {
            let mut heard = vec![4; before];
            heard.extend(through(codec, prompts.named(name).unwrap()));
            heard.extend(vec![0; 1000]);
            let (got, found) = prompts.identify(&heard).unwrap();
            assert_eq!((got, found.at), (name, before));
            assert!(found.score > 0.99 && found.covered > 0.99, "{found:?}");
        }
    }

    #[test]
    fn another_prompt_is_not_mistaken() {
        let prompts = shipped();
        let busy = through(Codec::Pcmu, prompts.named("ivr/ivr-user_busy.wav").unwrap());
        for (name, samples) in prompts.iter().filter(|(name, _)| *name != "ivr/ivr-user_busy.wav") {
            let score = find(&busy, samples).map_or(0.0, |found| found.score);
            assert!(score < 0.7, "{name}: {score}");
        }
        let half: Vec<i16> = busy.iter().take(busy.len() / 2).copied().collect();
        let (name, found) = prompts.identify(&half).unwrap();
        assert_eq!(name, "ivr/ivr-user_busy.wav");
        assert!((found.covered - 0.5).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn silence_and_tones_are_no_prompt() {
        let prompts = shipped();
        let tone: Vec<i16> = (0..100).filter_map(|at| Sound::tone(440.0).frame(at * 160)).flatten().collect();
        assert!(prompts.identify(&tone).is_none());
        assert!(prompts.identify(&vec![0; 16000]).is_none());
        assert!(prompts.identify(&[]).is_none());
        assert!(tone_share(&tone, 440.0) > 0.95, "{}", tone_share(&tone, 440.0));
        assert!(tone_share(&tone, 1000.0) < 0.05, "{}", tone_share(&tone, 1000.0));
        assert!((loud_seconds(&tone) - 2.0).abs() < 0.05);
    }
}
