//! A jitter buffer: packets go in as they come, one frame comes out every packet time.
//!
//! The delay adapts to what the network does. It aims at the peak of the recent delays (a peak that decays, so that calm
//! weather shortens it again) and stays between a lower and an upper bound. A packet too late for its turn is dropped and
//! raises the aim. The depth is corrected by one frame at a time: a gap is left at the lower end, a frame is passed over
//! at the upper end, the latter also when the far end's clock runs fast.
//!
//! Time is counted in timestamp units from any zero. Frames are told apart by sequence numbers, so gaps of the timestamp
//! (silence suppression) do not count as loss.

use std::collections::BTreeMap;

use super::sequence::sequence_distance;

/// Bounds of the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JitterConfig {
    /// Least delay, timestamp units.
    pub min: u32,
    /// Greatest delay, timestamp units.
    pub max: u32,
    /// Length of a frame, timestamp units.
    pub frame: u32,
}

impl JitterConfig {
    /// 20 to 200 ms for frames of `ptime` ms at `rate` Hz.
    pub fn new(rate: u32, ptime: u32) -> Self {
        let ms = |ms: u32| (u64::from(rate) * u64::from(ms) / 1000).min(u64::from(u32::MAX / 4)) as u32;
        Self { min: ms(20), max: ms(200), frame: ms(ptime).max(1) }
    }
}

/// What has come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Played<T> {
    /// The next frame.
    Frame(T),
    /// The next frame is missing: conceal it.
    Lost,
    /// Nothing is due: before the first frame, after the last, or the delay is growing.
    Empty,
}

/// Counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterCounters {
    /// Frames that came out.
    pub played: u64,
    /// Frames that were missing when they were due.
    pub lost: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Frames passed over to shorten the delay.
    pub skipped: u64,
}

/// The buffer; `T` is a frame: a payload, or samples.
#[derive(Debug)]
pub struct JitterBuffer<T> {
    config: JitterConfig,
    frames: BTreeMap<i64, T>,
    /// Extended number of the newest packet.
    newest: Option<i64>,
    /// Extended number that is due next; none while the buffer fills.
    due: Option<i64>,
    /// Extended number below which everything had its turn.
    floor: Option<i64>,
    /// Time at which filling is over.
    ready: Option<u64>,
    /// Delay aimed at, in 1/16 units.
    aim: u64,
    /// Least relative transit seen lately.
    base: Option<i64>,
    counters: JitterCounters,
}

/// Steps of sequence numbers beyond this are another stream.
const MAX_STEP: i16 = 500;

impl<T> JitterBuffer<T> {
    /// An empty buffer.
    pub fn new(config: JitterConfig) -> Self {
        let config = JitterConfig { frame: config.frame.max(1), max: config.max.max(config.min), ..config };
        Self {
            frames: BTreeMap::new(),
            newest: None,
            due: None,
            floor: None,
            ready: None,
            aim: u64::from(config.min) << 4,
            base: None,
            counters: JitterCounters::default(),
            config,
        }
    }

    /// A packet that arrived at `now` (timestamp units, never going back).
    pub fn push(&mut self, sequence: u16, timestamp: u32, frame: T, now: u64) {
        let number = self.extend(sequence);
        self.measure(timestamp, now);
        if self.floor.is_some_and(|floor| number < floor) {
            self.counters.late += 1;
            return;
        }
        if self.frames.insert(number, frame).is_some() {
            self.counters.duplicate += 1;
        }
        while self.frames.len() > self.capacity() {
            self.frames.pop_first();
            self.counters.skipped += 1;
            let first = self.frames.keys().next().copied();
            self.due = self.due.and(first);
            self.floor = self.floor.max(first);
        }
        if self.due.is_none() && self.ready.is_none() {
            self.ready = Some(now + self.delay());
        }
    }

    /// The frame that is due at `now`; to be called once per frame time.
    pub fn pull(&mut self, now: u64) -> Played<T> {
        let due = match (self.due, self.ready) {
            (Some(due), _) => due,
            (None, Some(ready)) if now >= ready => {
                let Some(first) = self.frames.keys().next().copied() else { return Played::Empty };
                self.ready = None;
                first
            }
            _ => return Played::Empty,
        };
        if self.frames.is_empty() {
            // Run dry: fill up again, with the delay the late packets taught. What is still missing counts when the next
            // frame shows that it was sent.
            self.due = None;
            return Played::Empty;
        }
        let due = self.shorten(due);
        self.due = Some(due + 1);
        self.floor = self.due;
        let Some(frame) = self.frames.remove(&due) else {
            self.counters.lost += 1;
            return Played::Lost;
        };
        self.counters.played += 1;
        Played::Frame(frame)
    }

    /// The delay aimed at, timestamp units.
    pub fn delay(&self) -> u64 {
        self.aim >> 4
    }

    /// Frames that wait.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Counters so far.
    pub fn counters(&self) -> JitterCounters {
        self.counters
    }

    /// Forgets the stream, keeps counters and delay.
    pub fn reset(&mut self) {
        self.frames.clear();
        (self.newest, self.due, self.floor, self.ready, self.base) = (None, None, None, None, None);
    }

    fn capacity(&self) -> usize {
        (self.config.max / self.config.frame) as usize + 2
    }

    /// The number without wrapping; a jump begins another stream.
    fn extend(&mut self, sequence: u16) -> i64 {
        if let Some(newest) = self.newest {
            let step = sequence_distance(newest as u16, sequence);
            if step.unsigned_abs() <= MAX_STEP.unsigned_abs() {
                let number = newest + i64::from(step);
                self.newest = Some(newest.max(number));
                return number;
            }
            self.reset();
        }
        let number = i64::from(sequence);
        self.newest = Some(number);
        number
    }

    /// Follows the delays: the aim rises at once and falls slowly.
    fn measure(&mut self, timestamp: u32, now: u64) {
        let transit = i64::from((now as u32).wrapping_sub(timestamp) as i32);
        // The least transit creeps up, or a clock that runs slow would look like ever growing delay.
        let base = self.base.map_or(transit, |base| (base + 1).min(transit));
        let (low, high) = (u64::from(self.config.min), u64::from(self.config.max));
        let late_by = u64::try_from(transit.saturating_sub(base)).unwrap_or(0);
        if late_by > high * 8 {
            // The timestamps jumped; that is no delay.
            self.base = Some(transit);
            return;
        }
        self.base = Some(base);
        // One frame beyond the lateness itself: packets are due in whole frames.
        let wanted = (late_by + u64::from(self.config.frame) / 2).clamp(low, high) << 4;
        self.aim = if wanted > self.aim { wanted } else { self.aim - (self.aim - wanted) / 128 };
    }

    /// Passes over one frame when more wait than the aim needs.
    fn shorten(&mut self, due: i64) -> i64 {
        let span = self.newest.map_or(0, |newest| newest - due + 1);
        let frame = i64::from(self.config.frame);
        let wanted = i64::try_from(self.delay()).unwrap_or(i64::MAX / 4) / frame + 3;
        if span <= wanted {
            return due;
        }
        // A missing frame costs nothing to pass over.
        if self.frames.remove(&due).is_some() {
            self.counters.skipped += 1;
        } else {
            self.counters.lost += 1;
        }
        due + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: u64 = 160;

    /// Sends frames `0..count` with the given delays (units; none: lost) and pulls every frame time.
    fn run(delays: &[Option<u64>], start: u16) -> (Vec<Played<usize>>, JitterCounters, u64) {
        let mut buffer = JitterBuffer::new(JitterConfig::new(8000, 20));
        let mut arrivals: Vec<(u64, usize)> =
            delays.iter().enumerate().filter_map(|(n, delay)| Some((n as u64 * FRAME + (*delay)?, n))).collect();
        arrivals.sort_unstable();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut out = Vec::new();
        for tick in 0..(delays.len() as u64 + 40) {
            let now = tick * FRAME + 7;
            while let Some((at, n)) = arrivals.next_if(|(at, _)| *at <= now) {
                buffer.push(start.wrapping_add(n as u16), (n as u32).wrapping_mul(160).wrapping_sub(5000), n, at);
            }
            out.push(buffer.pull(now));
        }
        (out, buffer.counters(), buffer.delay())
    }

    fn frames(out: &[Played<usize>]) -> Vec<usize> {
        out.iter().filter_map(|p| if let Played::Frame(n) = p { Some(*n) } else { None }).collect()
    }

    #[test]
    fn an_even_stream_comes_out_whole_with_the_least_delay() {
        let (out, counters, delay) = run(&vec![Some(40); 500], 65_400);
        assert_eq!(frames(&out), (0..500).collect::<Vec<_>>());
        assert_eq!(counters, JitterCounters { played: 500, ..JitterCounters::default() });
        assert_eq!(delay, 160);
        let first = out.iter().position(|p| matches!(p, Played::Frame(_))).unwrap();
        assert!(first <= 2, "{first}");
    }

    #[test]
    fn a_lost_packet_is_told_in_its_place() {
        let mut delays = vec![Some(0); 50];
        delays[20] = None;
        let (out, counters, _) = run(&delays, 0);
        assert_eq!((counters.played, counters.lost), (49, 1));
        let lost = out.iter().position(|p| *p == Played::Lost).unwrap();
        assert_eq!((&out[lost - 1], &out[lost + 1]), (&Played::Frame(19), &Played::Frame(21)));
    }

    #[test]
    fn the_delay_grows_with_the_jitter_and_falls_again() {
        let mut delays: Vec<_> = (0..400).map(|n| Some(n * 37 % 640)).collect();
        let (_, counters, rough) = run(&delays, 0);
        assert!((640..=900).contains(&rough), "{rough}");
        assert!(counters.late < 20, "{counters:?}");
        delays.extend(vec![Some(320); 2000]);
        let (_, _, calm) = run(&delays, 0);
        assert!(calm < 300, "{calm}");
    }

    #[test]
    fn a_burst_after_a_stall_does_not_stay_in_the_buffer() {
        let mut delays = vec![Some(0); 100];
        delays.extend((0..20).map(|n| Some((20 - n) * FRAME)));
        delays.extend(vec![Some(0); 400]);
        let (out, counters, _) = run(&delays, 0);
        assert!(counters.skipped + counters.late < 40, "{counters:?}");
        let played = frames(&out);
        assert!(played.is_sorted() && played.last() == Some(&519));
    }

    #[test]
    fn a_clock_that_runs_fast_or_slow_neither_fills_nor_starves_the_buffer() {
        // Packets every 159 or 161 units for 20,000 frames: half a percent, far more than real clocks differ.
        for pace in [159_u64, 161] {
            let mut buffer = JitterBuffer::new(JitterConfig::new(8000, 20));
            let (mut sent, mut longest) = (0_u64, 0);
            for tick in 0..20_000_u64 {
                let now = tick * FRAME;
                while sent * pace <= now {
                    buffer.push(sent as u16, (sent as u32).wrapping_mul(160), sent, sent * pace);
                    sent += 1;
                }
                buffer.pull(now);
                longest = longest.max(buffer.len());
            }
            let counters = buffer.counters();
            assert!(longest <= 5, "{pace}: {longest}");
            assert!(counters.played >= 19_800 && counters.late <= 2, "{pace}: {counters:?}");
            assert!(counters.skipped < 160, "{pace}: {counters:?}");
        }
    }

    #[test]
    fn a_pause_of_the_sender_is_no_loss() {
        let mut buffer = JitterBuffer::new(JitterConfig::new(8000, 20));
        let (mut now, mut heard) = (0_u64, Vec::new());
        for sequence in 0..60_u16 {
            // After 30 packets five seconds of nothing, on both clocks.
            let pause = if sequence >= 30 { 40_000 } else { 0 };
            let at = u64::from(sequence) * FRAME + pause;
            while now < at {
                heard.push(buffer.pull(now));
                now += FRAME;
            }
            buffer.push(sequence, at as u32, usize::from(sequence), at);
        }
        heard.extend((0..10).map(|n| buffer.pull(now + n * FRAME)));
        assert_eq!(frames(&heard), (0..60).collect::<Vec<_>>());
        assert_eq!(buffer.counters(), JitterCounters { played: 60, ..JitterCounters::default() });
        assert_eq!(buffer.delay(), 160);
    }

    #[test]
    fn a_jump_of_the_numbers_is_another_stream() {
        let mut buffer = JitterBuffer::new(JitterConfig::new(8000, 20));
        buffer.push(10, 0, 'a', 0);
        buffer.push(40_000, 99_999, 'b', 160);
        assert_eq!(buffer.pull(161), Played::Empty);
        assert_eq!(buffer.pull(2000), Played::Frame('b'));
        assert_eq!(buffer.pull(2160), Played::Empty);
    }

    proptest! {
        #[test]
        fn frames_come_out_in_order_once_and_are_all_accounted_for(
            delays in proptest::collection::vec(proptest::option::weighted(0.9, 0_u64..3000), 1..300), start: u16
        ) {
            let (out, counters, delay) = run(&delays, start);
            let played = frames(&out);
            prop_assert!(played.windows(2).all(|pair| pair[0] < pair[1]));
            let sent = delays.iter().flatten().count() as u64;
            prop_assert_eq!(counters.played, played.len() as u64);
            prop_assert_eq!(counters.played + counters.late + counters.skipped, sent);
            prop_assert!((160..=1600).contains(&delay));
        }

        #[test]
        fn the_buffer_is_bounded_and_never_panics(
            steps in proptest::collection::vec((any::<u16>(), any::<u32>(), any::<bool>(), 0_u64..5000), 0..300)
        ) {
            let mut buffer = JitterBuffer::new(JitterConfig::new(8000, 20));
            let mut now = 0;
            for (sequence, timestamp, pull, passed) in steps {
                now += passed;
                if pull {
                    buffer.pull(now);
                } else {
                    buffer.push(sequence, timestamp, (), now);
                }
                prop_assert!(buffer.len() <= 12);
            }
        }
    }
}
