//! What a stretch of samples sounds like: Goertzel's filter for single frequencies.

use std::f64::consts::TAU;

/// Energy of one frequency: the square of its amplitude, times half the number of samples; comparable with [`energy`].
pub fn power(samples: &[i16], rate: u32, hz: f64) -> f64 {
    let omega = TAU * hz / f64::from(rate.max(1));
    let coefficient = 2.0 * omega.cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        let now = f64::from(*sample) + coefficient * last - before;
        (before, last) = (last, now);
    }
    let squared = last * last + before * before - coefficient * last * before;
    squared.max(0.0) * 2.0 / samples.len().max(1) as f64
}

/// Energy of all frequencies: the sum of squares.
pub fn energy(samples: &[i16]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample) * f64::from(*sample)).sum()
}

/// Part of the energy that lies in one frequency, 0 to 1; 0 in silence. Resolution is the inverse of the length:
/// 10 Hz for 100 ms.
pub fn share(samples: &[i16], rate: u32, hz: f64) -> f64 {
    let whole = energy(samples);
    if whole > 0.0 { (power(samples, rate, hz) / whole).min(1.0) } else { 0.0 }
}

/// The loudest frequency between 50 Hz and half the rate; none in silence.
pub fn loudest_frequency(samples: &[i16], rate: u32) -> Option<f64> {
    if energy(samples) == 0.0 {
        return None;
    }
    // Half the resolution of the stretch, so that no tone falls between two steps; then closer.
    let mut step = f64::from(rate) / samples.len() as f64 / 2.0;
    let highest = f64::from(rate) / 2.0 - step;
    let count = ((highest - 50.0) / step).max(0.0) as usize;
    let loudest = |candidates: &mut dyn Iterator<Item = f64>| {
        candidates.map(|hz| (power(samples, rate, hz), hz)).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, hz)| hz)
    };
    let mut best = loudest(&mut (0..=count).map(|n| 50.0 + step * n as f64))?;
    while step > 0.1 {
        step /= 2.0;
        best = loudest(&mut [best - step, best, best + step].into_iter())?;
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(parts: &[(f64, f64)], count: usize) -> Vec<i16> {
        (0..count)
            .map(|n| parts.iter().map(|(hz, level)| level * (TAU * hz * n as f64 / 8000.0).sin()).sum::<f64>() as i16)
            .collect()
    }

    #[test]
    fn a_tone_holds_its_share() {
        let one = tone(&[(440.0, 8000.0)], 1600);
        assert!(share(&one, 8000, 440.0) > 0.99 && share(&one, 8000, 600.0) < 0.01);
        let two = tone(&[(440.0, 8000.0), (880.0, 4000.0)], 1600);
        assert!((share(&two, 8000, 880.0) - 0.2).abs() < 0.01);
        assert_eq!((share(&[0; 100], 8000, 440.0), share(&[], 8000, 440.0)), (0.0, 0.0));
    }

    #[test]
    fn the_loudest_is_found() {
        for hz in [60.0, 437.0, 1209.0, 3900.0] {
            let found = loudest_frequency(&tone(&[(hz, 9000.0), (700.0, 2000.0)], 1600), 8000).unwrap();
            assert!((found - hz).abs() < 2.0, "{hz} {found}");
        }
        assert_eq!((loudest_frequency(&[0; 50], 8000), loudest_frequency(&[], 8000)), (None, None));
        let _ = loudest_frequency(&[1, -1, 3], 0);
    }
}
