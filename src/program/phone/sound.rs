//! What the phone says, and WAV files of what it heard. All samples are 8 kHz, mono, 16-bit.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Samples per second.
pub const RATE: u32 = 8000;
/// Samples per packet: 20 ms.
pub const FRAME: usize = 160;

/// Something to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Sound {
    /// Nothing: no packets are sent.
    #[default]
    Quiet,
    /// Packets of silence.
    Silence,
    /// A steady tone.
    Tone {
        /// Frequency, Hz.
        hz: f64,
        /// Peak, 0..=32767.
        peak: f64,
    },
    /// Samples, once, then silence.
    Samples(Arc<Vec<i16>>),
}

impl Sound {
    /// A tone at a comfortable level.
    pub fn tone(hz: f64) -> Self {
        Sound::Tone { hz, peak: 9000.0 }
    }

    /// The samples of a WAV file.
    pub fn file(path: &Path) -> Result<Self, SoundError> {
        Ok(Sound::Samples(Arc::new(read_wav(path)?)))
    }

    /// The frame that starts at sample `at`; `None` when nothing is to be sent.
    pub fn frame(&self, at: u64) -> Option<[i16; FRAME]> {
        let mut out = [0; FRAME];
        match self {
            Sound::Quiet => return None,
            Sound::Silence => {}
            Sound::Tone { hz, peak } => {
                for (place, sample) in (at..).zip(&mut out) {
                    let phase = place as f64 * hz / f64::from(RATE);
                    *sample = (peak * (phase.fract() * std::f64::consts::TAU).sin()) as i16;
                }
            }
            Sound::Samples(samples) => {
                let rest = usize::try_from(at).ok().and_then(|at| samples.get(at..)).unwrap_or_default();
                for (sample, given) in out.iter_mut().zip(rest) {
                    *sample = *given;
                }
            }
        }
        Some(out)
    }
}

/// Why a WAV file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// Not a WAV file, or a broken one.
    #[error("{}: not a WAV file", path.display())]
    NotWav {
        /// The file.
        path: PathBuf,
    },
    /// A WAV file of a kind the phone does not play.
    #[error("{}: the phone plays 16-bit PCM at 8 or 16 kHz, this is format {format}, {bits} bits, {rate} Hz, {channels} channels", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// Format tag.
        format: u16,
        /// Bits per sample.
        bits: u16,
        /// Samples per second.
        rate: u32,
        /// Channels.
        channels: u16,
    },
}

/// Reads a 16-bit PCM file at 8 or 16 kHz as 8 kHz mono.
pub fn read_wav(path: &Path) -> Result<Vec<i16>, SoundError> {
    let bytes = std::fs::read(path).map_err(|source| SoundError::Io { path: path.to_owned(), source })?;
    let not_wav = || SoundError::NotWav { path: path.to_owned() };
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(not_wav());
    }
    let mut rest = bytes.get(12..).unwrap_or_default();
    let mut format = None;
    while let (Some(name), Some(size)) = (rest.get(..4), u32_at(rest, 4)) {
        let size = size as usize;
        let body = rest.get(8..).unwrap_or_default();
        let body = body.get(..size).unwrap_or(body);
        match name {
            b"fmt " => {
                let word = |at| u16_at(body, at);
                format = Some((
                    word(0).ok_or_else(not_wav)?,
                    word(2).ok_or_else(not_wav)?,
                    u32_at(body, 4).ok_or_else(not_wav)?,
                    word(14).ok_or_else(not_wav)?,
                ));
            }
            b"data" => {
                let (format, channels, rate, bits) = format.ok_or_else(not_wav)?;
                if format != 1 || bits != 16 || !matches!(channels, 1 | 2) || !matches!(rate, 8000 | 16000) {
                    return Err(SoundError::Kind { path: path.to_owned(), format, bits, rate, channels });
                }
                return Ok(to_mono_8k(body, usize::from(channels), rate));
            }
            _ => {}
        }
        rest = rest.get(8 + size + size % 2..).unwrap_or_default();
    }
    Err(not_wav())
}

fn to_mono_8k(data: &[u8], channels: usize, rate: u32) -> Vec<i16> {
    let samples: Vec<i32> =
        data.chunks_exact(2).map(|pair| i32::from(u16_at(pair, 0).unwrap_or(0).cast_signed())).collect();
    let together = channels * if rate == 16000 { 2 } else { 1 };
    samples.chunks_exact(together).map(|group| (group.iter().sum::<i32>() / together as i32) as i16).collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Writes 8 kHz mono 16-bit PCM; makes missing folders.
pub fn write_wav(path: &Path, samples: &[i16]) -> Result<(), SoundError> {
    let failed = |source| SoundError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let size = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut out = Vec::with_capacity(44 + samples.len() * 2);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(size + 36).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&RATE.to_le_bytes());
    out.extend_from_slice(&(RATE * 2).to_le_bytes());
    out.extend_from_slice(&2u16.to_le_bytes());
    out.extend_from_slice(&16u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&size.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(path, out).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/heard.wav");
        let samples: Vec<i16> = (-500..500).map(|x| x * 60).collect();
        write_wav(&path, &samples).unwrap();
        assert_eq!(read_wav(&path).unwrap(), samples);
    }

    #[test]
    fn faulty_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wav");
        for bytes in
            [&b""[..], b"RIFF", b"RIFF....WAVE", b"RIFF....WAVEdata\x04\0\0\0abcd", b"RIFF....WAVEfmt \x02\0\0\0ab"]
        {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(read_wav(&path), Err(SoundError::NotWav { .. })), "{bytes:?}");
        }
        assert!(matches!(read_wav(&folder.path().join("none")), Err(SoundError::Io { .. })));
    }

    #[test]
    fn a_tone_keeps_its_phase_across_frames() {
        let tone = Sound::tone(1000.0);
        let (one, two) = (tone.frame(0).unwrap(), tone.frame(FRAME as u64).unwrap());
        assert_eq!(one, two, "160 samples are 20 whole periods of 1000 Hz");
        assert!(one.iter().any(|sample| *sample > 8900));
        assert_eq!(Sound::Quiet.frame(0), None);
    }

    #[test]
    fn the_shipped_prompts_can_be_read_at_both_rates() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds/ivr");
        let low = read_wav(&folder.join("8000/ivr-user_busy.wav")).unwrap();
        let high = read_wav(&folder.join("16000/ivr-user_busy.wav")).unwrap();
        assert!(low.len() > 2 * RATE as usize && low.len().abs_diff(high.len()) < 4, "{} {}", low.len(), high.len());
    }
}
