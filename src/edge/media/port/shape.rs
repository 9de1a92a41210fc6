//! What is done to the sound of a port besides carrying it: its volume, and digits that are only heard.

use std::ops::Range;

use crate::call::media::MediaEvent;
use crate::engine::audio::{DtmfDetector, Lane, Level};

use super::Port;

/// Length of a digit that was only heard, timestamp units of 8 kHz.
const HEARD_DIGIT: u32 = 800;

/// Volumes, and the ear for digits.
#[derive(Default)]
pub(super) struct Shape {
    heard: Level,
    told: Level,
    heard_table: Option<Box<[u8; 256]>>,
    told_table: Option<Box<[u8; 256]>>,
    ear: Option<DtmfDetector>,
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
