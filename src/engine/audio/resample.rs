//! Conversion of sampling rates by a windowed sinc, polyphase (J. O. Smith, "Digital Audio Resampling").
//!
//! The ratio of the rates is reduced to a fraction L/M; each of the L phases has its own short filter, made once. Rates
//! without a small fraction get the nearest one, whose error in pitch nobody hears. The output is aligned with the input:
//! sample 0 of one is sample 0 of the other.

use std::f64::consts::PI;

/// Zero crossings of the sinc on either side.
const CROSSINGS: f64 = 16.0;
/// Edge of the passband, as a part of the lower Nyquist frequency.
const PASSBAND: f64 = 0.92;
/// Shape of the Kaiser window: about 80 dB.
const BETA: f64 = 8.0;
/// Most phases; 11,025 to 32,000 Hz needs them all.
const MAX_PHASES: u32 = 1280;
/// Rates beyond these are taken as these.
const RATES: std::ops::RangeInclusive<u32> = 4000..=192_000;

/// Converts one stream.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// L and M.
    up: usize,
    down: usize,
    /// Filter length.
    taps: usize,
    /// L filters, one after the other; empty when nothing is to be converted.
    filters: Vec<f32>,
    /// Input not used up yet, beginning with the past the filter still needs.
    input: Vec<f32>,
    /// Where the next output's filter begins in `input`.
    start: usize,
    phase: usize,
}

/// The whole of a recording at another rate.
pub fn resample(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    let mut out = Vec::new();
    let mut resampler = Resampler::new(from, to);
    resampler.process(samples, &mut out);
    resampler.finish(&mut out);
    out
}

impl Resampler {
    /// From one rate to another, Hz.
    pub fn new(from: u32, to: u32) -> Self {
        let clamp = |rate: u32| rate.clamp(*RATES.start(), *RATES.end());
        let (up, down) = fraction(clamp(to), clamp(from));
        if up == down {
            return Self { up: 1, down: 1, taps: 0, filters: vec![], input: vec![], start: 0, phase: 0 };
        }
        let cutoff = PASSBAND * (f64::from(up) / f64::from(down)).min(1.0);
        let half = (CROSSINGS / cutoff).ceil();
        let filters = (0..up).flat_map(|phase| filter(f64::from(phase) / f64::from(up), cutoff, half)).collect();
        let half = half as usize;
        Self {
            up: up as usize,
            down: down as usize,
            taps: 2 * half,
            filters,
            input: vec![0.0; half - 1],
            start: 0,
            phase: 0,
        }
    }

    /// Takes samples and appends those that can be computed; the last few wait for the next call.
    pub fn process(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        if self.filters.is_empty() {
            out.extend_from_slice(samples);
            return;
        }
        self.input.extend(samples.iter().map(|sample| f32::from(*sample)));
        out.reserve(samples.len() * self.up / self.down + 1);
        while let Some(window) = self.input.get(self.start..self.start + self.taps) {
            let filter = self.filters.get(self.phase * self.taps..).unwrap_or_default();
            let sum: f32 = window.iter().zip(filter).map(|(sample, weight)| sample * weight).sum();
            // A cast saturates.
            out.push(sum.round() as i16);
            self.phase += self.down;
            self.start += self.phase / self.up;
            self.phase %= self.up;
        }
        let used = self.start.min(self.input.len());
        self.input.drain(..used);
        self.start -= used;
    }

    /// Appends what waits, at the end of the stream.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        self.process(&vec![0; self.taps / 2], out);
    }
}

/// `to / from` as the nearest fraction with at most [`MAX_PHASES`] phases.
fn fraction(to: u32, from: u32) -> (u32, u32) {
    let divisor = gcd(to, from);
    let (up, down) = (to / divisor, from / divisor);
    if up <= MAX_PHASES {
        return (up, down);
    }
    let ratio = f64::from(down) / f64::from(up);
    let nearest = |up: u32| (f64::from(up) * ratio).round().max(1.0);
    let error = |up: u32| (nearest(up) / f64::from(up) - ratio).abs();
    let up = (1..=MAX_PHASES).min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(1);
    (up, nearest(up) as u32)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// The filter of one phase; its weights add up to one, so that level and silence are exact.
fn filter(offset: f64, cutoff: f64, half: f64) -> impl Iterator<Item = f32> {
    let weights: Vec<f64> = (0..2 * half as u32)
        .map(|tap| {
            let distance = f64::from(tap) - half + 1.0 - offset;
            // The window's usual divisor falls out when the weights are made to add up to one.
            sinc(cutoff * distance) * kaiser(distance / half)
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(move |weight| (weight / sum) as f32)
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn kaiser(x: f64) -> f64 {
    bessel(BETA * (1.0 - x * x).max(0.0).sqrt())
}

/// Modified Bessel function of order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..40 {
        let part = x / 2.0 / f64::from(n);
        term *= part * part;
        sum += term;
        if term < sum * 1e-12 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: [u32; 8] = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

    fn sine(hz: f64, rate: u32, count: usize) -> Vec<i16> {
        (0..count).map(|n| (10_000.0 * (2.0 * PI * hz * n as f64 / f64::from(rate)).sin()).round() as i16).collect()
    }

    /// Signal to noise in dB against the exact sine, the ends apart.
    fn snr(heard: &[i16], hz: f64, rate: u32) -> f64 {
        let wanted = sine(hz, rate, heard.len());
        let middle = 200..heard.len() - 200;
        let power = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        let signal = power(&mut wanted[middle.clone()].iter().map(|v| f64::from(*v)));
        let noise = power(&mut middle.clone().map(|n| f64::from(wanted[n]) - f64::from(heard[n])));
        10.0 * (signal / noise.max(1e-9)).log10()
    }

    #[test]
    fn a_tone_stays_the_same_tone_at_every_pair_of_rates() {
        for from in KNOWN {
            for to in KNOWN {
                let heard = resample(&sine(1000.0, from, from as usize), from, to);
                assert_eq!(heard.len(), to as usize, "{from} to {to}");
                let snr = snr(&heard, 1000.0, to);
                assert!(snr > 60.0, "{from} to {to}: {snr:.1} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_vanishes() {
        for (from, to, hz) in [(16_000, 8000, 5000.0), (48_000, 8000, 10_000.0), (44_100, 16_000, 9500.0)] {
            let heard = resample(&sine(hz, from, from as usize), from, to);
            let loudest = heard[200..heard.len() - 200].iter().map(|s| s.abs()).max().unwrap();
            assert!(loudest < 30, "{from} to {to}: {loudest}");
        }
    }

    #[test]
    fn pieces_make_the_same_whole() {
        let input = sine(700.0, 44_100, 5000);
        let mut resampler = Resampler::new(44_100, 8000);
        let mut out = Vec::new();
        for piece in input.chunks(37) {
            resampler.process(piece, &mut out);
        }
        resampler.finish(&mut out);
        assert_eq!(out, resample(&input, 44_100, 8000));
    }

    #[test]
    fn odd_rates_are_served() {
        for (from, to) in [(8001, 48_000), (44_099, 8000), (191_999, 8000), (0, 8000), (u32::MAX, 48_000), (8000, 7)] {
            let resampler = Resampler::new(from, to);
            assert!(resampler.filters.len() <= 1_200_000, "{from} {to}: {}", resampler.filters.len());
        }
        let heard = resample(&sine(1000.0, 44_099, 44_099), 44_099, 8000);
        assert!(heard.len().abs_diff(8000) <= 1 && snr(&heard, 1000.0, 8000) > 40.0);
    }

    #[test]
    fn level_is_kept_and_the_loudest_does_not_wrap() {
        let heard = resample(&[i16::MAX; 2000], 8000, 16_000);
        assert!(heard[200..3800].iter().all(|s| *s >= i16::MAX - 2));
        assert!(heard.iter().all(|s| *s > -12_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_input_panics(samples in proptest::collection::vec(any::<i16>(), 0..500), from in 4000_u32..60_000, to in 4000_u32..50_000) {
            let expected = samples.len() as f64 * f64::from(to) / f64::from(from);
            prop_assert!((resample(&samples, from, to).len() as f64 - expected).abs() < 2.0);
        }
    }
}
