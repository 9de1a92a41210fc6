//! What a port sends: relayed packets at once, own frames by its clock.

use crate::engine::audio::Lane;
use crate::engine::rtp::{HEADER_LEN, Header};

use super::super::clock::Micros;
use super::super::player::silence_of;
use super::receive::{Forward, Kind};
use super::stream::Route;
use super::{Playing, Port};

/// Frames that are sent at once when the thread was late; what is later than these is given up.
const MAX_CATCH_UP: u32 = 5;

/// Ports with neighbouring numbers that send at the same instants.
const IN_STEP: u64 = 128;
/// Instants per packet time over which the ports of a thread are spread.
const PHASES: u64 = 4;

impl Port {
    /// Sends on a packet that another port received, or this one (echo). Its bytes are changed in place.
    pub(super) fn pass_on(&mut self, datagram: &mut [u8], forward: &Forward, route: Route, now: Micros) {
        if matches!(forward.kind, Kind::Audio | Kind::Event) && self.mixes() {
            if let Some(payload) = datagram.get_mut(forward.payload.clone()) {
                self.keep(payload, forward, route);
            }
            return self.out.pass_over(&forward.header);
        }
        let Some(stream) = self.stream.as_ref().filter(|stream| stream.send && self.tick.is_none()) else {
            return self.out.pass_over(&forward.header);
        };
        if forward.kind == Kind::Raw {
            if stream.raw
                && let Some(packet) = datagram.get(forward.payload.clone())
            {
                self.send(packet);
            }
            return;
        }
        let payload_type = match (forward.kind, route) {
            (Kind::Audio, Route::Same | Route::Table(_)) => Some(stream.payload),
            (Kind::Event, _) => stream.dtmf,
            _ => None,
        };
        let Some(payload_type) = payload_type else { return self.out.pass_over(&forward.header) };
        let Some(header) = self.out.relay(&forward.header, payload_type, forward.restart, now) else { return };
        if let (Route::Table(table), Kind::Audio) = (route, forward.kind) {
            translate(table, datagram.get_mut(forward.payload.clone()).unwrap_or_default());
        }
        if forward.kind == Kind::Audio {
            self.scale(Lane::Told, datagram, forward.payload.clone());
        }
        if forward.kind == Kind::Audio
            && let Some(payload) = datagram.get(forward.payload.clone())
        {
            self.tap(Lane::Told, payload, now);
        }
        // The new header goes right before the payload: contributors, extensions and padding stay behind.
        let Some(start) = forward.payload.start.checked_sub(HEADER_LEN) else { return };
        let Some(packet) = datagram.get_mut(start..forward.payload.end) else { return };
        if let Some(fixed) = packet.first_chunk_mut() {
            *fixed = header.to_bytes();
        }
        self.send(packet);
    }

    /// Keeps what another port received for the next frame of a mix.
    fn keep(&mut self, payload: &mut [u8], forward: &Forward, route: Route) {
        match (forward.kind, route) {
            (Kind::Event, _) => return self.keep_event(payload, forward.header.timestamp),
            (_, Route::None) => return,
            (_, Route::Table(table)) => translate(table, payload),
            (_, Route::Same) => {}
        }
        self.keep_relayed(payload);
    }

    /// Sends what is due by the clock.
    pub(super) fn run_clock(&mut self, now: Micros, scratch: &mut Vec<u8>) {
        let mut frames = 0;
        while let Some(due) = self.tick.filter(|due| *due <= now) {
            let Some(ptime) = self.stream.as_ref().map(super::stream::Stream::ptime) else { return };
            if frames == MAX_CATCH_UP {
                // Too late to catch up: the clock starts over.
                (self.tick, self.fresh) = (Some(now + ptime), true);
                return;
            }
            frames += 1;
            self.frame(now, scratch);
            self.tick = self.wants_clock().then(|| self.after(due, ptime));
        }
    }

    /// When the frame after the one of `due` is sent. The first frame of a sound goes at once; the second follows early
    /// rather than late, at an instant shared with other ports: one wake-up serves them all.
    fn after(&self, due: Micros, ptime: Micros) -> Micros {
        let offset = self.shared.id / IN_STEP % PHASES * ptime / PHASES;
        (due + ptime - offset) / ptime.max(1) * ptime + offset
    }

    /// Sends one own packet: of a digit, of the playback, or silence.
    fn frame(&mut self, now: Micros, scratch: &mut Vec<u8>) {
        let Some(stream) = &self.stream else { return };
        let (payload_type, octets) = (stream.payload, stream.frame_octets());
        if self.keys.active() {
            let (units, ptime_ms, dtmf) = (stream.units, stream.ptime_ms, stream.dtmf);
            if let Some(packet) = self.keys.next(units, ptime_ms) {
                if let Some(dtmf) = dtmf {
                    let header = self.out.event(dtmf, packet.marker, now);
                    self.write(header, &packet.payload.to_bytes(), scratch);
                }
                self.fresh = true;
                return;
            }
        }
        let codec = stream.codec;
        scratch.clear();
        scratch.resize(HEADER_LEN, 0);
        let play = self.play.as_mut().filter(|play| !play.paused);
        if let Some(Playing::Running(player)) = play.map(|play| &mut play.playing) {
            if !player.frame(octets, scratch) {
                self.fresh = true;
                return self.finish_play();
            }
            let table = codec.and_then(|codec| crate::engine::audio::octet_table(player.codec, codec));
            if let Some(table) = table {
                for octet in scratch.iter_mut().skip(HEADER_LEN) {
                    *octet = table.get(usize::from(*octet)).copied().unwrap_or(*octet);
                }
            }
        } else if let Some(codec) = codec.filter(|_| self.mixes()) {
            self.mixed_frame(codec, octets, scratch, now);
        } else if let Some(codec) = codec.filter(|_| self.is_idle()) {
            scratch.resize(HEADER_LEN + octets, silence_of(codec));
        } else {
            self.fresh = true;
            return;
        }
        let end = scratch.len();
        self.scale(Lane::Told, scratch, HEADER_LEN..end);
        let fresh = std::mem::take(&mut self.fresh);
        let header = self.out.frame(payload_type, fresh, now);
        if let Some(fixed) = scratch.first_chunk_mut() {
            *fixed = header.to_bytes();
        }
        if let Some(payload) = scratch.get(HEADER_LEN..) {
            self.tap(Lane::Told, payload, now);
        }
        self.send(scratch);
    }

    fn write(&mut self, header: Header, payload: &[u8], scratch: &mut Vec<u8>) {
        header.write(payload, scratch);
        self.send(scratch);
    }

    /// Sends a packet unless the far end holds us. What the kernel does not take is lost, as on any network.
    fn send(&mut self, packet: &[u8]) {
        let Some(stream) = self.stream.as_ref().filter(|stream| stream.send) else { return };
        if self.pair.rtp.send_to(packet, stream.latch.target()).is_ok() {
            self.sent += 1;
            self.sent_octets += packet.len().saturating_sub(HEADER_LEN) as u64;
            self.shared.note_sent(self.sent);
        }
    }
}

fn translate(table: &[u8; 256], payload: &mut [u8]) {
    for octet in payload {
        *octet = table.get(usize::from(*octet)).copied().unwrap_or(*octet);
    }
}
