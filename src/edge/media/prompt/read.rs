//! Audio files piece by piece, encoded for a stream.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::engine::audio::{AudioCodec, Encoder, Resampler, WavReader, g711};

use super::PromptError;

/// A file that is being read.
pub(super) struct Reading {
    format: Format,
    rate: u32,
    resampler: Resampler,
    encoder: Box<dyn Encoder>,
    samples: Vec<i16>,
}

enum Format {
    Wav(WavReader<BufReader<File>>),
    /// No header, 8 kHz: octets of G.711.
    Octets(BufReader<File>, &'static [i16; 256]),
    /// No header: 16 bits, lower byte first.
    Words(BufReader<File>),
}

impl Reading {
    /// Opens a file and passes over `start` samples. The extension tells the format.
    pub(super) fn open(path: &Path, start: u64, codec: &'static AudioCodec) -> Result<Self, PromptError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let mut file = BufReader::new(File::open(path).map_err(|error| faulty(path, &error))?);
        let mut seek = |octets: u64| {
            let to = SeekFrom::Start(start.saturating_mul(octets).min(i64::MAX as u64));
            file.seek(to).map_err(|error| faulty(path, &error))
        };
        let (format, rate) = match extension.as_str() {
            "wav" | "wave" => {
                let mut wav = WavReader::new(file).map_err(|error| faulty(path, &error))?;
                wav.skip(start).map_err(|error| faulty(path, &error))?;
                let rate = wav.format().rate;
                (Format::Wav(wav), rate)
            }
            "ulaw" | "ul" | "pcmu" => {
                seek(1)?;
                (Format::Octets(file, &g711::ULAW_TO_LINEAR), 8000)
            }
            "alaw" | "al" | "pcma" => {
                seek(1)?;
                (Format::Octets(file, &g711::ALAW_TO_LINEAR), 8000)
            }
            "raw" | "r8" => {
                seek(2)?;
                (Format::Words(file), 8000)
            }
            "r16" => {
                seek(2)?;
                (Format::Words(file), 16_000)
            }
            other => return Err(PromptError::Faulty(format!("files of kind `{other}` cannot be played"))),
        };
        let resampler = Resampler::new(rate, codec.rate);
        Ok(Self { format, rate, resampler, encoder: codec.encoder(), samples: Vec::new() })
    }

    /// The next `ms` milliseconds, encoded, and whether they are the last.
    pub(super) fn next(&mut self, ms: u32) -> Result<(Vec<u8>, bool), PromptError> {
        let wanted = (u64::from(self.rate) * u64::from(ms) / 1000) as usize;
        self.samples.clear();
        let read = self.format.read(&mut self.samples, wanted)?;
        let (mut converted, mut octets) = (Vec::new(), Vec::new());
        self.resampler.process(&self.samples, &mut converted);
        let last = read < wanted;
        if last {
            self.resampler.finish(&mut converted);
        }
        self.encoder.encode(&converted, &mut octets);
        Ok((octets, last))
    }
}

impl Format {
    fn read(&mut self, samples: &mut Vec<i16>, count: usize) -> Result<usize, PromptError> {
        match self {
            Self::Wav(wav) => wav.read(samples, count).map_err(|error| PromptError::Faulty(error.to_string())),
            Self::Octets(file, table) => {
                let octets = take(file, count)?;
                samples.extend(octets.iter().filter_map(|octet| table.get(usize::from(*octet))));
                Ok(samples.len())
            }
            Self::Words(file) => {
                let octets = take(file, count.saturating_mul(2))?;
                let (words, _) = octets.as_chunks();
                samples.extend(words.iter().map(|word| i16::from_le_bytes(*word)));
                Ok(samples.len())
            }
        }
    }
}

fn take(file: &mut BufReader<File>, octets: usize) -> Result<Vec<u8>, PromptError> {
    let mut read = Vec::new();
    file.take(octets as u64).read_to_end(&mut read).map_err(|error| PromptError::Faulty(error.to_string()))?;
    Ok(read)
}

fn faulty(path: &Path, error: &dyn std::fmt::Display) -> PromptError {
    PromptError::Faulty(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::audio::wav_bytes;

    fn whole(path: &Path, start: u64, codec: &str) -> Result<Vec<u8>, PromptError> {
        let mut reading = Reading::open(path, start, AudioCodec::find(codec, 8000).unwrap())?;
        let mut all = Vec::new();
        loop {
            let (octets, last) = reading.next(70)?;
            all.extend(octets);
            if last {
                return Ok(all);
            }
        }
    }

    #[test]
    fn kinds_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let samples: Vec<i16> = (0..3000).map(|n| (n % 100) * 50).collect();
        let words: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let alaw: Vec<u8> = samples.iter().map(|sample| g711::alaw_encode(*sample)).collect();
        let ulaw: Vec<u8> = samples.iter().map(|sample| g711::ulaw_encode(*sample)).collect();
        for (name, content) in [
            ("a.wav", wav_bytes(&samples, 8000)),
            ("a.WAV", wav_bytes(&samples, 8000)),
            ("a.raw", words.clone()),
            ("a.r8", words.clone()),
            ("a.PCMA", alaw.clone()),
            ("a.alaw", alaw.clone()),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            assert_eq!(whole(&path, 0, "PCMA").unwrap(), alaw, "{name}");
            assert_eq!(whole(&path, 1234, "PCMA").unwrap(), alaw[1234..], "{name}");
            assert_eq!(whole(&path, 5000, "PCMA").unwrap(), [0; 0], "{name}");
        }
        let path = folder.path().join("a.ulaw");
        std::fs::write(&path, &ulaw).unwrap();
        assert_eq!(whole(&path, 0, "PCMU").unwrap(), ulaw);
        for (name, content, words) in
            [("a.mp3", b"".as_slice(), "cannot be played"), ("b.wav", b"RIFF", "b.wav"), ("c.wav", b"text", "c.wav")]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            assert!(
                matches!(whole(&path, 0, "PCMU"), Err(PromptError::Faulty(text)) if text.contains(words)),
                "{name}"
            );
        }
    }

    #[test]
    fn other_rates_are_converted_without_seams() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let tone = |n: u32, rate: u32| ((f64::from(n) * 300.0 / f64::from(rate)).fract() * 8000.0) as i16;
        let samples: Vec<i16> = (0..48_000).map(|n| tone(n, 48_000)).collect();
        std::fs::write(&path, wav_bytes(&samples, 48_000)).unwrap();
        let mut expected = Vec::new();
        let codec = AudioCodec::find("PCMU", 8000).unwrap();
        codec.encoder().encode(&crate::engine::audio::resample(&samples, 48_000, 8000), &mut expected);
        assert_eq!(whole(&path, 0, "PCMU").unwrap(), expected);
    }
}
