//! Sound of one port on its way to another that mixes it, whichever threads they are on. The lock is taken once per packet
//! on either side, and only where more than two hear one another.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::audio::Resampler;

/// Sound that waits at most, ms; the oldest goes first.
const LONGEST_MS: u32 = 200;
/// What is kept when more than [`LATE_MS`] waits after a frame was taken, ms.
const KEPT_MS: u32 = 40;
const LATE_MS: u32 = 100;
/// A queue of samples.
#[derive(Debug, Default)]
pub(super) struct Feed(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Rate of whoever takes from it, Hz; 0: nobody did yet.
    rate: u32,
    /// From another rate.
    resampler: Option<(u32, Resampler)>,
    samples: VecDeque<i16>,
    /// Enough was there to begin.
    running: bool,
}

impl Feed {
    /// Adds what was heard, at this rate.
    pub(super) fn put(&self, samples: &[i16], rate: u32) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        if inner.rate == 0 {
            return;
        }
        if inner.rate == rate {
            inner.samples.extend(samples);
        } else {
            if inner.resampler.as_ref().is_none_or(|(from, _)| *from != rate) {
                inner.resampler = Some((rate, Resampler::new(rate, inner.rate)));
            }
            let mut converted = Vec::with_capacity(samples.len());
            if let Some((_, resampler)) = &mut inner.resampler {
                resampler.process(samples, &mut converted);
            }
            inner.samples.extend(converted);
        }
        let room = samples_in(LONGEST_MS, inner.rate);
        let old = inner.samples.len().saturating_sub(room);
        inner.samples.drain(..old);
    }

    /// Adds a frame to a sum, at this rate. It begins when two frames are there, so that their coming early or late is
    /// not heard; one that is missing is silence.
    pub(super) fn add_to(&self, sum: &mut [i32], rate: u32) {
        let mut inner = self.inner();
        if inner.rate != rate {
            *inner = Inner { rate, ..Inner::default() };
        }
        if !inner.running && inner.samples.len() < sum.len().saturating_mul(2) {
            return;
        }
        inner.running = inner.samples.len() >= sum.len();
        let count = sum.len().min(inner.samples.len());
        for (total, sample) in sum.iter_mut().zip(inner.samples.drain(..count)) {
            *total = total.saturating_add(sample.into());
        }
        if inner.samples.len() > samples_in(LATE_MS, rate) {
            let kept = samples_in(KEPT_MS, rate);
            let late = inner.samples.len().saturating_sub(kept);
            inner.samples.drain(..late);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn samples_in(ms: u32, rate: u32) -> usize {
    usize::try_from(u64::from(rate) * u64::from(ms) / 1000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(feed: &Feed, rate: u32) -> i32 {
        let mut sum = vec![1; samples_in(20, rate)];
        feed.add_to(&mut sum, rate);
        sum.iter().sum::<i32>() / sum.len() as i32
    }

    #[test]
    fn it_begins_with_two_frames_and_bridges_a_gap() {
        let feed = Feed::default();
        feed.put(&[9; 160], 8000);
        assert_eq!(take(&feed, 8000), 1, "nobody listened yet");
        feed.put(&[100; 160], 8000);
        assert_eq!(take(&feed, 8000), 1, "not yet");
        feed.put(&[100; 160], 8000);
        assert_eq!([take(&feed, 8000), take(&feed, 8000), take(&feed, 8000)], [101, 101, 1]);
        feed.put(&[50; 160], 8000);
        assert_eq!(take(&feed, 8000), 1, "it begins anew");
    }

    #[test]
    fn it_is_bounded_and_catches_up() {
        let feed = Feed::default();
        take(&feed, 8000);
        (0..100).for_each(|_| feed.put(&[100; 160], 8000));
        assert_eq!(feed.inner().samples.len(), 1600);
        take(&feed, 8000);
        assert_eq!(feed.inner().samples.len(), 320);
    }

    #[test]
    fn other_rates_are_converted() {
        let feed = Feed::default();
        take(&feed, 16_000);
        (0..5).for_each(|_| feed.put(&[100; 160], 8000));
        take(&feed, 16_000);
        let level = take(&feed, 16_000);
        assert!((90..112).contains(&level), "{level}");
    }
}
