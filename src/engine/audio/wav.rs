//! WAV files in memory: PCM of 8, 16, 24 and 32 bits, float, A-law, µ-law; any number of channels becomes one.
//!
//! Files of the field are read as they are: chunks of odd length with and without their padding, chunks behind the data,
//! `extensible` formats, sizes of 0 or 0xFFFFFFFF that a recorder never came to correct, files that were cut short.

use super::g711;

/// Most channels of a file.
const MAX_CHANNELS: u16 = 32;

/// How samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WavEncoding {
    /// Whole numbers of 8 (unsigned), 16, 24 or 32 bits.
    Pcm,
    /// Numbers of 32 bits between -1 and 1.
    Float,
    /// G.711 A-law.
    Alaw,
    /// G.711 µ-law.
    Ulaw,
}

/// The `fmt ` chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WavFormat {
    /// How samples are stored.
    pub encoding: WavEncoding,
    /// Channels, 1..=32.
    pub channels: u16,
    /// Sampling rate, Hz.
    pub rate: u32,
    /// Bits of a sample.
    pub bits: u16,
}

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wav<'a> {
    /// Its format.
    pub format: WavFormat,
    data: &'a [u8],
}

/// Why a file cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WavError {
    /// It does not begin like a WAV file.
    #[error("this is no WAV file")]
    NotWav,
    /// There is no `fmt ` chunk before the data, or it is too short.
    #[error("the WAV file has no usable format chunk")]
    NoFormat,
    /// There is no `data` chunk.
    #[error("the WAV file has no data chunk")]
    NoData,
    /// A codec or word length we cannot read.
    #[error("WAV format {tag:#06x} with {bits} bits is not supported")]
    Unsupported {
        /// Format tag.
        tag: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// Channels or rate are impossible.
    #[error("a WAV file of {channels} channels at {rate} Hz cannot be played")]
    Impossible {
        /// Channels.
        channels: u16,
        /// Sampling rate, Hz.
        rate: u32,
    },
}

impl<'a> Wav<'a> {
    /// Reads the structure of a file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WavError> {
        let (head, mut rest) = bytes.split_first_chunk::<12>().ok_or(WavError::NotWav)?;
        let (b"RIFF" | b"RF64", [s0, s1, s2, s3], b"WAVE") = split_head(head) else { return Err(WavError::NotWav) };
        // A recorder that did not come to its end leaves sizes behind that are smaller than the file.
        let announced = u64::from(u32::from_le_bytes([*s0, *s1, *s2, *s3])) + 8;
        let unfinished = announced < bytes.len() as u64 || announced > u64::from(u32::MAX);
        let mut format = None;
        while let Some(([k0, k1, k2, k3, l0, l1, l2, l3], body)) = rest.split_first_chunk::<8>() {
            let size = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
            match &[*k0, *k1, *k2, *k3] {
                b"fmt " if format.is_none() => format = Some(WavFormat::parse(body.get(..size).unwrap_or(body))?),
                b"data" => {
                    let format = format.ok_or(WavError::NoFormat)?;
                    let size = if size == 0 && unfinished { body.len() } else { size };
                    return Ok(Self { format, data: body.get(..size).unwrap_or(body) });
                }
                _ => {}
            }
            rest = after_chunk(body, size);
        }
        Err(if format.is_some() { WavError::NoData } else { WavError::NoFormat })
    }

    /// Sample times in the file.
    pub fn len(&self) -> usize {
        self.data.len() / self.format.block()
    }

    /// Whether it holds no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length in ms.
    pub fn ms(&self) -> u64 {
        self.len() as u64 * 1000 / u64::from(self.format.rate)
    }

    /// All samples, channels mixed to one.
    pub fn samples(&self) -> Vec<i16> {
        self.samples_from(0)
    }

    /// Samples from a sample time on, channels mixed to one.
    pub fn samples_from(&self, start: u64) -> Vec<i16> {
        let block = self.format.block();
        let skipped = usize::try_from(start).ok().and_then(|start| start.checked_mul(block)).unwrap_or(usize::MAX);
        let data = self.data.get(skipped..).unwrap_or_default();
        let (bytes, channels) = (self.format.bytes(), i32::from(self.format.channels));
        let decode = self.format.decoder();
        data.chunks_exact(block)
            .map(|block| {
                let sum: i32 = block.chunks_exact(bytes).map(|sample| i32::from(decode(sample))).sum();
                (sum / channels) as i16
            })
            .collect()
    }
}

fn split_head(head: &[u8; 12]) -> (&[u8; 4], &[u8; 4], &[u8; 4]) {
    let (riff, rest) = head.split_first_chunk().expect("12 octets hold 4");
    let (size, rest) = rest.split_first_chunk().expect("8 octets hold 4");
    (riff, size, rest.first_chunk().expect("4 octets are 4"))
}

/// What follows a chunk. An odd one has a byte of padding, which some writers forget: then the next name begins at once.
fn after_chunk(body: &[u8], size: usize) -> &[u8] {
    let next = body.get(size..).unwrap_or_default();
    let looks_like_name = |bytes: &[u8]| bytes.iter().take(4).all(|b| b.is_ascii_graphic() || *b == b' ');
    match next {
        [0, padded @ ..] if size % 2 == 1 => padded,
        [_, padded @ ..] if size % 2 == 1 && !looks_like_name(next) => padded,
        _ => next,
    }
}

impl WavFormat {
    fn parse(chunk: &[u8]) -> Result<Self, WavError> {
        let word = |at: usize| chunk.get(at..at + 2).and_then(|b| b.first_chunk()).map(|b| u16::from_le_bytes(*b));
        let double = |at: usize| chunk.get(at..at + 4).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b));
        let (tag, channels, rate, bits) = (word(0), word(2), double(4), word(14)).all().ok_or(WavError::NoFormat)?;
        // An extensible format has its true tag at the head of its GUID.
        let tag = if tag == 0xFFFE { word(24).ok_or(WavError::NoFormat)? } else { tag };
        let encoding = match (tag, bits) {
            (1, 8 | 16 | 24 | 32) => WavEncoding::Pcm,
            (3, 32) => WavEncoding::Float,
            (6, 8) => WavEncoding::Alaw,
            (7, 8) => WavEncoding::Ulaw,
            _ => return Err(WavError::Unsupported { tag, bits }),
        };
        if channels == 0 || channels > MAX_CHANNELS || !(1000..=192_000).contains(&rate) {
            return Err(WavError::Impossible { channels, rate });
        }
        Ok(Self { encoding, channels, rate, bits })
    }

    /// Bytes of a sample; never 0.
    fn bytes(&self) -> usize {
        usize::from(self.bits / 8).max(1)
    }

    /// Bytes of a sample time; never 0.
    fn block(&self) -> usize {
        self.bytes() * usize::from(self.channels.max(1))
    }

    /// From the bytes of a sample to 16 bits.
    fn decoder(&self) -> fn(&[u8]) -> i16 {
        match (self.encoding, self.bits) {
            (WavEncoding::Alaw, _) => |b| b.first().map_or(0, |code| g711::alaw_decode(*code)),
            (WavEncoding::Ulaw, _) => |b| b.first().map_or(0, |code| g711::ulaw_decode(*code)),
            (WavEncoding::Float, _) => {
                |b| b.first_chunk().map_or(0, |b| (f32::from_le_bytes(*b) * 32_768.0).round() as i16)
            }
            (WavEncoding::Pcm, 8) => |b| b.first().map_or(0, |value| (i16::from(*value) - 128) << 8),
            // The two highest bytes of the others are the sample.
            (WavEncoding::Pcm, _) => |b| b.last_chunk().map_or(0, |b| i16::from_le_bytes(*b)),
        }
    }
}

/// All four, or none.
trait All<T> {
    fn all(self) -> Option<T>;
}

impl<A, B, C, D> All<(A, B, C, D)> for (Option<A>, Option<B>, Option<C>, Option<D>) {
    fn all(self) -> Option<(A, B, C, D)> {
        Some((self.0?, self.1?, self.2?, self.3?))
    }
}

/// A whole file of 16-bit mono.
pub fn wav_bytes(samples: &[i16], rate: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(44 + 2 * samples.len());
    out.extend_from_slice(&wav_header(rate, 1, samples.len() as u64 * 2));
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    out
}

/// The head of a file of 16-bit samples whose data has `octets`; what does not fit into the size field is written as
/// "unknown". A recorder writes it with 0 first and again at its end.
pub fn wav_header(rate: u32, channels: u16, octets: u64) -> [u8; 44] {
    let size = u32::try_from(octets).ok().filter(|size| *size <= u32::MAX - 36);
    let block = channels.saturating_mul(2);
    let parts: [&[u8]; 13] = [
        b"RIFF",
        &size.map_or(u32::MAX, |size| size + 36).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &rate.saturating_mul(u32::from(block)).to_le_bytes(),
        &block.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &size.unwrap_or(u32::MAX).to_le_bytes(),
    ];
    let mut header = [0; 44];
    for (to, from) in header.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    header
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
        [name, &(body.len() as u32).to_le_bytes(), body].concat()
    }

    fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let block = channels.wrapping_mul(bits / 8);
        let mut body = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        body.extend(rate.to_le_bytes());
        body.extend(rate.wrapping_mul(u32::from(block)).to_le_bytes());
        body.extend(block.to_le_bytes());
        body.extend(bits.to_le_bytes());
        body
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        let body = [b"WAVE".to_vec(), chunks.concat()].concat();
        chunk(b"RIFF", &body)
    }

    fn simple(tag: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
        file(&[chunk(b"fmt ", &fmt(tag, channels, 8000, bits)), chunk(b"data", data)])
    }

    fn samples(bytes: &[u8]) -> Vec<i16> {
        Wav::parse(bytes).unwrap().samples()
    }

    #[test]
    fn every_encoding() {
        for (tag, channels, bits, data, expected) in [
            (1, 1, 16, vec![1, 0, 0xFF, 0xFF, 0, 0x80], vec![1, -1, i16::MIN]),
            (1, 1, 8, vec![0, 128, 255], vec![i16::MIN, 0, 32_512]),
            (1, 1, 24, vec![9, 1, 0, 9, 0, 0x80], vec![1, i16::MIN]),
            (1, 1, 32, vec![9, 9, 2, 0], vec![2]),
            (
                3,
                1,
                32,
                [0.5_f32.to_le_bytes(), 2_f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat(),
                vec![16_384, i16::MAX, 0],
            ),
            (6, 1, 8, vec![0xD5, 0x55], vec![8, -8]),
            (7, 1, 8, vec![0xFF, 0x00], vec![0, -32_124]),
            (1, 2, 16, vec![10, 0, 20, 0, 0xFF, 0x7F, 0xFF, 0x7F], vec![15, i16::MAX]),
            (7, 2, 8, vec![0xFF, 0x00], vec![-16_062]),
            // A sample time cut in two at the end is left out.
            (1, 2, 16, vec![10, 0, 20, 0, 1, 1, 1], vec![15]),
        ] {
            assert_eq!(samples(&simple(tag, channels, bits, &data)), expected, "{tag} {channels} {bits}");
        }
    }

    #[test]
    fn odd_files_are_read() {
        let format = chunk(b"fmt ", &fmt(1, 1, 16_000, 16));
        let data = chunk(b"data", &[1, 0, 2, 0]);
        let odd = chunk(b"LIST", b"abc");
        let padded = [odd.clone(), vec![0]].concat();
        let wanted = vec![1, 2];
        assert_eq!(samples(&file(&[padded.clone(), format.clone(), padded.clone(), data.clone(), padded])), wanted);
        assert_eq!(samples(&file(&[odd.clone(), format.clone(), odd.clone(), data.clone()])), wanted);
        let mut extensible = fmt(0xFFFE, 1, 16_000, 16);
        extensible.extend([22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]);
        assert_eq!(samples(&file(&[chunk(b"fmt ", &extensible), data])), wanted);
        let mut rf64 = file(&[chunk(b"ds64", &[0; 28]), format, chunk(b"data", &[1, 0, 2, 0])]);
        rf64[..4].copy_from_slice(b"RF64");
        rf64[4..8].fill(0xFF);
        let at = rf64.len() - 8;
        rf64[at..at + 4].fill(0xFF);
        assert_eq!(samples(&rf64), wanted);
    }

    #[test]
    fn unfinished_recordings_are_read_to_their_end() {
        let whole = wav_bytes(&[1, 2, 3], 8000);
        for (riff, data) in [(0_u32, 0_u32), (36, 0), (u32::MAX, u32::MAX), (u32::MAX, 0), (42, u32::MAX), (42, 5000)] {
            let mut bytes = whole.clone();
            bytes[4..8].copy_from_slice(&riff.to_le_bytes());
            bytes[40..44].copy_from_slice(&data.to_le_bytes());
            assert_eq!(samples(&bytes), [1, 2, 3], "{riff} {data}");
        }
        assert!(Wav::parse(&wav_bytes(&[], 8000)).unwrap().is_empty());
        let empty = [wav_bytes(&[], 8000), chunk(b"LIST", b"ab")].concat();
        let mut correct = empty.clone();
        let size = empty.len() as u32 - 8;
        correct[4..8].copy_from_slice(&size.to_le_bytes());
        assert!(Wav::parse(&correct).unwrap().is_empty());
    }

    #[test]
    fn faults_are_told() {
        let data = chunk(b"data", &[1, 0]);
        for (bytes, error) in [
            (vec![], WavError::NotWav),
            (b"RIFFxxxxWAV".to_vec(), WavError::NotWav),
            (b"RIFXxxxxWAVE".to_vec(), WavError::NotWav),
            (file(&[]), WavError::NoFormat),
            (file(std::slice::from_ref(&data)), WavError::NoFormat),
            (file(&[chunk(b"fmt ", &[1, 0])]), WavError::NoFormat),
            (file(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16))]), WavError::NoData),
            (simple(1, 1, 12, &[]), WavError::Unsupported { tag: 1, bits: 12 }),
            (simple(0x55, 1, 16, &[]), WavError::Unsupported { tag: 0x55, bits: 16 }),
            (simple(1, 0, 16, &[]), WavError::Impossible { channels: 0, rate: 8000 }),
            (file(&[chunk(b"fmt ", &fmt(1, 1, 0, 16)), data]), WavError::Impossible { channels: 1, rate: 0 }),
        ] {
            assert_eq!(Wav::parse(&bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn a_start_may_be_given() {
        let bytes = wav_bytes(&[1, 2, 3, 4], 8000);
        let wav = Wav::parse(&bytes).unwrap();
        assert_eq!((wav.len(), wav.ms()), (4, 0));
        assert_eq!(
            (wav.samples_from(2), wav.samples_from(4), wav.samples_from(u64::MAX)),
            (vec![3, 4], vec![], vec![])
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(written in proptest::collection::vec(any::<i16>(), 0..200), rate in 1000_u32..192_000) {
            let bytes = wav_bytes(&written, rate);
            let wav = Wav::parse(&bytes).unwrap();
            prop_assert_eq!((wav.samples(), wav.format.rate), (written, rate));
        }

        #[test]
        fn no_damage_panics(changes in proptest::collection::vec((0_usize..70, any::<u8>()), 0..12), cut in 0_usize..90) {
            let list = [chunk(b"LIST", b"abc"), vec![0]].concat();
            let mut bytes = file(&[list, chunk(b"fmt ", &fmt(1, 2, 8000, 24)), chunk(b"data", &[7; 25])]);
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            bytes.truncate(cut);
            if let Ok(wav) = Wav::parse(&bytes) {
                prop_assert!(wav.samples().len() <= 90);
            }
        }
    }
}
