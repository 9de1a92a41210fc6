//! The thread that writes recordings. A disk that is slow or full delays recordings, never a call.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::call::media::{MediaEvent, RecordEnd, RecordId, RecordSpec};
use crate::engine::audio::{AudioCodec, Resampler, WavEncoding, WavReader, wav_header};

use super::shared::Shared;

/// Jobs that may wait with samples. Beyond that the samples wait in their ports, for as long as these have room.
const MOST_WAITING: usize = 16_384;

/// After how much audio the head of a file is brought up to date, so that it can be read even after a crash, in seconds.
const HEAD_SECONDS: u64 = 2;

/// Octets of the head of a WAV file of ours.
const HEAD_OCTETS: u64 = 44;

/// How a recording ended at its port.
pub(super) struct Ended {
    pub(super) key: u64,
    pub(super) end: RecordEnd,
    pub(super) ms: u64,
}

/// What the thread is to do.
pub(super) enum Job {
    /// Open a file, whose samples will have this rate.
    Open { key: u64, id: RecordId, rate: u32, spec: RecordSpec, owner: Arc<Shared> },
    /// Write samples, channels interleaved.
    Append { key: u64, samples: Vec<i16> },
    /// Empty the file.
    Truncate { key: u64 },
    /// Close the file and tell.
    Close(Ended),
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    ended: bool,
}

/// Jobs that wait.
#[derive(Default)]
pub(super) struct Recorder {
    queue: Mutex<Queue>,
    wake: Condvar,
    waiting: AtomicUsize,
    last_key: AtomicU64,
}

impl Recorder {
    /// A number for a new recording.
    pub(super) fn next_key(&self) -> u64 {
        self.last_key.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether samples may be put in.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < MOST_WAITING
    }

    /// Adds a job. Those that open and close are few; samples come while there is room.
    pub(super) fn put(&self, job: Job) {
        let mut queue = self.queue();
        queue.jobs.push_back(job);
        self.waiting.store(queue.jobs.len(), Ordering::Relaxed);
        drop(queue);
        self.wake.notify_one();
    }

    /// Ends the thread once it did what waits.
    pub(super) fn end(&self) {
        self.queue().ended = true;
        self.wake.notify_all();
    }

    /// The body of the thread.
    pub(super) fn run(&self) {
        let mut files = HashMap::new();
        while let Some(job) = self.take() {
            work(&mut files, job);
        }
    }

    fn take(&self) -> Option<Job> {
        let mut queue = self
            .wake
            .wait_while(self.queue(), |queue| queue.jobs.is_empty() && !queue.ended)
            .unwrap_or_else(PoisonError::into_inner);
        let job = queue.jobs.pop_front();
        self.waiting.store(queue.jobs.len(), Ordering::Relaxed);
        job
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work(files: &mut HashMap<u64, Recording>, job: Job) {
    match job {
        Job::Open { key, id, rate, spec, owner } => match Recording::open(id, rate, spec, Arc::clone(&owner)) {
            Ok(recording) => {
                files.insert(key, recording);
                owner.tell(MediaEvent::RecordStarted { id });
            }
            Err(error) => {
                let end = RecordEnd::Failed(error.to_string());
                owner.tell(MediaEvent::RecordEnded { id, end, ms: 0, octets: 0 });
            }
        },
        Job::Append { key, samples } => {
            let Some(recording) = files.get_mut(&key) else { return };
            let written = recording.append(&samples);
            end_if_failed(files, key, written);
        }
        Job::Truncate { key } => {
            let Some(recording) = files.get_mut(&key) else { return };
            let emptied = recording.truncate();
            end_if_failed(files, key, emptied);
        }
        Job::Close(ended) => {
            if let Some(recording) = files.remove(&ended.key) {
                recording.close(ended);
            }
        }
    }
}

fn end_if_failed(files: &mut HashMap<u64, Recording>, key: u64, result: io::Result<()>) {
    if let Err(error) = result
        && let Some(recording) = files.remove(&key)
    {
        let ms = recording.ms();
        recording.tell(RecordEnd::Failed(error.to_string()), ms);
    }
}

/// How samples are written.
enum Format {
    /// 16-bit samples with a head.
    Wav,
    /// 16-bit samples, little-endian.
    Raw,
    /// Octets of a codec.
    Codec(&'static AudioCodec),
}

impl Format {
    fn of(path: &Path) -> io::Result<Self> {
        let suffix = path.extension().map(|suffix| suffix.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let codec = |name| AudioCodec::find(name, 8000).map(Self::Codec);
        let format = match &*suffix {
            "wav" => Some(Self::Wav),
            "raw" | "sln" | "r8" | "r16" => Some(Self::Raw),
            "ul" | "ulaw" | "pcmu" => codec("PCMU"),
            "al" | "alaw" | "pcma" => codec("PCMA"),
            _ => None,
        };
        format.ok_or_else(|| {
            let text = format!("files of the kind .{suffix} cannot be written: wav, raw, sln, r8, r16, ul and al can");
            io::Error::new(io::ErrorKind::Unsupported, text)
        })
    }
}

/// An open file.
struct Recording {
    id: RecordId,
    owner: Arc<Shared>,
    path: PathBuf,
    file: File,
    format: Format,
    rate: u32,
    channels: u16,
    /// One per channel, when the file's rate is another.
    resamplers: Vec<Resampler>,
    /// Octets of samples in the file, those included that it held before.
    octets: u64,
    /// Those it held before.
    before: u64,
    min_ms: u64,
    /// Octets written since the head was.
    since_head: u64,
}

impl Recording {
    fn open(id: RecordId, rate: u32, spec: RecordSpec, owner: Arc<Shared>) -> io::Result<Self> {
        let format = Format::of(&spec.path)?;
        let channels = spec.tracks.channels();
        let wanted = match format {
            Format::Codec(codec) => codec.rate,
            Format::Wav | Format::Raw => Some(spec.rate).filter(|rate| *rate > 0).unwrap_or(rate),
        };
        if let (true, Some(folder)) = (spec.make_folders, spec.path.parent()) {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(!spec.append);
        let mut file = options.open(&spec.path)?;
        let mut octets = 0;
        let there = file.metadata()?.len();
        if there > 0 {
            octets = match format {
                Format::Wav => continued(&mut file, there, wanted, channels)?,
                Format::Raw | Format::Codec(_) => there,
            };
        }
        let mut recording = Self {
            id,
            owner,
            path: spec.path,
            file,
            format,
            rate: wanted,
            channels,
            resamplers: Vec::new(),
            octets,
            before: octets,
            min_ms: spec.min_ms,
            since_head: 0,
        };
        if wanted != rate {
            recording.resamplers = (0..channels).map(|_| Resampler::new(rate, wanted)).collect();
        }
        recording.write_head()?;
        recording.file.seek(SeekFrom::End(0))?;
        Ok(recording)
    }

    fn append(&mut self, samples: &[i16]) -> io::Result<()> {
        let resampled;
        let samples = if self.resamplers.is_empty() {
            samples
        } else {
            resampled = self.resample(samples);
            &resampled
        };
        let octets = match &self.format {
            Format::Wav | Format::Raw => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
            Format::Codec(codec) => {
                let mut octets = Vec::with_capacity(samples.len());
                codec.encoder().encode(samples, &mut octets);
                octets
            }
        };
        self.file.write_all(&octets)?;
        self.octets = self.octets.saturating_add(octets.len() as u64);
        self.since_head = self.since_head.saturating_add(octets.len() as u64);
        if self.since_head >= self.octets_per_second().saturating_mul(HEAD_SECONDS) {
            self.since_head = 0;
            self.write_head()?;
            self.file.seek(SeekFrom::End(0))?;
        }
        Ok(())
    }

    /// Drops all samples, those included that the file held before.
    fn truncate(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.octets, self.before, self.since_head) = (0, 0, 0);
        self.write_head()
    }

    fn resample(&mut self, samples: &[i16]) -> Vec<i16> {
        let count = usize::from(self.channels.max(1));
        let mut lanes = Vec::with_capacity(count);
        for (at, resampler) in self.resamplers.iter_mut().enumerate() {
            let lane: Vec<i16> = samples.iter().skip(at).step_by(count).copied().collect();
            let mut out = Vec::new();
            resampler.process(&lane, &mut out);
            lanes.push(out);
        }
        let length = lanes.iter().map(Vec::len).min().unwrap_or(0);
        (0..length).flat_map(|at| lanes.iter().filter_map(move |lane| lane.get(at).copied())).collect()
    }

    fn write_head(&mut self) -> io::Result<()> {
        if matches!(self.format, Format::Wav) {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&wav_header(self.rate, self.channels, self.octets))?;
        }
        Ok(())
    }

    /// Length of what this recording wrote.
    fn ms(&self) -> u64 {
        self.octets.saturating_sub(self.before).saturating_mul(1000) / self.octets_per_second().max(1)
    }

    fn octets_per_second(&self) -> u64 {
        let width = if matches!(self.format, Format::Codec(_)) { 1 } else { 2 };
        u64::from(self.rate).saturating_mul(u64::from(self.channels)).saturating_mul(width)
    }

    fn close(mut self, ended: Ended) {
        if ended.ms < self.min_ms && self.before == 0 {
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!(path = %self.path.display(), %error, "a recording that is too short cannot be deleted");
            }
            self.octets = 0;
            return self.tell(ended.end, ended.ms);
        }
        let end = match self.write_head() {
            Ok(()) => ended.end,
            Err(error) => RecordEnd::Failed(error.to_string()),
        };
        self.tell(end, ended.ms);
    }

    fn tell(&self, end: RecordEnd, ms: u64) {
        let head = if matches!(self.format, Format::Wav) && self.octets > 0 { HEAD_OCTETS } else { 0 };
        let octets = self.octets.saturating_add(head);
        self.owner.tell(MediaEvent::RecordEnded { id: self.id, end, ms, octets });
    }
}

/// The octets of samples in a WAV file that is to be continued: it must be of the kind we write.
fn continued(file: &mut File, there: u64, rate: u32, channels: u16) -> io::Result<u64> {
    let unfit = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let mut head = [0; HEAD_OCTETS as usize];
    file.read_exact(&mut head).map_err(|error| unfit(format!("it cannot be continued: {error}")))?;
    let format = WavReader::new(io::Cursor::new(head)).map(|reader| reader.format());
    let format = format.map_err(|error| unfit(format!("it cannot be continued: {error}")))?;
    let same = format.encoding == WavEncoding::Pcm && format.bits == 16 && head.get(36..40) == Some(b"data");
    if !same || format.rate != rate || format.channels != channels {
        return Err(unfit(format!(
            "it cannot be continued: it has {} Hz and {} channels, {rate} Hz and {channels} are wanted",
            format.rate, format.channels
        )));
    }
    Ok(there.saturating_sub(HEAD_OCTETS))
}

#[cfg(test)]
mod tests;
