//! A recording's samples: two directions of a call, laid side by side on one time line.
//!
//! Packets come early, late, in bursts or not at all. Each direction has its own place on the line; it moves on by what
//! arrives, and jumps when the clock says that something is missing. What is missing is silence, so that a recording is
//! as long as the call was recorded.

/// How the directions become channels of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracks {
    /// Added up into one channel.
    Mixed,
    /// Only what the far end says.
    Heard,
    /// Only what the far end is told.
    Told,
    /// Left what the far end says, right what it is told.
    Stereo,
    /// The other way round (`RECORD_STEREO_SWAP`).
    Swapped,
}

impl Tracks {
    /// Channels of the file.
    pub fn channels(self) -> u16 {
        match self {
            Self::Mixed | Self::Heard | Self::Told => 1,
            Self::Stereo | Self::Swapped => 2,
        }
    }
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// From the far end.
    Heard,
    /// To the far end.
    Told,
}

/// How far a direction may be from where the clock has it before it is moved, ms. More than jitter, less than a word.
const SLACK_MS: u64 = 80;

/// How far a direction may run ahead of the clock, ms: a sender whose clock is faster must not shift the other's words.
const AHEAD_MS: u64 = 1000;

/// Samples that wait, per direction: two seconds at 48 kHz. What is further ahead is dropped.
const MOST_WAITING: usize = 96_000;

/// Two directions on their way to one file.
#[derive(Debug)]
pub struct Mixdown {
    tracks: Tracks,
    rate: u64,
    /// Samples taken out so far.
    taken: u64,
    heard: Vec<i16>,
    told: Vec<i16>,
}

impl Mixdown {
    /// At its beginning. `rate` in Hz, at least 1.
    pub fn new(tracks: Tracks, rate: u32) -> Self {
        Self { tracks, rate: u64::from(rate.max(1)), taken: 0, heard: Vec::new(), told: Vec::new() }
    }

    /// Samples of `ms`.
    pub fn samples(&self, ms: u64) -> u64 {
        ms.saturating_mul(self.rate) / 1000
    }

    /// Samples per channel taken so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Adds what arrived `at_ms` after the beginning, which is when its last sample sounded.
    pub fn add(&mut self, lane: Lane, at_ms: u64, samples: &[i16]) {
        let (slack, ahead) = (self.samples(SLACK_MS), self.samples(AHEAD_MS));
        let due = self.samples(at_ms).saturating_sub(samples.len() as u64);
        let taken = self.taken;
        let waiting = match lane {
            Lane::Heard => &mut self.heard,
            Lane::Told => &mut self.told,
        };
        let place = taken.saturating_add(waiting.len() as u64);
        if place > due.saturating_add(ahead) {
            return;
        }
        if due > place.saturating_add(slack) {
            let gap = usize::try_from(due - place).unwrap_or(MOST_WAITING);
            waiting.resize(waiting.len().saturating_add(gap).min(MOST_WAITING), 0);
        }
        let room = MOST_WAITING.saturating_sub(waiting.len());
        waiting.extend(samples.iter().take(room));
    }

    /// Takes what is older than `until_ms`, interleaved as [`Tracks`] says.
    pub fn take(&mut self, until_ms: u64, out: &mut Vec<i16>) {
        let count = self.samples(until_ms).saturating_sub(self.taken);
        let count = usize::try_from(count).unwrap_or(MOST_WAITING).min(MOST_WAITING);
        let (heard, told) = (&self.heard, &self.told);
        let sample = |lane: &[i16], at: usize| lane.get(at).copied().unwrap_or(0);
        out.reserve(count * usize::from(self.tracks.channels()));
        for at in 0..count {
            let (heard, told) = (sample(heard, at), sample(told, at));
            match self.tracks {
                Tracks::Mixed => out.push(heard.saturating_add(told)),
                Tracks::Heard => out.push(heard),
                Tracks::Told => out.push(told),
                Tracks::Stereo => out.extend([heard, told]),
                Tracks::Swapped => out.extend([told, heard]),
            }
        }
        self.heard.drain(..count.min(self.heard.len()));
        self.told.drain(..count.min(self.told.len()));
        self.taken = self.taken.saturating_add(count as u64);
    }

    /// Forgets what waits, and goes on at `at_ms`: what was between is in no file.
    pub fn skip_to(&mut self, at_ms: u64) {
        self.heard.clear();
        self.told.clear();
        self.taken = self.taken.max(self.samples(at_ms));
    }
}

/// Tells when a direction has been silent for too long.
#[derive(Debug)]
pub struct SilenceWatch {
    /// Mean absolute sample below which a block is silent.
    threshold: u32,
    /// Silent samples in a row that end it.
    most: u64,
    silent: u64,
}

impl SilenceWatch {
    /// Silence of `ms` below `threshold` ends it.
    pub fn new(threshold: u32, ms: u64, rate: u32) -> Self {
        Self { threshold, most: ms.saturating_mul(rate.into()) / 1000, silent: 0 }
    }

    /// Looks at the next samples, 20 ms or so; true when it has been silent long enough.
    pub fn hears(&mut self, samples: &[i16]) -> bool {
        let count = samples.len() as u64;
        let energy: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs())).sum();
        if energy < count.saturating_mul(self.threshold.into()) {
            self.silent = self.silent.saturating_add(count);
        } else {
            self.silent = 0;
        }
        self.silent >= self.most
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(mix: &mut Mixdown, until_ms: u64) -> Vec<i16> {
        let mut out = Vec::new();
        mix.take(until_ms, &mut out);
        out
    }

    #[test]
    fn directions_become_channels() {
        for (tracks, expected) in [
            (Tracks::Mixed, vec![11_i16]),
            (Tracks::Heard, vec![1]),
            (Tracks::Told, vec![10]),
            (Tracks::Stereo, vec![1, 10]),
            (Tracks::Swapped, vec![10, 1]),
        ] {
            let mut mix = Mixdown::new(tracks, 8000);
            mix.add(Lane::Heard, 20, &[1; 160]);
            mix.add(Lane::Told, 20, &[10; 160]);
            let out = taken(&mut mix, 20);
            assert_eq!(out.chunks(expected.len()).next().unwrap(), expected, "{tracks:?}");
            assert_eq!(out.len(), 160 * usize::from(tracks.channels()));
        }
    }

    #[test]
    fn loud_directions_do_not_wrap() {
        let mut mix = Mixdown::new(Tracks::Mixed, 8000);
        mix.add(Lane::Heard, 20, &[i16::MAX; 160]);
        mix.add(Lane::Told, 20, &[i16::MAX; 160]);
        assert_eq!(taken(&mut mix, 20), [i16::MAX; 160]);
    }

    #[test]
    fn what_is_missing_is_silence_and_jitter_is_none() {
        let mut mix = Mixdown::new(Tracks::Heard, 1000);
        mix.add(Lane::Heard, 20, &[1; 20]);
        mix.add(Lane::Heard, 75, &[2; 20]); // 35 ms late
        mix.add(Lane::Heard, 300, &[3; 20]); // after a pause
        let out = taken(&mut mix, 320);
        assert_eq!(out.len(), 320);
        assert_eq!((out[39], out[40]), (2, 0), "the late packet follows at once");
        assert_eq!((out[279], out[280], out[299], out[300]), (0, 3, 3, 0), "a pause is as long as it was");
    }

    #[test]
    fn a_pause_of_the_recording_is_in_no_file() {
        let mut mix = Mixdown::new(Tracks::Heard, 1000);
        mix.add(Lane::Heard, 100, &[1; 100]);
        assert_eq!(taken(&mut mix, 100).len(), 100);
        mix.skip_to(500);
        mix.add(Lane::Heard, 600, &[2; 100]);
        assert_eq!(taken(&mut mix, 600), [2; 100]);
    }

    #[test]
    fn silence_is_counted_from_the_last_voice() {
        let mut watch = SilenceWatch::new(200, 60, 8000);
        assert!(!watch.hears(&[10; 160]));
        assert!(!watch.hears(&[900; 160]));
        assert!(!watch.hears(&[-10; 160]));
        assert!(!watch.hears(&[0; 160]));
        assert!(watch.hears(&[0; 160]));
    }

    proptest! {
        #[test]
        fn a_file_is_as_long_as_its_time(
            packets in proptest::collection::vec((any::<bool>(), 0_u64..400, 0_usize..400), 0..30),
        ) {
            let mut mix = Mixdown::new(Tracks::Stereo, 8000);
            let (mut now, mut length) = (0, 0);
            for (heard, ms, count) in packets {
                now += ms;
                let lane = if heard { Lane::Heard } else { Lane::Told };
                mix.add(lane, now, &vec![1; count]);
                let mut out = Vec::new();
                while mix.taken() < mix.samples(now) {
                    mix.take(now, &mut out);
                }
                length += out.len();
                prop_assert_eq!(length as u64, 2 * mix.samples(now));
            }
        }
    }
}
