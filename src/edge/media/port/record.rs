//! The recordings of a port: what it hears and sends is laid side by side and handed to the thread that writes files.

use std::sync::Arc;

use crate::call::media::{MediaEvent, RecordChange, RecordEnd, RecordId, RecordSpec};
use crate::engine::audio::{Lane, Mixdown, SilenceWatch};

use super::super::clock::{MS, Micros};
use super::super::engine::Engine;
use super::super::recorder::{Ended, Job, Recorder};
use super::Port;

/// Recordings of one port.
const MOST_RECORDS: usize = 16;
/// How often samples are handed over.
const PERIOD: Micros = 200 * MS;
/// How long samples wait for those of the other direction, ms.
const LAG_MS: u64 = 120;
/// Length of the blocks in which silence is looked for, ms.
const BLOCK_MS: u64 = 20;

/// A recording.
pub(super) struct Record {
    id: RecordId,
    /// Its number at the writer.
    key: u64,
    recorder: Arc<Recorder>,
    started: Micros,
    due: Micros,
    mix: Mixdown,
    limit_ms: u64,
    silence: Option<SilenceWatch>,
    /// Time that was heard and looked at for silence, ms.
    watched_ms: u64,
    heard: Vec<i16>,
    masked: bool,
    /// Time that is in no file, and since when it stands still.
    paused_ms: u64,
    paused_at: Option<Micros>,
}

impl Record {
    /// Time on its own line.
    fn at(&self, now: Micros) -> u64 {
        let now = self.paused_at.unwrap_or(now);
        (now.saturating_sub(self.started) / MS).saturating_sub(self.paused_ms)
    }

    /// Hands over what is older than `until_ms`; the writer may have no room for it now.
    fn hand_over(&mut self, until_ms: u64) {
        if !self.recorder.has_room() {
            return;
        }
        let until = if self.limit_ms > 0 { until_ms.min(self.limit_ms) } else { until_ms };
        let mut samples = Vec::new();
        self.mix.take(until, &mut samples);
        if !samples.is_empty() {
            self.recorder.put(Job::Append { key: self.key, samples });
        }
    }

    /// Whether the far end has been silent for too long, as far as it was heard.
    fn is_silent(&mut self, until_ms: u64) -> bool {
        let Some(watch) = &mut self.silence else { return false };
        let block = usize::try_from(self.mix.samples(BLOCK_MS)).unwrap_or(160);
        while self.watched_ms.saturating_add(BLOCK_MS) <= until_ms {
            self.watched_ms = self.watched_ms.saturating_add(BLOCK_MS);
            let count = block.min(self.heard.len());
            let mut samples: Vec<i16> = self.heard.drain(..count).collect();
            samples.resize(block, 0);
            if watch.hears(&samples) {
                return true;
            }
        }
        false
    }
}

impl Port {
    /// Records from now on.
    pub(super) fn begin_record(&mut self, id: RecordId, spec: RecordSpec, engine: &Engine, now: Micros) {
        let refused = if self.records.len() >= MOST_RECORDS {
            Some(format!("more than {MOST_RECORDS} recordings of one leg"))
        } else {
            let stream = self.stream.as_ref().filter(|stream| stream.codec.is_none());
            stream.map(|stream| format!("nothing can be recorded in the codec {}", stream.name()))
        };
        if let Some(why) = refused {
            let end = RecordEnd::Failed(why);
            self.shared.tell(MediaEvent::RecordEnded { id, end, ms: 0, octets: 0 });
            return;
        }
        let rate = self.stream.as_ref().and_then(|stream| stream.codec).map_or(8000, |codec| codec.rate);
        let recorder = Arc::clone(&engine.recorder);
        let record = Record {
            id,
            key: recorder.next_key(),
            started: now,
            due: now + PERIOD,
            mix: Mixdown::new(spec.tracks, rate),
            limit_ms: spec.limit_ms,
            silence: spec.silence.map(|(threshold, ms)| SilenceWatch::new(threshold, ms, rate)),
            watched_ms: 0,
            heard: Vec::new(),
            masked: false,
            paused_ms: 0,
            paused_at: None,
            recorder,
        };
        let job = Job::Open { key: record.key, id, rate, spec, owner: Arc::clone(&self.shared) };
        record.recorder.put(job);
        self.records.push(record);
    }

    pub(super) fn stop_record(&mut self, id: RecordId, now: Micros) {
        if let Some(at) = self.records.iter().position(|record| record.id == id) {
            self.end_record(at, RecordEnd::Stopped, now);
        }
    }

    pub(super) fn change_record(&mut self, id: RecordId, change: RecordChange, now: Micros) {
        let Some(record) = self.records.iter_mut().find(|record| record.id == id) else { return };
        match change {
            RecordChange::Mask(masked) => record.masked = masked,
            RecordChange::Pause(true) => {
                if record.paused_at.is_none() {
                    let at = record.at(now);
                    record.hand_over(at);
                    record.paused_at = Some(now);
                }
            }
            RecordChange::Truncate => {
                // What the writer has not got yet is part of it.
                let at = record.at(now);
                record.mix.take(at, &mut Vec::new());
                record.recorder.put(Job::Truncate { key: record.key });
            }
            RecordChange::Pause(false) => {
                if let Some(since) = record.paused_at.take() {
                    record.paused_ms = record.paused_ms.saturating_add(now.saturating_sub(since) / MS);
                }
            }
        }
    }

    /// Takes in a payload that was heard or is sent, for those who listen: it is decoded once.
    pub(super) fn tap(&mut self, lane: Lane, payload: &[u8], now: Micros) {
        let heard = lane == Lane::Heard && self.shared.is_listened_to();
        if self.records.is_empty() && !self.watches() && !heard {
            return;
        }
        let Some(codec) = self.stream.as_ref().and_then(|stream| stream.codec) else { return };
        let mut samples = std::mem::take(&mut self.samples);
        samples.clear();
        codec.decoder().decode(payload, &mut samples);
        self.watch(lane, &samples, now);
        self.record(lane, &samples, now);
        if heard {
            self.shared.feed(|feed| feed.put(&samples, codec.rate));
        }
        self.samples = samples;
    }

    fn record(&mut self, lane: Lane, samples: &[i16], now: Micros) {
        for record in self.records.iter_mut().filter(|record| record.paused_at.is_none()) {
            let at = record.at(now);
            if lane == Lane::Heard && record.silence.is_some() {
                let room = usize::try_from(record.mix.samples(2000)).unwrap_or(0).saturating_sub(record.heard.len());
                record.heard.extend(samples.iter().take(room));
            }
            if !record.masked {
                record.mix.add(lane, at, samples);
            }
        }
    }

    /// When samples are to be handed over.
    pub(super) fn records_due(&self) -> Option<Micros> {
        self.records.iter().map(|record| record.due).min()
    }

    /// Hands over what waits, and ends what has come to its limit.
    pub(super) fn write_records(&mut self, now: Micros) {
        for at in (0..self.records.len()).rev() {
            let Some(record) = self.records.get_mut(at).filter(|record| record.due <= now) else { continue };
            record.due = now + PERIOD;
            let time = record.at(now);
            let settled = time.saturating_sub(LAG_MS);
            record.hand_over(settled);
            if record.limit_ms > 0 && time >= record.limit_ms {
                self.end_record(at, RecordEnd::Limit, now);
            } else if record.is_silent(settled) {
                self.end_record(at, RecordEnd::Silence, now);
            }
        }
    }

    fn end_record(&mut self, at: usize, end: RecordEnd, now: Micros) {
        if at >= self.records.len() {
            return;
        }
        let mut record = self.records.swap_remove(at);
        let time = record.at(now);
        record.hand_over(time);
        let ms = if record.limit_ms > 0 { time.min(record.limit_ms) } else { time };
        record.recorder.put(Job::Close(Ended { key: record.key, end, ms }));
    }

    /// Ends all recordings.
    pub(super) fn end_records(&mut self, now: Micros) {
        while !self.records.is_empty() {
            self.end_record(0, RecordEnd::Stopped, now);
        }
    }
}
