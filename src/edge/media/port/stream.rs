//! What was negotiated for a port, ready for use.

use std::net::SocketAddr;

use crate::call::media::StreamSetup;
use crate::engine::audio::{AudioCodec, octet_table};

use super::super::clock::{MS, Micros, SECOND};
use super::super::latch::Latch;

/// Packet times we send, ms; others are taken as the nearest.
const PTIMES: std::ops::RangeInclusive<u32> = 10..=120;

/// A stream that was set up.
pub(super) struct Stream {
    /// RTP encoding name.
    name: String,
    /// None: we can relay it, nothing else.
    pub(super) codec: Option<&'static AudioCodec>,
    /// RTP clock, Hz.
    pub(super) clock: u32,
    pub(super) payload: u8,
    pub(super) dtmf: Option<u8>,
    pub(super) ptime_ms: u32,
    /// Timestamp units of a packet.
    pub(super) units: u32,
    /// Packets are passed on as they are.
    pub(super) raw: bool,
    pub(super) send: bool,
    pub(super) receive: bool,
    /// None: silence is never told.
    pub(super) timeout: Option<Micros>,
    pub(super) latch: Latch,
    rtcp: Option<SocketAddr>,
}

/// How audio of one stream becomes that of another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    /// As it is.
    Same,
    /// Octet by octet.
    Table(&'static [u8; 256]),
    /// Not at all.
    None,
}

impl Stream {
    pub(super) fn new(setup: &StreamSetup, former: Option<Stream>, now: Micros) -> Self {
        let clock = setup.codec.rate.clamp(1000, 192_000);
        let ptime_ms = setup.codec.ptime.clamp(*PTIMES.start(), *PTIMES.end());
        let latch = match former.map(|former| former.latch) {
            Some(mut latch) => {
                latch.announce(setup.remote, setup.auto_adjust, now);
                latch
            }
            None => Latch::new(setup.remote, setup.auto_adjust),
        };
        Self {
            name: setup.codec.name.clone(),
            codec: AudioCodec::find(&setup.codec.name, setup.codec.rate),
            clock,
            payload: setup.codec.payload,
            dtmf: setup.dtmf,
            ptime_ms,
            units: clock * ptime_ms / 1000,
            raw: setup.raw,
            send: setup.send,
            receive: setup.receive,
            timeout: (setup.timeout_ms > 0).then(|| Micros::from(setup.timeout_ms) * MS),
            latch,
            rtcp: setup.rtcp,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A packet time.
    pub(super) fn ptime(&self) -> Micros {
        Micros::from(self.ptime_ms) * MS
    }

    /// A moment in timestamp units.
    pub(super) fn units_at(&self, now: Micros) -> u32 {
        (now.saturating_mul(self.clock.into()) / SECOND) as u32
    }

    /// Octets of a packet.
    pub(super) fn frame_octets(&self) -> usize {
        self.codec.map_or(0, |codec| codec.samples(self.ptime_ms))
    }

    /// Where RTCP is to be sent.
    pub(super) fn rtcp_target(&self) -> SocketAddr {
        if let Some(announced) = self.rtcp.filter(|_| !self.latch.moved()) {
            return announced;
        }
        let mut target = self.latch.target();
        target.set_port(target.port().saturating_add(1));
        target
    }

    /// How audio of another stream becomes this one's.
    pub(super) fn route_from(&self, other: &Stream) -> Route {
        if self.raw || other.raw {
            return if self.raw && other.raw { Route::Same } else { Route::None };
        }
        if self.clock == other.clock && self.name.eq_ignore_ascii_case(&other.name) {
            return Route::Same;
        }
        match (other.codec, self.codec) {
            (Some(from), Some(to)) => octet_table(from, to).map_or(Route::None, Route::Table),
            _ => Route::None,
        }
    }
}
