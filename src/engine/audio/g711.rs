//! G.711: µ-law and A-law, as the reference program of the ITU (G.191) computes them.
//!
//! Negative samples are taken by one's complement before they are quantised, which settles the ties. Of the 256 code
//! words all survive decoding and encoding, except µ-law's negative zero, 0x7F, which becomes 0xFF.

/// µ-law code words as samples.
pub const ULAW_TO_LINEAR: [i16; 256] = table_to_linear(true);
/// A-law code words as samples.
pub const ALAW_TO_LINEAR: [i16; 256] = table_to_linear(false);
/// µ-law code words as A-law code words, through the linear value.
pub const ULAW_TO_ALAW: [u8; 256] = table_between(&ULAW_TO_LINEAR, false);
/// A-law code words as µ-law code words, through the linear value.
pub const ALAW_TO_ULAW: [u8; 256] = table_between(&ALAW_TO_LINEAR, true);

/// µ-law code word of digital silence.
pub const ULAW_SILENCE: u8 = 0xFF;
/// A-law code word of digital silence.
pub const ALAW_SILENCE: u8 = 0xD5;

/// A sample as µ-law.
pub const fn ulaw_encode(sample: i16) -> u8 {
    const BIAS: u16 = 33;
    let magnitude = magnitude(sample) >> 2;
    let biased = if magnitude + BIAS > 0x1FFF { 0x1FFF } else { magnitude + BIAS };
    // The segment is the place of the highest bit above the sixth.
    let segment = 11 - biased.leading_zeros() as u16;
    let mantissa = (biased >> segment) & 0x0F;
    let code = ((8 - segment) << 4 | (0x0F - mantissa)) as u8;
    if sample < 0 { code } else { code | 0x80 }
}

/// A sample as A-law.
pub const fn alaw_encode(sample: i16) -> u8 {
    let magnitude = magnitude(sample) >> 4;
    let code = if magnitude < 32 {
        magnitude as u8
    } else {
        let segment = 12 - magnitude.leading_zeros() as u16;
        (segment << 4 | ((magnitude >> (segment - 1)) & 0x0F)) as u8
    };
    (if sample < 0 { code } else { code | 0x80 }) ^ 0x55
}

/// A µ-law code word as sample.
pub const fn ulaw_decode(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((((code & 0x0F) as i16) << 3) + 0x84) << ((code & 0x70) >> 4);
    if code & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}

/// An A-law code word as sample.
pub const fn alaw_decode(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (segment, mantissa) = ((code & 0x70) >> 4, ((code & 0x0F) as i16) << 4);
    let magnitude = match segment {
        0 => mantissa + 8,
        _ => (mantissa + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// Distance from zero, by one's complement: 0..=0x7FFF.
const fn magnitude(sample: i16) -> u16 {
    (if sample < 0 { !sample } else { sample }) as u16
}

#[expect(clippy::indexing_slicing, reason = "the index runs over the table's own length, at compile time")]
const fn table_to_linear(ulaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if ulaw { ulaw_decode(code as u8) } else { alaw_decode(code as u8) };
        code += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "the index runs over the table's own length, at compile time")]
const fn table_between(from: &[i16; 256], to_ulaw: bool) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if to_ulaw { ulaw_encode(from[code]) } else { alaw_encode(from[code]) };
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code word whose decision interval holds the sample, by search over G.711's own definition: the interval's
    /// lower end in 14 (µ) or 13 (A) bits.
    fn ulaw_by_search(sample: i16) -> u8 {
        let magnitude = i32::from(if sample < 0 { !sample } else { sample }) >> 2;
        let mut code = 0;
        for candidate in 0..128_i32 {
            let (segment, step) = (candidate >> 4, candidate & 15);
            let lower = ((33 + 2 * step) << segment) - 33 - (1 << segment);
            // The first interval is half as wide: it is centred on zero.
            if magnitude >= lower.max(0) {
                code = candidate;
            }
        }
        let code = code as u8;
        !(code | if sample < 0 { 0x80 } else { 0 })
    }

    fn alaw_by_search(sample: i16) -> u8 {
        let magnitude = i32::from(if sample < 0 { !sample } else { sample }) >> 4;
        let mut code = 0;
        for candidate in 0..128_i32 {
            let (segment, step) = (candidate >> 4, candidate & 15);
            let lower = if segment == 0 { step } else { (16 + step) << (segment - 1) };
            if magnitude >= lower {
                code = candidate;
            }
        }
        (code as u8 | if sample < 0 { 0 } else { 0x80 }) ^ 0x55
    }

    #[test]
    fn every_sample_falls_into_its_interval() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(alaw_encode(sample), alaw_by_search(sample), "A {sample}");
            assert_eq!(ulaw_encode(sample), ulaw_by_search(sample), "µ {sample}");
        }
    }

    #[test]
    fn known_code_words() {
        for (sample, ulaw, alaw) in [
            (0, 0xFF, 0xD5),
            (-1, 0x7F, 0x55),
            (i16::MAX, 0x80, 0xAA),
            (i16::MIN, 0x00, 0x2A),
            (1000, 0xCE, 0xFA),
            (-1000, 0x4E, 0x7A),
        ] {
            assert_eq!((ulaw_encode(sample), alaw_encode(sample)), (ulaw, alaw), "{sample}");
        }
        for (code, ulaw, alaw) in [
            (0x00, -32_124, -5504),
            (0x80, 32_124, 5504),
            (0xFF, 0, 848),
            (0x7F, 0, -848),
            (0xD5, 716, 8),
            (0x55, -716, -8),
        ] {
            assert_eq!((ulaw_decode(code), alaw_decode(code)), (ulaw, alaw), "{code:#x}");
        }
        assert_eq!((ULAW_SILENCE, ALAW_SILENCE), (ulaw_encode(0), alaw_encode(0)));
    }

    #[test]
    fn all_code_words_survive() {
        for code in 0..=255_u8 {
            assert_eq!(alaw_encode(alaw_decode(code)), code);
            assert_eq!(ulaw_encode(ulaw_decode(code)), if code == 0x7F { 0xFF } else { code });
            assert_eq!(ULAW_TO_LINEAR[usize::from(code)], ulaw_decode(code));
            assert_eq!(ALAW_TO_LINEAR[usize::from(code)], alaw_decode(code));
        }
    }

    #[test]
    fn both_ways_between_the_laws_stays_close() {
        for code in 0..=255_u8 {
            let there = ULAW_TO_ALAW[usize::from(code)];
            assert_eq!(there, alaw_encode(ulaw_decode(code)));
            let back = ALAW_TO_ULAW[usize::from(there)];
            let (before, after) = (i32::from(ulaw_decode(code)), i32::from(ulaw_decode(back)));
            assert!((before - after).abs() <= before.abs() / 16 + 16, "{code:#x}: {before} {after}");
        }
    }
}
