//! G.711 by the formulas of the recommendation: the phone's ear and mouth.
//!
//! Apart from `engine::audio` on purpose, as in [`super::message`]: what the switch encodes is judged by something that
//! does not share its tables.

/// A codec of the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// µ-law, payload 0.
    Pcmu,
    /// A-law, payload 8.
    Pcma,
}

impl Codec {
    /// Static payload number.
    pub fn payload(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// RTP encoding name.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// By name, any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Codec::Pcmu, Codec::Pcma].into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// One linear sample from one code word.
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Codec::Pcmu => ulaw_to_linear(byte),
            Codec::Pcma => alaw_to_linear(byte),
        }
    }

    /// The code word of one linear sample.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Codec::Pcmu => linear_to_ulaw(sample),
            Codec::Pcma => linear_to_alaw(sample),
        }
    }
}

fn ulaw_to_linear(byte: u8) -> i16 {
    let byte = !byte;
    let exponent = (byte >> 4) & 7;
    let mantissa = i16::from(byte & 15);
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

fn linear_to_ulaw(sample: i16) -> u8 {
    let magnitude = i32::from(sample).abs().min(32_635) + 0x84;
    let exponent = (0..8).rev().find(|exponent| magnitude >= 0x80 << exponent).unwrap_or(0);
    let mantissa = (magnitude >> (exponent + 3)) & 15;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | (exponent << 4) as u8 | mantissa as u8)
}

fn alaw_to_linear(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let exponent = (byte >> 4) & 7;
    let mantissa = i16::from(byte & 15);
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

fn linear_to_alaw(sample: i16) -> u8 {
    let positive = sample >= 0;
    let magnitude = if positive { i32::from(sample) } else { -i32::from(sample) - 1 };
    let exponent = (1..8).rev().find(|exponent| magnitude >= 0x80 << exponent).unwrap_or(0);
    let mantissa = if exponent == 0 { magnitude >> 4 } else { magnitude >> (exponent + 3) } & 15;
    let sign = if positive { 0x80 } else { 0 };
    (sign | (exponent << 4) as u8 | mantissa as u8) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_word_survives() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for byte in 0..=255u8 {
                let linear = codec.decode(byte);
                let back = codec.decode(codec.encode(linear));
                assert_eq!(back, linear, "{} {byte:#x}", codec.name());
            }
        }
    }

    #[test]
    fn known_values_of_the_recommendation() {
        for (codec, byte, linear) in [
            (Codec::Pcmu, 0xFF, 0),
            (Codec::Pcmu, 0x80, 32_124),
            (Codec::Pcmu, 0x00, -32_124),
            (Codec::Pcma, 0xD5, 8),
            (Codec::Pcma, 0x55, -8),
            (Codec::Pcma, 0xAA, 32_256),
            (Codec::Pcma, 0x2A, -32_256),
        ] {
            assert_eq!(codec.decode(byte), linear, "{} {byte:#x}", codec.name());
        }
    }

    #[test]
    fn the_error_stays_within_half_a_step() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for sample in (i16::MIN..=i16::MAX).step_by(7) {
                let error = (i32::from(codec.decode(codec.encode(sample))) - i32::from(sample)).abs();
                assert!(error <= 16 + i32::from(sample).abs() / 30, "{} {sample}: {error}", codec.name());
            }
        }
    }
}
