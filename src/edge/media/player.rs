//! One playback: octets of a prompt, tone or silence, frame by frame.
//!
//! For codecs of one octet per sample, which are all we have.

use std::sync::Arc;

use crate::engine::audio::{AudioCodec, Level, Silence, ToneGenerator};

use super::prompt::{Next, Prompt, Segment};

/// How a playback sounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Manner {
    /// Steps of loudness, -4 to 4.
    pub(super) volume: i8,
    /// Steps of speed, -2 to 2.
    pub(super) speed: i8,
}

/// What is being played and how far it came.
pub(super) struct Player {
    /// Codec of its octets.
    pub(super) codec: &'static AudioCodec,
    kind: Kind,
    played: u64,
    /// Octets from the beginning to where it is.
    position: u64,
    /// How it is to sound; none: as it is.
    shaped: Option<Box<Shaped>>,
}

/// Another volume or speed.
struct Shaped {
    /// What each octet becomes at another volume.
    loudness: Option<Box<[u8; 256]>>,
    pace: Pace,
    /// Octets at their own speed, before some are let out or doubled.
    plain: Vec<u8>,
}

/// The speed as octets that are taken for octets that go out, and what is left of a division. A step lets out a quarter
/// of the octets or adds one, as FreeSWITCH's does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    taken: usize,
    given: usize,
    rest: usize,
}

impl Pace {
    fn of(speed: i8) -> Self {
        let (taken, given) = match speed {
            ..=-2 => (2, 3),
            -1 => (4, 5),
            0 => (1, 1),
            1 => (4, 3),
            2.. => (2, 1),
        };
        Self { taken, given, rest: 0 }
    }

    /// How many octets are taken for a frame of so many.
    fn needs(self, octets: usize) -> usize {
        (self.rest + octets * self.taken) / self.given
    }

    /// Appends up to `octets` of those that were taken.
    fn give(&mut self, taken: &[u8], octets: usize, out: &mut Vec<u8>) {
        let end = self.rest + octets * self.taken;
        let places = (0..octets).map(|at| (self.rest + at * self.taken) / self.given);
        out.extend(places.map_while(|place| taken.get(place)));
        self.rest = end % self.given;
    }
}

enum Kind {
    Encoded(Walk),
    Live(ToneGenerator),
    Silence { silence: Silence, left: Option<u64>, seed: u32 },
}

/// A walk along the segments of a prompt.
struct Walk {
    head: Arc<Segment>,
    segment: Arc<Segment>,
    at: usize,
    /// Passes left with this one; none: for ever.
    passes: Option<u32>,
    /// Whether this pass held anything: an empty prompt must not be walked for ever.
    sounded: bool,
}

impl Player {
    pub(super) fn prompt(prompt: Prompt, codec: &'static AudioCodec) -> Self {
        let kind = match prompt {
            Prompt::Encoded { head, passes } => {
                Kind::Encoded(Walk { segment: Arc::clone(&head), head, at: 0, passes, sounded: false })
            }
            Prompt::Live(script) => Kind::Live(script.generator(codec.rate)),
        };
        Self::of(kind, codec)
    }

    fn of(kind: Kind, codec: &'static AudioCodec) -> Self {
        Self { codec, kind, played: 0, position: 0, shaped: None }
    }

    pub(super) fn silence(silence: Silence, codec: &'static AudioCodec, seed: u32) -> Self {
        let left = silence.ms().map(|ms| ms.saturating_mul(u64::from(codec.rate)) / 1000);
        Self::of(Kind::Silence { silence, left, seed }, codec)
    }

    /// Plays on in another manner.
    pub(super) fn set_manner(&mut self, manner: Manner) {
        self.shaped = (manner != Manner::default()).then(|| {
            let loudness = Level::Step(manner.volume).table(self.codec);
            Box::new(Shaped { loudness, pace: Pace::of(manner.speed), plain: Vec::new() })
        });
    }

    /// Milliseconds that were played.
    pub(super) fn played_ms(&self) -> u64 {
        self.played.saturating_mul(1000) / u64::from(self.codec.rate.max(1))
    }

    /// Where it is, ms from the beginning.
    pub(super) fn position_ms(&self) -> u64 {
        self.position.saturating_mul(1000) / u64::from(self.codec.rate.max(1))
    }

    /// Goes on at another place. Silence and tones that are made while they play have none. What is not encoded yet is
    /// not passed over.
    pub(super) fn seek(&mut self, ms: u64) {
        let Kind::Encoded(walk) = &mut self.kind else { return };
        let octets = ms.saturating_mul(u64::from(self.codec.rate)) / 1000;
        self.position = walk.seek(octets);
    }

    /// Appends a frame of `octets`, the last one filled up with silence. False: nothing was left.
    pub(super) fn frame(&mut self, octets: usize, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        let more = match self.shaped.take() {
            None => self.take(octets, out),
            Some(mut shaped) => {
                shaped.plain.clear();
                let more = self.take(shaped.pace.needs(octets), &mut shaped.plain);
                shaped.pace.give(&shaped.plain, octets, out);
                if let Some(table) = &shaped.loudness {
                    for octet in out.iter_mut().skip(before) {
                        *octet = table.get(usize::from(*octet)).copied().unwrap_or(*octet);
                    }
                }
                self.shaped = Some(shaped);
                more
            }
        };
        if more {
            out.resize(before + octets, silence_of(self.codec));
        }
        more
    }

    /// Appends up to `octets` at their own speed; false: nothing was left.
    fn take(&mut self, octets: usize, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        let more = match &mut self.kind {
            Kind::Encoded(walk) => walk.fill(octets, out),
            Kind::Live(generator) => {
                let mut samples = vec![0; octets];
                let count = generator.fill(&mut samples);
                samples.truncate(count);
                self.codec.encoder().encode(&samples, out);
                count > 0
            }
            Kind::Silence { silence, left, seed } => {
                let count = left.map_or(octets, |left| octets.min(usize::try_from(left).unwrap_or(octets)));
                if let Some(left) = left {
                    *left -= count as u64;
                }
                let mut samples = vec![0; count];
                silence.fill(&mut samples, seed);
                self.codec.encoder().encode(&samples, out);
                count > 0
            }
        };
        let played = (out.len() - before) as u64;
        self.played += played;
        self.position += played;
        more
    }
}

impl Walk {
    /// Appends up to `octets`; false at the end. Fewer octets than asked for: the end is near, or the next segment is not
    /// made yet.
    fn fill(&mut self, octets: usize, out: &mut Vec<u8>) -> bool {
        let full = out.len() + octets;
        let mut waits = false;
        while out.len() < full {
            let rest = self.segment.octets().get(self.at..).unwrap_or_default();
            let piece = rest.get(..rest.len().min(full - out.len())).unwrap_or_default();
            out.extend_from_slice(piece);
            self.at += piece.len();
            self.sounded |= !piece.is_empty();
            if out.len() == full {
                break;
            }
            let next = match self.segment.next().cloned() {
                Some(Next::Segment(next)) => next,
                Some(Next::End) if self.again() => Arc::clone(&self.head),
                Some(Next::End) => break,
                None => {
                    waits = true;
                    break;
                }
            };
            (self.segment, self.at) = (next, 0);
        }
        waits || out.len() + octets > full
    }

    /// Goes to an octet of the first pass; the place it came to.
    fn seek(&mut self, octet: u64) -> u64 {
        let mut before: u64 = 0;
        self.segment = Arc::clone(&self.head);
        loop {
            let length = self.segment.octets().len();
            let within = usize::try_from(octet.saturating_sub(before)).unwrap_or(usize::MAX);
            let next = match self.segment.next() {
                Some(Next::Segment(next)) if within >= length => Arc::clone(next),
                _ => {
                    self.at = within.min(length);
                    return before.saturating_add(self.at as u64);
                }
            };
            before = before.saturating_add(length as u64);
            self.segment = next;
        }
    }

    /// Whether there is another pass.
    fn again(&mut self) -> bool {
        if let Some(left) = &mut self.passes {
            *left = left.saturating_sub(1);
        }
        std::mem::take(&mut self.sounded) && self.passes != Some(0)
    }
}

/// The octet of digital silence.
pub(super) fn silence_of(codec: &AudioCodec) -> u8 {
    codec.silence(1).first().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::audio::ToneScript;

    fn codec() -> &'static AudioCodec {
        AudioCodec::find("PCMU", 8000).unwrap()
    }

    fn play(player: &mut Player, frame: usize, most: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while frames.len() < most {
            let mut out = Vec::new();
            if !player.frame(frame, &mut out) {
                break;
            }
            frames.push(out);
        }
        frames
    }

    #[test]
    fn passes_follow_each_other_without_a_gap() {
        let prompt = |octets: Vec<u8>, passes| Prompt::Encoded { head: Segment::last(octets), passes };
        let mut player = Player::prompt(prompt(vec![1, 2, 3], Some(3)), codec());
        let frames = play(&mut player, 4, 100);
        assert_eq!(frames, [vec![1, 2, 3, 1], vec![2, 3, 1, 2], vec![3, 0xFF, 0xFF, 0xFF]]);
        assert_eq!(player.played, 9);
        assert_eq!(play(&mut Player::prompt(prompt(vec![1; 80], None), codec()), 160, 1000).len(), 1000);
        for passes in [None, Some(1), Some(5)] {
            assert!(play(&mut Player::prompt(prompt(vec![], passes), codec()), 160, 10).is_empty());
        }
        assert_eq!(play(&mut Player::prompt(prompt(vec![1; 160], Some(2)), codec()), 160, 10).len(), 2);
    }

    #[test]
    fn a_segment_that_is_late_is_bridged_with_silence() {
        let head = Segment::new(vec![1; 5]);
        let mut player = Player::prompt(Prompt::Encoded { head: Arc::clone(&head), passes: Some(1) }, codec());
        assert_eq!(play(&mut player, 4, 3), [[1; 4].as_slice(), &[1, 0xFF, 0xFF, 0xFF], &[0xFF; 4]]);
        head.follow(Next::Segment(Segment::last(vec![2; 2])));
        assert_eq!(play(&mut player, 4, 3), [[2, 2, 0xFF, 0xFF]]);
        assert_eq!(player.played, 7);
    }

    #[test]
    fn a_place_is_found_in_the_chain() {
        let head = Segment::new(vec![1; 80]);
        head.follow(Next::Segment(Segment::last(vec![2; 80])));
        let prompt = || Prompt::Encoded { head: Arc::clone(&head), passes: Some(1) };
        for (ms, position, first, frames) in
            [(0, 0, 1, 4), (5, 5, 1, 3), (10, 10, 2, 2), (15, 15, 2, 1), (99, 20, 0, 0)]
        {
            let mut player = Player::prompt(prompt(), codec());
            assert_eq!(play(&mut player, 40, 1).len(), 1);
            player.seek(ms);
            assert_eq!(player.position_ms(), position, "{ms}");
            let played = play(&mut player, 40, 10);
            assert_eq!((played.len(), played.first().map_or(0, |frame| frame[0])), (frames, first), "{ms}");
        }
    }

    #[test]
    fn a_manner_changes_length_and_loudness() {
        let octets: Vec<u8> = (0..240).collect();
        let prompt = || Prompt::Encoded { head: Segment::last(octets.clone()), passes: Some(1) };
        for (speed, frames) in [(-2, 9), (-1, 8), (0, 6), (1, 5), (2, 3)] {
            let mut player = Player::prompt(prompt(), codec());
            player.set_manner(Manner { volume: 0, speed });
            let played = play(&mut player, 40, 100);
            assert_eq!((played.len(), player.played), (frames, 240), "{speed}");
            let sound: Vec<u8> = played.concat();
            assert!(sound.windows(2).take_while(|two| two[1] != 0xFF).all(|two| two[0] <= two[1]), "{speed}");
        }
        let mut player = Player::prompt(prompt(), codec());
        assert_eq!(play(&mut player, 40, 1), [octets[..40].to_vec()]);
        player.set_manner(Manner { volume: -4, speed: 0 });
        let table = Level::Step(-4).table(codec()).unwrap();
        let softer: Vec<u8> = octets[40..80].iter().map(|octet| table[usize::from(*octet)]).collect();
        assert_eq!(play(&mut player, 40, 1), [softer]);
        player.set_manner(Manner::default());
        assert_eq!(play(&mut player, 40, 1), [octets[80..120].to_vec()]);
    }

    #[test]
    fn silence_and_long_tones_are_made_while_played() {
        let silence = |ms, divisor| Player::silence(Silence::new(ms, divisor).unwrap(), codec(), 1);
        let mut player = silence(50, 0);
        assert_eq!(play(&mut player, 160, 10), vec![vec![0xFF; 160]; 3]);
        assert_eq!(player.played_ms(), 50);
        assert_eq!(play(&mut silence(-1, 400), 160, 500).len(), 500);
        let script = ToneScript::parse("%(70,0,440)").unwrap();
        let mut player = Player::prompt(Prompt::Live(script), codec());
        assert_eq!((play(&mut player, 160, 10).len(), player.played_ms()), (4, 70));
    }
}
