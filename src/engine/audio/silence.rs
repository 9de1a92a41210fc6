//! `silence_stream://<ms>[,<noise>]`: silence, or comfort noise.

/// Silence of a length.
#[derive(Debug, Clone)]
pub struct Silence {
    /// Milliseconds; none: for ever.
    ms: Option<u64>,
    /// Divisor of the noise; 0: digital silence.
    divisor: u32,
}

/// Why a text is no silence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SilenceError {
    /// Neither -1 nor a number above 0.
    #[error("the length of silence is neither a number of ms above 0 nor -1")]
    Length,
}

impl Silence {
    /// Reads what follows `silence_stream://`. A negative length is for ever; 0 or text is an error.
    pub fn parse(text: &str) -> Result<Self, SilenceError> {
        let (ms, noise) = text.split_once(',').unwrap_or((text, ""));
        let ms: i64 = ms.trim().parse().map_err(|_| SilenceError::Length)?;
        Self::new(ms, noise.trim().parse().unwrap_or(0)).ok_or(SilenceError::Length)
    }

    /// Of a length in ms, negative for ever, with noise: the larger the divisor the quieter, 0 for none, 1400 is usual.
    /// None: a length of 0.
    pub fn new(ms: i64, divisor: u32) -> Option<Self> {
        (ms != 0).then(|| Self { ms: u64::try_from(ms).ok(), divisor })
    }

    /// Milliseconds; none: for ever.
    pub fn ms(&self) -> Option<u64> {
        self.ms
    }

    /// Whether all samples are zero.
    pub fn is_digital(&self) -> bool {
        self.divisor == 0
    }

    /// Fills a frame with its noise. The sum of six even random numbers is close to a natural hiss. `seed` is the state
    /// of the noise, any number at first.
    pub fn fill(&self, frame: &mut [i16], seed: &mut u32) {
        if self.divisor == 0 {
            frame.fill(0);
            return;
        }
        for sample in frame {
            let mut sum = 0;
            for _ in 0..6 {
                *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                sum += i64::from((*seed >> 16) as i16);
            }
            *sample = (sum / i64::from(self.divisor)).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_levels() {
        for (text, expected) in [
            ("2000", Some((Some(2000), true))),
            ("2000,1400", Some((Some(2000), false))),
            ("-1", Some((None, true))),
            ("-1,400", Some((None, false))),
            (" 5 , x", Some((Some(5), true))),
            ("0", None),
            ("", None),
            ("abc", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(Silence::parse(text).ok().map(|s| (s.ms(), s.is_digital())), expected, "{text}");
        }
    }

    #[test]
    fn noise_is_quieter_with_a_larger_divisor_and_has_no_bias() {
        let mut last = i64::MAX;
        for divisor in [1, 20, 400, 1400] {
            let (mut frame, mut seed) = ([0; 8000], 1);
            Silence::new(1, divisor).unwrap().fill(&mut frame, &mut seed);
            let loudness: i64 = frame.iter().map(|s| i64::from(*s).abs()).sum::<i64>();
            let bias: i64 = frame.iter().map(|s| i64::from(*s)).sum();
            assert!(loudness < last && loudness > 0 && bias.abs() * 10 < loudness, "{divisor} {loudness} {bias}");
            last = loudness;
        }
        let mut frame = [5; 10];
        Silence::new(1, 0).unwrap().fill(&mut frame, &mut 1);
        assert_eq!(frame, [0; 10]);
    }
}
