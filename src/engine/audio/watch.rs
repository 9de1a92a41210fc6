//! Waiting for a tone: dial tones, answering machines, fax.

use super::goertzel;

/// Length of a block, ms; with it the resolution is 20 Hz.
const BLOCK_MS: usize = 50;
/// Blocks in a row that make a tone.
const BLOCKS: u32 = 2;
/// Least loudness: mean square of a sample (about -46 dBm0).
const LEAST: f64 = 10_000.0;
/// Least part of the energy in the tone's frequencies, and of each of them when it were shared evenly.
const SHARE: f64 = 0.6;
const EACH: f64 = 0.25;

/// Waits for all of some frequencies at once.
#[derive(Debug, Clone)]
pub struct ToneWatch {
    hz: Vec<f64>,
    rate: u32,
    /// Times that it has still to begin.
    left: u32,
    block: Vec<i16>,
    /// Blocks it has lasted.
    lasted: u32,
}

impl ToneWatch {
    /// For frequencies in Hz; `hits`: how often it has to begin.
    pub fn new(hz: &[u32], hits: u32, rate: u32) -> Self {
        let hz = hz.iter().copied().map(f64::from).collect();
        Self { hz, rate, left: hits.max(1), block: Vec::new(), lasted: 0 }
    }

    /// Takes samples; true once, when the tone has begun often enough.
    pub fn push(&mut self, samples: &[i16]) -> bool {
        let length = (self.rate as usize * BLOCK_MS / 1000).max(1);
        let mut found = false;
        for sample in samples {
            self.block.push(*sample);
            if self.block.len() < length {
                continue;
            }
            self.lasted = if self.is_tone() { self.lasted.saturating_add(1) } else { 0 };
            self.block.clear();
            if self.lasted == BLOCKS && self.left > 0 {
                self.left = self.left.saturating_sub(1);
                found |= self.left == 0;
            }
        }
        found
    }

    fn is_tone(&self) -> bool {
        if self.hz.is_empty() || goertzel::energy(&self.block) < LEAST * self.block.len() as f64 {
            return false;
        }
        let shares: Vec<f64> = self.hz.iter().map(|hz| goertzel::share(&self.block, self.rate, *hz)).collect();
        let least = SHARE * EACH / self.hz.len() as f64;
        shares.iter().sum::<f64>() >= SHARE && shares.iter().all(|share| *share >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::audio::ToneScript;

    fn samples(script: &str) -> Vec<i16> {
        ToneScript::parse(script).unwrap().samples(8000, 80_000)
    }

    #[test]
    fn tones_are_told_from_others() {
        for (wanted, hits, script, expected) in [
            (&[1100][..], 1, "%(500,0,1100)", true),
            (&[1100], 1, "%(40,500,1100)", false),
            (&[1100], 1, "%(500,0,1300)", false),
            (&[1100], 1, "%(500,0,440,480)", false),
            (&[440, 480], 1, "%(500,0,440,480)", true),
            (&[440, 480], 1, "%(500,0,440)", false),
            (&[480, 620], 3, "%(500,500,480,620);loops=3", true),
            (&[480, 620], 4, "%(500,500,480,620);loops=3", false),
            (&[480, 620], 2, "%(3000,0,480,620)", false),
            (&[], 1, "%(500,0,440)", false),
        ] {
            let mut watch = ToneWatch::new(wanted, hits, 8000);
            let found = samples(script).chunks(160).filter(|chunk| watch.push(chunk)).count();
            assert_eq!(found, usize::from(expected), "{wanted:?} {hits} {script}");
        }
        assert!(!ToneWatch::new(&[440], 1, 8000).push(&[0; 8000]), "silence");
    }
}
