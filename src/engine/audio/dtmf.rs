//! Digits as tones in the audio (ITU-T Q.23, Q.24).
//!
//! The detector looks at blocks of 102 samples of 8 kHz (12.75 ms). A block holds a digit when one low and one high
//! frequency stand out, are about equally loud (*twist*), and together hold most of the energy. Two equal blocks in a row
//! begin a digit, two that are not end it, so that clicks and short dropouts do neither.

use std::f64::consts::TAU;

use super::goertzel::{energy, power};

const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Samples of a block at 8 kHz.
const BLOCK: usize = 102;
/// Least loudness: mean square of a sample (about -40 dBm0).
const FLOOR: f64 = 20_000.0;
/// The louder of the two may be this much above the other (10 dB; Q.24 wants 8 at least).
const TWIST: f64 = 10.0;
/// The strongest of a group over each other of it.
const CONTRAST: f64 = 4.0;
/// Least part of the energy in the two frequencies. Noise and speech have less.
const PURITY: f64 = 0.7;

/// The two frequencies of a key, Hz.
pub fn dtmf_frequencies(key: char) -> Option<[f64; 2]> {
    let key = key.to_ascii_uppercase();
    KEYS.iter()
        .zip(LOW)
        .find_map(|(row, low)| row.iter().zip(HIGH).find(|(known, _)| **known == key).map(|(_, high)| [low, high]))
}

/// A digit as samples: both frequencies at -9 dBm0 each, `ms` long. None: no such key.
pub fn dtmf_samples(key: char, ms: u32, rate: u32) -> Option<Vec<i16>> {
    const AMPLITUDE: f64 = 8000.0;
    let frequencies = dtmf_frequencies(key)?;
    let count = u64::from(ms) * u64::from(rate) / 1000;
    let sample = |n: u64| {
        let turn = |hz: f64| (TAU * hz * n as f64 / f64::from(rate)).sin();
        (AMPLITUDE * frequencies.into_iter().map(turn).sum::<f64>()).round() as i16
    };
    Some((0..count).map(sample).collect())
}

/// Finds digits in a stream of 8 kHz.
#[derive(Debug, Clone, Default)]
pub struct DtmfDetector {
    block: Vec<i16>,
    /// What the last block held.
    last: Option<char>,
    /// The digit that is sounding.
    sounding: Option<char>,
    /// Blocks it has lasted.
    blocks: u32,
}

impl DtmfDetector {
    /// Takes samples; digits that began in them, each once.
    pub fn push(&mut self, samples: &[i16]) -> Vec<char> {
        let mut digits = Vec::new();
        for sample in samples {
            self.block.push(*sample);
            if self.block.len() == BLOCK {
                let key = key_of(&self.block);
                self.block.clear();
                digits.extend(self.step(key));
            }
        }
        digits
    }

    /// The digit that is sounding, and for how many ms so far.
    pub fn sounding(&self) -> Option<(char, u32)> {
        self.sounding.map(|digit| (digit, self.blocks * BLOCK as u32 / 8))
    }

    fn step(&mut self, key: Option<char>) -> Option<char> {
        let twice = key == self.last;
        self.last = key;
        self.blocks = self.blocks.saturating_add(1);
        if !twice || key == self.sounding {
            return None;
        }
        self.sounding = key;
        self.blocks = 2;
        key
    }
}

/// The key a block holds.
fn key_of(block: &[i16]) -> Option<char> {
    let whole = energy(block);
    if whole < FLOOR * block.len() as f64 {
        return None;
    }
    let (row, low) = strongest(block, &LOW)?;
    let (column, high) = strongest(block, &HIGH)?;
    let even = low <= high * TWIST && high <= low * TWIST;
    let pure = low + high >= PURITY * whole;
    if even && pure { KEYS.get(row)?.get(column).copied() } else { None }
}

/// The frequency that stands out in its group, and its energy.
fn strongest(block: &[i16], group: &[f64; 4]) -> Option<(usize, f64)> {
    let powers = group.map(|hz| power(block, 8000, hz));
    let (at, most) = powers.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let alone = powers.iter().enumerate().all(|(other, power)| other == at || power * CONTRAST <= most);
    alone.then_some((at, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(samples: &[i16]) -> String {
        let mut detector = DtmfDetector::default();
        samples.chunks(160).flat_map(|frame| detector.push(frame)).collect()
    }

    fn dial(digits: &str, on: u32, off: usize, level: f64) -> Vec<i16> {
        let tones = digits.chars().map(|digit| dtmf_samples(digit, on, 8000).unwrap());
        tones.flat_map(|tone| tone.into_iter().map(|s| (f64::from(s) * level) as i16).chain(vec![0; off * 8])).collect()
    }

    #[test]
    fn every_key_is_heard_once() {
        let keys = "1234567890*#ABCD11";
        for (on, off, level) in [(100, 100, 1.0), (45, 45, 1.0), (500, 40, 0.05), (80, 60, 0.3)] {
            assert_eq!(heard(&dial(keys, on, off, level)), keys, "{on} {off} {level}");
        }
    }

    #[test]
    fn the_reference_row_is_heard_too() {
        let script = super::super::ToneScript::parse("d=100;w=100;789C").unwrap();
        assert_eq!(heard(&script.samples(8000, 100_000)), "789C");
    }

    #[test]
    fn other_sounds_are_not_digits() {
        let sum = |parts: &[(f64, f64)]| -> Vec<i16> {
            let value = |n: usize| parts.iter().map(|(hz, a)| a * (TAU * hz * n as f64 / 8000.0).sin()).sum::<f64>();
            (0..8000).map(|n| value(n) as i16).collect()
        };
        let mut seed = 7_u32;
        let noise: Vec<i16> = (0..80_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 16) as i16 / 4
            })
            .collect();
        for (name, samples) in [
            ("silence", vec![0; 8000]),
            ("one tone", sum(&[(697.0, 8000.0)])),
            ("ringing", sum(&[(440.0, 8000.0), (480.0, 8000.0)])),
            ("too much twist", sum(&[(697.0, 8000.0), (1209.0, 1000.0)])),
            ("a third tone", sum(&[(697.0, 6000.0), (1209.0, 6000.0), (400.0, 9000.0)])),
            ("noise", noise),
            ("too short", dial("5", 15, 100, 1.0)),
        ] {
            assert_eq!(heard(&samples), "", "{name}");
        }
    }

    #[test]
    fn a_short_dropout_does_not_double_a_digit() {
        let mut samples = dial("8", 200, 100, 1.0);
        samples[800..880].fill(0);
        assert_eq!(heard(&samples), "8");
        let mut detector = DtmfDetector::default();
        detector.push(&samples[..1600]);
        let (digit, ms) = detector.sounding().unwrap();
        assert!(digit == '8' && (150..=200).contains(&ms), "{ms}");
    }
}
