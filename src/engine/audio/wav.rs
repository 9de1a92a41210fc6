//! WAV files: PCM of 8, 16, 24 and 32 bits, float, A-law, µ-law; any number of channels becomes one. [`Wav`] is a file
//! in memory, [`WavReader`] one that is read piece by piece.
//!
//! Files of the field are read as they are: chunks of odd length with and without their padding, chunks behind the data,
//! `extensible` formats, sizes of 0 or 0xFFFFFFFF that a recorder never came to correct, files that were cut short.

use std::io::{self, Read};

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
    /// The file cannot be read.
    #[error("the WAV file cannot be read: {0}")]
    Read(io::ErrorKind),
}

/// A file that is read piece by piece, so that its length costs no memory.
#[derive(Debug)]
pub struct WavReader<R> {
    reader: R,
    format: WavFormat,
    /// Octets of data not read yet; a file of unknown length has very many.
    left: u64,
    buffer: Vec<u8>,
}

impl<'a> Wav<'a> {
    /// Reads the structure of a file.
    pub fn parse(mut bytes: &'a [u8]) -> Result<Self, WavError> {
        let (format, size) = find_data(&mut bytes)?;
        let data = usize::try_from(size).ok().and_then(|size| bytes.get(..size)).unwrap_or(bytes);
        Ok(Self { format, data })
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
        let mut samples = Vec::with_capacity(data.len() / block);
        self.format.decode(data, &mut samples);
        samples
    }
}

impl<R: Read> WavReader<R> {
    /// Reads up to the first sample. Small reads follow one another: give it a reader with a buffer.
    pub fn new(mut reader: R) -> Result<Self, WavError> {
        let (format, left) = find_data(&mut reader)?;
        Ok(Self { reader, format, left, buffer: Vec::new() })
    }

    /// The file's format.
    pub fn format(&self) -> WavFormat {
        self.format
    }

    /// Passes over sample times.
    pub fn skip(&mut self, count: u64) -> Result<(), WavError> {
        let octets = count.saturating_mul(self.format.block() as u64).min(self.left);
        self.left -= pass_over(&mut self.reader, octets)?;
        Ok(())
    }

    /// Appends up to `count` samples, channels mixed to one. Fewer than asked for: the end.
    pub fn read(&mut self, samples: &mut Vec<i16>, count: usize) -> Result<usize, WavError> {
        let octets = (count as u64).saturating_mul(self.format.block() as u64).min(self.left);
        self.buffer.clear();
        let read = self.reader.by_ref().take(octets).read_to_end(&mut self.buffer);
        self.left -= read.map_err(|error| WavError::Read(error.kind()))? as u64;
        let before = samples.len();
        self.format.decode(&self.buffer, samples);
        Ok(samples.len() - before)
    }
}

/// Reads up to the first octet of the data; format and length of the data.
fn find_data(reader: &mut impl Read) -> Result<(WavFormat, u64), WavError> {
    let mut chunks = Chunks { reader, at: 0, pending: None };
    let Some((b"RIFF" | b"RF64", announced)) = chunks.head()?.as_ref().map(|(name, size)| (name, *size)) else {
        return Err(WavError::NotWav);
    };
    if chunks.octets::<4>()? != Some(*b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut format = None;
    while let Some((name, size)) = chunks.head()? {
        match &name {
            b"fmt " if format.is_none() => format = Some(WavFormat::parse(&chunks.body(size)?)?),
            b"data" => {
                let format = format.ok_or(WavError::NoFormat)?;
                // A recorder that did not come to its end leaves a size of 0 behind, in a file that does not even
                // reach to here by its own account.
                let unfinished = announced == u32::MAX || u64::from(announced) + 8 <= chunks.at;
                let unknown = size == u32::MAX || (size == 0 && unfinished);
                return Ok((format, if unknown { u64::MAX } else { u64::from(size) }));
            }
            _ => chunks.pass_over(size)?,
        }
    }
    Err(if format.is_some() { WavError::NoData } else { WavError::NoFormat })
}

/// The chunks of a file, one after the other.
struct Chunks<'r, R> {
    reader: &'r mut R,
    /// Octets read.
    at: u64,
    /// First octet of the next name, when it was looked at already.
    pending: Option<u8>,
}

impl<R: Read> Chunks<'_, R> {
    /// The next octets; none at the end of the file.
    fn octets<const N: usize>(&mut self) -> Result<Option<[u8; N]>, WavError> {
        let mut octets = [0; N];
        let pending = self.pending.take();
        match pending.as_slice().chain(&mut *self.reader).read_exact(&mut octets) {
            Ok(()) => {
                self.at += N as u64;
                Ok(Some(octets))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(WavError::Read(error.kind())),
        }
    }

    /// Name and size of the next chunk.
    fn head(&mut self) -> Result<Option<([u8; 4], u32)>, WavError> {
        Ok(self
            .octets::<8>()?
            .map(|[n0, n1, n2, n3, s0, s1, s2, s3]| ([n0, n1, n2, n3], u32::from_le_bytes([s0, s1, s2, s3]))))
    }

    /// The beginning of a chunk, as much as any format needs, and passes over the rest.
    fn body(&mut self, size: u32) -> Result<Vec<u8>, WavError> {
        const ENOUGH: u32 = 40;
        let mut body = Vec::new();
        let wanted = u64::from(size.min(ENOUGH));
        let read = self.reader.by_ref().take(wanted).read_to_end(&mut body);
        self.at += read.map_err(|error| WavError::Read(error.kind()))? as u64;
        self.pass_over_rest(size.saturating_sub(ENOUGH), size)?;
        Ok(body)
    }

    fn pass_over(&mut self, size: u32) -> Result<(), WavError> {
        self.pass_over_rest(size, size)
    }

    /// Passes over `rest` octets and the padding of an odd `size`, which some writers forget: then a name begins at once.
    fn pass_over_rest(&mut self, rest: u32, size: u32) -> Result<(), WavError> {
        self.at += pass_over(self.reader, u64::from(rest))?;
        if size % 2 == 1
            && let Some([octet]) = self.octets::<1>()?
            && octet.is_ascii_graphic()
        {
            self.at -= 1;
            self.pending = Some(octet);
        }
        Ok(())
    }
}

/// Passes over octets; fewer at the end of the file.
fn pass_over(reader: &mut impl Read, octets: u64) -> Result<u64, WavError> {
    io::copy(&mut reader.take(octets), &mut io::sink()).map_err(|error| WavError::Read(error.kind()))
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

    /// Appends the samples of whole sample times, channels mixed to one.
    fn decode(&self, data: &[u8], samples: &mut Vec<i16>) {
        let (bytes, channels) = (self.bytes(), i32::from(self.channels.max(1)));
        let decode = self.decoder();
        if channels == 1 {
            samples.extend(data.chunks_exact(bytes).map(decode));
            return;
        }
        samples.extend(data.chunks_exact(self.block()).map(|block| {
            let sum: i32 = block.chunks_exact(bytes).map(|sample| i32::from(decode(sample))).sum();
            (sum / channels) as i16
        }));
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
    fn piece_by_piece_is_the_same() {
        let list = [chunk(b"LIST", b"abc"), vec![0]].concat();
        let data: Vec<u8> = (0..=254).collect();
        let bytes = file(&[list, chunk(b"fmt ", &fmt(1, 2, 8000, 16)), chunk(b"data", &data), chunk(b"LIST", b"ab")]);
        let whole = samples(&bytes);
        let mut reader = WavReader::new(io::BufReader::with_capacity(7, bytes.as_slice())).unwrap();
        assert_eq!(reader.format(), Wav::parse(&bytes).unwrap().format);
        let mut read = Vec::new();
        while reader.read(&mut read, 10).unwrap() == 10 {}
        assert_eq!((read, whole.len()), (whole.clone(), 63));
        let mut reader = WavReader::new(bytes.as_slice()).unwrap();
        reader.skip(60).unwrap();
        let mut read = Vec::new();
        assert_eq!((reader.read(&mut read, 1000), read), (Ok(3), whole[60..].to_vec()));
        reader.skip(u64::MAX).unwrap();
        assert_eq!(reader.read(&mut Vec::new(), usize::MAX), Ok(0));
    }

    #[test]
    fn a_disk_that_fails_is_told() {
        struct Faulty;
        impl Read for Faulty {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::PermissionDenied.into())
            }
        }
        let whole = wav_bytes(&[1, 2], 8000);
        assert_eq!(WavReader::new(Faulty).map(|_| ()), Err(WavError::Read(io::ErrorKind::PermissionDenied)));
        let mut reader = WavReader::new(whole[..44].chain(Faulty)).unwrap();
        assert_eq!(reader.read(&mut Vec::new(), 2), Err(WavError::Read(io::ErrorKind::PermissionDenied)));
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
