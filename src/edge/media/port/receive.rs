//! What arrives at a port.

use std::net::SocketAddr;
use std::ops::Range;

use crate::call::media::MediaEvent;
use crate::engine::audio::Lane;
use crate::engine::rtp::{Arrival, Header, Packet, looks_like_rtcp};

use super::super::clock::{MS, Micros};
use super::super::latch::Verdict;
use super::Port;

/// Silence in an event that means its end packets were lost.
const EVENT_SILENCE: Micros = 120 * MS;

/// A packet that goes on to another port, or back.
#[derive(Debug)]
pub(in super::super) struct Forward {
    pub(super) header: Header,
    /// Place of the payload in the datagram.
    pub(in super::super) payload: Range<usize>,
    pub(in super::super) kind: Kind,
    /// First of a run of numbers.
    pub(super) restart: bool,
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Audio,
    Event,
    /// Nothing that was negotiated.
    Other,
    /// Whatever: the datagram goes on as it is.
    Raw,
}

impl Port {
    /// Takes a datagram from the RTP socket.
    pub(in super::super) fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Micros) -> Option<Forward> {
        let stream = self.stream.as_mut()?;
        if stream.raw {
            return self.receive_raw(datagram, from, now);
        }
        if looks_like_rtcp(datagram) {
            self.receive_rtcp(datagram, from, now);
            return None;
        }
        let packet = Packet::parse(datagram).ok()?;
        let kind = match packet.header.payload_type {
            payload if payload == stream.payload => Kind::Audio,
            payload if Some(payload) == stream.dtmf => Kind::Event,
            _ => Kind::Other,
        };
        let verdict = if kind == Kind::Other && !stream.latch.is_source(from) {
            Verdict::Foreign
        } else {
            stream.latch.judge(from, now)
        };
        if verdict == Verdict::Foreign {
            self.shared.note_foreign();
            return None;
        }
        self.heard = now;
        self.silence_told = false;
        let expected = stream.receive;
        let arrival = self.count(&packet, kind, now);
        if verdict == Verdict::Locked && !self.first_told {
            self.first_told = true;
            self.shared.tell(MediaEvent::FirstPacket);
        }
        if self.muted || !expected {
            self.withheld = true;
            return None;
        }
        if matches!(arrival, Arrival::Duplicate | Arrival::Stray) {
            return None;
        }
        match kind {
            Kind::Event => self.hear(&packet, now),
            Kind::Audio => {
                self.hear_digits(packet.payload);
                self.tap(Lane::Heard, packet.payload, now);
            }
            Kind::Other | Kind::Raw => {}
        }
        let start = packet.payload.as_ptr() as usize - datagram.as_ptr() as usize;
        let payload = start..start + packet.payload.len();
        let restart = std::mem::take(&mut self.withheld) || arrival == Arrival::First;
        Some(Forward { header: packet.header, payload, kind, restart })
    }

    /// A datagram that goes on as it is. It must look like RTP, and come from whom we listen to.
    fn receive_raw(&mut self, datagram: &[u8], from: SocketAddr, now: Micros) -> Option<Forward> {
        let packet = Packet::parse(datagram).ok()?;
        let stream = self.stream.as_mut()?;
        if stream.latch.judge(from, now) == Verdict::Foreign {
            self.shared.note_foreign();
            return None;
        }
        self.heard = now;
        self.count(&packet, Kind::Raw, now);
        Some(Forward { header: packet.header, payload: 0..datagram.len(), kind: Kind::Raw, restart: false })
    }

    fn count(&mut self, packet: &Packet<'_>, kind: Kind, now: Micros) -> Arrival {
        let Header { ssrc, sequence, timestamp, .. } = packet.header;
        let units = self.stream.as_ref().map_or(0, |stream| stream.units_at(now));
        let arrival = match kind {
            Kind::Audio => self.reception.receive(ssrc, sequence, timestamp, units),
            Kind::Event | Kind::Other | Kind::Raw => self.reception.receive_untimed(ssrc, sequence),
        };
        self.shared.note_received(self.reception.received(), self.reception.lost(), self.reception.jitter());
        arrival
    }

    fn hear(&mut self, packet: &Packet<'_>, now: Micros) {
        if let Some((digit, duration)) = self.events.receive(packet) {
            self.shared.tell(MediaEvent::Dtmf { digit, duration });
        }
        self.event_due = self.events.is_open().then_some(now + EVENT_SILENCE);
    }

    /// Ends a digit whose end packets do not come.
    pub(super) fn expire_event(&mut self) {
        self.event_due = None;
        if let Some((digit, duration)) = self.events.expire()
            && !self.muted
        {
            self.shared.tell(MediaEvent::Dtmf { digit, duration });
        }
    }
}
