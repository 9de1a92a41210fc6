//! The volume of one direction: payload octets through a table.

use super::AudioCodec;

/// How loud a direction is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Level {
    /// As it is.
    #[default]
    Plain,
    /// Steps, -4 to 4; others count as the nearest.
    Step(i8),
    /// Silence.
    Mute,
}

impl Level {
    /// Per mille of the amplitude: FreeSWITCH's steps.
    fn factor(self) -> i32 {
        match self {
            Self::Mute => 0,
            Self::Plain | Self::Step(0) => 1000,
            Self::Step(..=-4) => 200,
            Self::Step(-3) => 400,
            Self::Step(-2) => 600,
            Self::Step(-1) => 800,
            Self::Step(1) => 1300,
            Self::Step(2) => 2300,
            Self::Step(3) => 3300,
            Self::Step(4..) => 4300,
        }
    }

    /// What each octet of the codec becomes; none: it stays.
    pub fn table(self, codec: &AudioCodec) -> Option<Box<[u8; 256]>> {
        let factor = self.factor();
        if factor == 1000 {
            return None;
        }
        let octets: Vec<u8> = (0..=u8::MAX).collect();
        let mut samples = Vec::with_capacity(octets.len());
        codec.decoder().decode(&octets, &mut samples);
        for sample in &mut samples {
            let louder = i32::from(*sample) * factor / 1000;
            *sample = louder.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
        let mut scaled = Vec::with_capacity(octets.len());
        codec.encoder().encode(&samples, &mut scaled);
        <[u8; 256]>::try_from(scaled).ok().map(Box::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::audio::AUDIO_CODECS;

    #[test]
    fn octets_become_louder_softer_and_silent() {
        for codec in AUDIO_CODECS {
            let loudness = |octet: u8| {
                let mut samples = Vec::new();
                codec.decoder().decode(&[octet], &mut samples);
                i32::from(samples[0])
            };
            assert!(Level::Plain.table(codec).is_none() && Level::Step(0).table(codec).is_none());
            for (level, factor) in
                [(Level::Step(-4), 0.2), (Level::Step(-9), 0.2), (Level::Step(1), 1.3), (Level::Step(4), 4.3)]
            {
                let table = level.table(codec).unwrap();
                for octet in 0..=u8::MAX {
                    let wanted = (f64::from(loudness(octet)) * factor).clamp(-32_768.0, 32_767.0);
                    let got = f64::from(loudness(table[usize::from(octet)]));
                    // The codec rounds to one part in 33, and cannot be louder than it can be.
                    assert!((got - wanted).abs() <= wanted.abs() / 25.0 + 16.0, "{level:?} {octet} {got} {wanted}");
                }
            }
            let silent = Level::Mute.table(codec).unwrap();
            assert!(silent.iter().all(|octet| loudness(*octet).abs() <= 8), "{}", codec.name);
        }
    }
}
