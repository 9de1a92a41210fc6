//! What a port tells its far end when that is more than one sound: several voices, or a file over what is said
//! (displacement). The port then sends by its own clock; what a partner says is decoded and waits for the next frame.

use std::sync::Arc;

use crate::call::media::{Displacement, MediaEvent, PlayEnd, PlayId, PlaySource, PortId};
use crate::engine::audio::{AudioCodec, Lane, Silence};
use crate::engine::rtp::digit_of;

use super::super::clock::{MS, Micros};
use super::super::engine::Engine;
use super::super::feed::Feed;
use super::super::player::Player;
use super::super::prompt::{Prompt, PromptError, Request, Source};
use super::super::shared::Order;
use super::Port;

/// Ports that one may hear.
const MOST_FEEDS: usize = 16;
/// The bit that ends a telephone event (RFC 4733 2.3.2).
const EVENT_END: u8 = 0x80;
/// Files at one time.
const MOST_DISPLACEMENTS: usize = 8;

/// Voices and files of one port.
#[derive(Default)]
pub(super) struct Mix {
    /// By the number of their port.
    feeds: Vec<(u64, Arc<Feed>)>,
    /// What the joined port says.
    relayed: Feed,
    files: Vec<File>,
    sum: Vec<i32>,
    samples: Vec<i16>,
    octets: Vec<u8>,
    /// Timestamp of the last digit that was sent anew.
    last_event: Option<u32>,
}

/// A file over what is said.
struct File {
    id: PlayId,
    lane: Lane,
    /// What is said stays to be heard.
    mix: bool,
    repeat: bool,
    until: Option<Micros>,
    codec: &'static AudioCodec,
    /// None: a loader is at it.
    player: Option<Player>,
}

impl File {
    /// The samples of a frame are added; false: it is over.
    fn add_to(&mut self, sum: &mut [i32], octets: &mut Vec<u8>, samples: &mut Vec<i16>, now: Micros) -> bool {
        if self.until.is_some_and(|until| until <= now) {
            return false;
        }
        let Some(player) = &mut self.player else { return true };
        octets.clear();
        if !player.frame(sum.len(), octets) {
            if !self.repeat {
                return false;
            }
            player.seek(0);
            if !player.frame(sum.len(), octets) {
                return false;
            }
        }
        samples.clear();
        player.codec.decoder().decode(octets, samples);
        for (total, sample) in sum.iter_mut().zip(samples.iter()) {
            *total = total.saturating_add((*sample).into());
        }
        true
    }

    fn runs(&self, lane: Lane) -> bool {
        self.lane == lane && self.player.is_some()
    }
}

fn clipped(sum: &[i32], samples: &mut Vec<i16>) {
    samples.clear();
    samples.extend(sum.iter().map(|total| (*total).clamp(i16::MIN.into(), i16::MAX.into()) as i16));
}

impl Port {
    /// Tells its far end what these ports hear, from now on; none: what its partner says, again.
    pub(super) fn hear_from(&mut self, from: &[PortId], engine: &Engine) {
        let mut known = std::mem::take(&mut self.mix.feeds);
        for PortId(id) in from.iter().take(MOST_FEEDS) {
            let at = known.iter().position(|(port, _)| port == id);
            if let Some(at) = at {
                self.mix.feeds.push(known.swap_remove(at));
            } else if let Some(other) = engine.find(*id).filter(|other| other.id != self.shared.id) {
                let feed = Arc::new(Feed::default());
                other.listen(&feed);
                self.mix.feeds.push((*id, feed));
            }
        }
        self.fresh = true;
    }

    /// Whether what is sent is a mix.
    pub(super) fn mixes(&self) -> bool {
        !self.mix.feeds.is_empty() || self.mix.files.iter().any(|file| file.runs(Lane::Told))
    }

    /// A digit of the partner is sent anew, once it has ended: its packets do not fit between ours.
    pub(super) fn keep_event(&mut self, packet: &[u8], timestamp: u32) {
        let Some(Ok(event)) = packet.first_chunk::<4>().map(|event| <[u8; 4]>::try_from(event.as_slice())) else {
            return;
        };
        let [code, flags, high, low] = event;
        if flags & EVENT_END == 0 || self.mix.last_event == Some(timestamp) {
            return;
        }
        self.mix.last_event = Some(timestamp);
        if let Some(digit) = digit_of(code) {
            self.keys.push(digit.encode_utf8(&mut [0; 4]), u16::from_be_bytes([high, low]).into());
        }
    }

    /// Keeps what the partner says, in our codec, for the next frame.
    pub(super) fn keep_relayed(&mut self, payload: &[u8]) {
        let Some(codec) = self.stream.as_ref().and_then(|stream| stream.codec) else { return };
        let mut samples = std::mem::take(&mut self.mix.samples);
        samples.clear();
        codec.decoder().decode(payload, &mut samples);
        self.mix.relayed.put(&samples, codec.rate);
        self.mix.samples = samples;
    }

    /// Appends the payload of one frame.
    pub(super) fn mixed_frame(&mut self, codec: &'static AudioCodec, count: usize, out: &mut Vec<u8>, now: Micros) {
        let mix = &mut self.mix;
        mix.sum.clear();
        mix.sum.resize(count, 0);
        mix.relayed.add_to(&mut mix.sum, codec.rate);
        for (_, feed) in &mix.feeds {
            feed.add_to(&mut mix.sum, codec.rate);
        }
        if mix.files.iter().any(|file| file.runs(Lane::Told) && !file.mix) {
            mix.sum.fill(0);
        }
        self.add_files(Lane::Told, now);
        let mix = &mut self.mix;
        clipped(&mix.sum, &mut mix.samples);
        codec.encoder().encode(&mix.samples, out);
    }

    fn add_files(&mut self, lane: Lane, now: Micros) {
        let (shared, mix) = (&self.shared, &mut self.mix);
        mix.files.retain_mut(|file| {
            let stays = file.lane != lane || file.add_to(&mut mix.sum, &mut mix.octets, &mut mix.samples, now);
            if !stays {
                let played_ms = file.player.as_ref().map_or(0, Player::played_ms);
                shared.tell(MediaEvent::PlayEnded { id: file.id, end: PlayEnd::Finished, played_ms });
            }
            stays
        });
    }

    /// Puts a file over what was heard, in place: packets of the far end are its clock.
    pub(in super::super) fn displace_heard(
        &mut self,
        datagram: &mut [u8],
        payload: std::ops::Range<usize>,
        now: Micros,
    ) {
        let Some(codec) = self.stream.as_ref().and_then(|stream| stream.codec) else { return };
        if !self.mix.files.iter().any(|file| file.runs(Lane::Heard)) {
            return;
        }
        let Some(octets) = datagram.get_mut(payload) else { return };
        let mix = &mut self.mix;
        mix.samples.clear();
        codec.decoder().decode(octets, &mut mix.samples);
        mix.sum.clear();
        if mix.files.iter().any(|file| file.runs(Lane::Heard) && !file.mix) {
            mix.sum.resize(mix.samples.len(), 0);
        } else {
            mix.sum.extend(mix.samples.iter().map(|sample| i32::from(*sample)));
        }
        self.add_files(Lane::Heard, now);
        let mix = &mut self.mix;
        clipped(&mix.sum, &mut mix.samples);
        mix.octets.clear();
        codec.encoder().encode(&mix.samples, &mut mix.octets);
        for (octet, new) in octets.iter_mut().zip(&mix.octets) {
            *octet = *new;
        }
    }

    /// Puts a file over one direction.
    pub(super) fn displace(&mut self, id: PlayId, what: Displacement, engine: &Arc<Engine>, now: Micros) {
        let Displacement { source, lane, mix, repeat, limit_ms } = what;
        let codec = self.stream.as_ref().and_then(|stream| stream.codec);
        let Some(codec) = codec.filter(|_| self.mix.files.len() < MOST_DISPLACEMENTS) else {
            let end = PlayEnd::Failed("the leg has no sound that can be displaced, or too many files".to_owned());
            return self.shared.tell(MediaEvent::PlayEnded { id, end, played_ms: 0 });
        };
        let until = (limit_ms > 0).then(|| now.saturating_add(limit_ms.saturating_mul(MS)));
        let mut file = File { id, lane, mix, repeat, until, codec, player: None };
        let source = match source {
            PlaySource::Silence { ms, level } => {
                file.player = Silence::new(ms, level).map(|silence| Player::silence(silence, codec, self.out.ssrc()));
                self.shared.tell(MediaEvent::DisplaceStarted { id });
                self.mix.files.push(file);
                return;
            }
            PlaySource::File { name, start_sample } => Source::File { name, start: start_sample },
            PlaySource::Tone { script } => Source::Tone { script },
        };
        self.mix.files.push(file);
        let request = Request { source, codec };
        if let Some(prompt) = engine.loader.ready(&request, now) {
            self.displaced(id, Ok(prompt));
            return;
        }
        let (shared, answered) = (Arc::clone(&self.shared), Arc::clone(engine));
        let answer = Box::new(move |result| shared.post(Order::Loaded(id, result), &answered));
        engine.loader.request(request, answer);
    }

    /// A file was opened. Gives the result back when it is of no displacement.
    pub(super) fn displaced(
        &mut self,
        id: PlayId,
        result: Result<Prompt, PromptError>,
    ) -> Option<Result<Prompt, PromptError>> {
        let Some(at) = self.mix.files.iter().position(|file| file.id == id) else { return Some(result) };
        match result {
            Ok(prompt) => {
                if let Some(file) = self.mix.files.get_mut(at) {
                    file.player = Some(Player::prompt(prompt, file.codec));
                }
                self.fresh = true;
                self.shared.tell(MediaEvent::DisplaceStarted { id });
            }
            Err(error) => {
                self.mix.files.remove(at);
                self.shared.tell(MediaEvent::PlayEnded { id, end: error.into(), played_ms: 0 });
            }
        }
        None
    }

    /// Ends a displacement.
    pub(super) fn end_displacement(&mut self, id: PlayId) {
        let Some(at) = self.mix.files.iter().position(|file| file.id == id) else { return };
        let file = self.mix.files.remove(at);
        let played_ms = file.player.as_ref().map_or(0, Player::played_ms);
        self.shared.tell(MediaEvent::PlayEnded { id, end: PlayEnd::Stopped, played_ms });
        self.fresh = true;
    }
}
