//! What is done to the sound of a port besides carrying it: its volume, and digits that are only heard.

use std::ops::Range;

use crate::call::media::{MediaEvent, ToneId, ToneSpec};
use crate::engine::audio::{DtmfDetector, Lane, Level, ToneWatch};

use super::Port;
use crate::edge::media::clock::{MS, Micros};

/// Length of a digit that was only heard, timestamp units of 8 kHz.
const HEARD_DIGIT: u32 = 800;

/// Tones that are waited for at one time.
const MOST_TONES: usize = 32;

/// A tone that is waited for.
struct Tone {
    id: ToneId,
    lane: Lane,
    until: Option<Micros>,
    watch: ToneWatch,
}

/// Volumes, and the ears for digits and tones.
#[derive(Default)]
pub(super) struct Shape {
    heard: Level,
    told: Level,
    heard_table: Option<Box<[u8; 256]>>,
    told_table: Option<Box<[u8; 256]>>,
    ear: Option<DtmfDetector>,
    tones: Vec<Tone>,
}

impl Port {
    pub(super) fn set_level(&mut self, lane: Lane, level: Level) {
        match lane {
            Lane::Heard => self.shape.heard = level,
            Lane::Told => self.shape.told = level,
        }
        self.reshape();
    }

    /// The codec may be another one.
    pub(super) fn reshape(&mut self) {
        let codec = self.stream.as_ref().and_then(|stream| stream.codec);
        self.shape.heard_table = codec.and_then(|codec| self.shape.heard.table(codec));
        self.shape.told_table = codec.and_then(|codec| self.shape.told.table(codec));
    }

    /// Gives a payload its volume, in place.
    pub(in super::super) fn scale(&self, lane: Lane, datagram: &mut [u8], payload: Range<usize>) {
        let table = match lane {
            Lane::Heard => &self.shape.heard_table,
            Lane::Told => &self.shape.told_table,
        };
        let Some(table) = table else { return };
        for octet in datagram.get_mut(payload).unwrap_or_default() {
            *octet = table.get(usize::from(*octet)).copied().unwrap_or(*octet);
        }
    }

    /// Listens for digits in the sound, or not any more.
    pub(super) fn listen(&mut self, on: bool) {
        self.shape.ear = on.then(DtmfDetector::default);
    }

    /// Waits for a tone; one too many is not waited for.
    pub(super) fn watch_tone(&mut self, id: ToneId, spec: &ToneSpec, now: Micros) {
        let rate = self.stream.as_ref().and_then(|stream| stream.codec).map_or(8000, |codec| codec.rate);
        let until = (spec.limit_ms > 0).then(|| now.saturating_add(spec.limit_ms.saturating_mul(MS)));
        if self.shape.tones.len() < MOST_TONES {
            let watch = ToneWatch::new(&spec.hz, spec.hits, rate);
            self.shape.tones.push(Tone { id, lane: spec.lane, until, watch });
        }
    }

    pub(super) fn forget_tones(&mut self) {
        self.shape.tones.clear();
    }

    /// Whether tones are waited for.
    pub(super) fn watches(&self) -> bool {
        !self.shape.tones.is_empty()
    }

    /// Looks for tones in what was heard or is told.
    pub(super) fn watch(&mut self, lane: Lane, samples: &[i16], now: Micros) {
        let shared = &self.shared;
        self.shape.tones.retain_mut(|tone| {
            let found = tone.lane == lane && tone.watch.push(samples);
            if found {
                shared.tell(MediaEvent::ToneHeard { id: tone.id });
            }
            !found && tone.until.is_none_or(|until| now < until)
        });
    }

    /// Tells of digits that are only heard.
    pub(super) fn hear_digits(&mut self, payload: &[u8]) {
        let Some(codec) = self.stream.as_ref().and_then(|stream| stream.codec) else { return };
        let Some(ear) = &mut self.shape.ear else { return };
        let mut samples = Vec::with_capacity(payload.len());
        codec.decoder().decode(payload, &mut samples);
        for digit in ear.push(&samples) {
            self.shared.tell(MediaEvent::Dtmf { digit, duration: HEARD_DIGIT });
        }
    }
}
