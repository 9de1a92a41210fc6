//! Numbers of an outgoing stream: one SSRC, sequence and timestamps without a break, whatever is sent.
//!
//! Own frames count on by themselves. Relayed packets keep their distance from one another, so that the far end sees loss
//! and reordering as they are; where relaying begins anew, their numbers are moved to follow what was sent before.

use crate::engine::rtp::{Header, newer_sequence, newer_timestamp};

use super::clock::{Micros, SECOND};

/// State of one outgoing stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    /// Of the newest packet, and when it was sent; none: nothing was.
    timestamp: u32,
    stamped: Option<Micros>,
    /// Clock, Hz, and units of a packet.
    clock: u32,
    units: u32,
    relay: Option<Relay>,
}

/// How numbers of a relayed stream are moved.
#[derive(Debug)]
struct Relay {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Number of the first packet: older ones belong before it and are not relayed.
    first: u16,
}

impl Outgoing {
    pub(super) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { ssrc, sequence, timestamp, stamped: None, clock: 8000, units: 160, relay: None }
    }

    /// Clock in Hz and units of a packet from now on.
    pub(super) fn set_clock(&mut self, clock: u32, units: u32) {
        (self.clock, self.units, self.relay) = (clock, units, None);
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp of this moment.
    pub(super) fn timestamp_at(&self, now: Micros) -> u32 {
        self.timestamp.wrapping_add(self.elapsed(now))
    }

    /// An own frame. `fresh` when it does not follow the frame before: time that passed shows in the timestamp.
    pub(super) fn frame(&mut self, payload_type: u8, fresh: bool, now: Micros) -> Header {
        self.relay = None;
        let marker = if fresh { self.advance(now) } else { self.step(self.units, now) };
        self.next(marker, payload_type)
    }

    /// A packet of an own telephone event. All of them carry the timestamp of the first.
    pub(super) fn event(&mut self, payload_type: u8, first: bool, now: Micros) -> Header {
        self.relay = None;
        if first {
            self.advance(now);
        }
        self.next(first, payload_type)
    }

    /// A relayed packet; `restart` when it is the first of a run. None: it is older than the first that was relayed.
    pub(super) fn relay(&mut self, header: &Header, payload_type: u8, restart: bool, now: Micros) -> Option<Header> {
        let mut marker = header.marker;
        let relay = match &self.relay {
            Some(relay) if !restart && relay.ssrc == header.ssrc => relay,
            _ => {
                self.advance(now);
                marker = true;
                self.relay.insert(Relay {
                    ssrc: header.ssrc,
                    sequence: self.sequence.wrapping_sub(header.sequence),
                    timestamp: self.timestamp.wrapping_sub(header.timestamp),
                    first: self.sequence,
                })
            }
        };
        let sequence = header.sequence.wrapping_add(relay.sequence);
        let timestamp = header.timestamp.wrapping_add(relay.timestamp);
        if newer_sequence(relay.first, sequence) {
            return None;
        }
        if !newer_sequence(self.sequence, sequence) {
            self.sequence = sequence.wrapping_add(1);
            // Only packets in order, so that it follows a long call round the circle.
            if let Some(relay) = &mut self.relay
                && sequence.wrapping_sub(relay.first) > 0x1000
            {
                relay.first = sequence.wrapping_sub(0x800);
            }
        }
        if newer_timestamp(timestamp, self.timestamp) {
            (self.timestamp, self.stamped) = (timestamp, Some(now));
        }
        Some(Header { marker, payload_type, sequence, timestamp, ssrc: self.ssrc })
    }

    /// A packet that might have been relayed was not: its number is given to the next.
    pub(super) fn pass_over(&mut self, header: &Header) {
        if let Some(relay) = &mut self.relay
            && relay.ssrc == header.ssrc
            && header.sequence.wrapping_add(relay.sequence) == self.sequence
        {
            relay.sequence = relay.sequence.wrapping_sub(1);
        }
    }

    /// The next relayed packet begins anew: its source is another, or was not relayed for a while.
    pub(super) fn end_relay(&mut self) {
        self.relay = None;
    }

    fn next(&mut self, marker: bool, payload_type: u8) -> Header {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Header { marker, payload_type, sequence, timestamp: self.timestamp, ssrc: self.ssrc }
    }

    /// Moves the timestamp to now, by one packet at least; true at the beginning of the stream and after a pause.
    fn advance(&mut self, now: Micros) -> bool {
        let elapsed = self.elapsed(now);
        // Time spent between two packets is never exact.
        let pause = elapsed >= self.units + self.units / 2;
        let first = self.stamped.is_none();
        self.step(
            if first {
                0
            } else if pause {
                elapsed
            } else {
                self.units
            },
            now,
        );
        first || pause
    }

    fn step(&mut self, units: u32, now: Micros) -> bool {
        (self.timestamp, self.stamped) = (self.timestamp.wrapping_add(units), Some(now));
        false
    }

    fn elapsed(&self, now: Micros) -> u32 {
        let micros = self.stamped.map_or(0, |stamped| now.saturating_sub(stamped));
        (micros.saturating_mul(u64::from(self.clock)) / SECOND) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::clock::MS;
    use super::*;

    fn packet(ssrc: u32, sequence: u16) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp: u32::from(sequence) * 160, ssrc }
    }

    #[test]
    fn frames_follow_each_other_and_pauses_show() {
        let mut out = Outgoing::new(7, 65_535, 1000);
        let mut told = Vec::new();
        for (ms, fresh) in [(0, true), (20, false), (41, true), (61, false), (161, true)] {
            let header = out.frame(0, fresh, ms * MS);
            told.push((header.sequence, header.timestamp, header.marker));
        }
        let expected =
            [(65_535, 1000, true), (0, 1160, false), (1, 1320, false), (2, 1480, false), (3, 1480 + 800, true)];
        assert_eq!(told, expected);
    }

    #[test]
    fn an_event_keeps_its_timestamp_and_takes_its_time() {
        let mut out = Outgoing::new(7, 0, 0);
        out.frame(0, true, 0);
        let events: Vec<u32> = (1..6).map(|n| out.event(101, n == 1, n * 20 * MS).timestamp).collect();
        assert_eq!(events, [160; 5]);
        let after = out.frame(0, true, 120 * MS);
        assert_eq!((after.sequence, after.timestamp, after.marker), (6, 160 + 800, true));
    }

    #[test]
    fn relaying_follows_what_was_sent_and_shows_loss() {
        let mut out = Outgoing::new(7, 100, 0);
        out.frame(0, true, 0);
        let mut now = 0;
        let mut relay = |out: &mut Outgoing, ssrc, sequence| {
            now += 20 * MS;
            out.relay(&packet(ssrc, sequence), 8, false, now).map(|header| (header.sequence, header.timestamp))
        };
        assert_eq!(relay(&mut out, 1, 500), Some((101, 160)));
        assert_eq!(relay(&mut out, 1, 502), Some((103, 480)));
        assert_eq!(relay(&mut out, 1, 501), Some((102, 320)));
        assert_eq!(relay(&mut out, 1, 499), None);
        out.pass_over(&packet(1, 503));
        assert_eq!(relay(&mut out, 1, 504), Some((104, 800)));
        let other = relay(&mut out, 2, 9000).unwrap();
        assert_eq!((other.0, other.1), (105, 960));
        assert_eq!(out.frame(0, true, 120 * MS).sequence, 106);
        assert_eq!(relay(&mut out, 2, 9001).unwrap().0, 107);
    }

    #[test]
    fn a_long_relay_goes_round_the_circle() {
        let mut out = Outgoing::new(7, 5, 0);
        for n in 0..200_000_u32 {
            let header = out.relay(&packet(1, n as u16), 0, false, u64::from(n) * 20 * MS).unwrap();
            assert_eq!(header.sequence, (n as u16).wrapping_add(5));
        }
    }

    proptest! {
        #[test]
        fn own_numbers_never_repeat(steps in proptest::collection::vec((0_u8..3, 0_u64..100), 1..200), start: u16) {
            let mut out = Outgoing::new(7, start, 0);
            let (mut now, mut source, mut expected) = (0, 40_000_u16, start);
            for (kind, ms) in steps {
                now += ms * MS;
                let header = match kind {
                    0 => out.frame(0, ms > 30, now),
                    1 => out.event(101, true, now),
                    _ => {
                        source = source.wrapping_add(1);
                        out.relay(&packet(1, source), 0, false, now).unwrap()
                    }
                };
                prop_assert_eq!(header.sequence, expected);
                expected = expected.wrapping_add(1);
            }
        }
    }
}
