//! What is received from one source: counts, loss and jitter (RFC 3550 6.4.1, appendices A.1, A.3, A.8).

use super::rtcp::ReportBlock;
use super::sequence::{sequence_distance, timestamp_distance};

/// Farthest step ahead that is still the same run.
const MAX_DROPOUT: i16 = 3000;
/// Farthest step back that is still a late packet.
const MAX_MISORDER: i16 = -100;

/// How a packet stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The first of a run: of the stream, of a new source, or after a jump of the sequence numbers.
    First,
    /// Ahead of all others; `missing` numbers before it have not come (yet).
    Ahead {
        /// How many were passed over.
        missing: u16,
    },
    /// Behind, and not seen before: late or out of order.
    Late,
    /// Seen before.
    Duplicate,
    /// Far from the run; the next packet decides whether the source started anew.
    Stray,
}

/// Receiver state of one stream. A new SSRC starts it anew, its counters for people go on.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    run: Option<Run>,
    /// Packets and losses of runs that ended.
    past_received: u64,
    past_lost: u64,
}

#[derive(Debug, Clone)]
struct Run {
    ssrc: u32,
    base: u32,
    /// Highest number seen, extended by its cycles.
    highest: u32,
    /// Which of the 128 numbers up to the highest came; bit 0 is the highest.
    seen: u128,
    received: u64,
    distinct: u64,
    /// Number that would confirm a restart.
    restart: Option<u16>,
    /// Relative transit of the last packet, in timestamp units.
    transit: Option<u32>,
    /// Jitter in 1/16 timestamp units.
    jitter: u32,
    expected_prior: u64,
    received_prior: u64,
}

impl Reception {
    /// Takes note of a packet. `arrival` is its time of arrival in timestamp units, from any zero.
    pub fn receive(&mut self, ssrc: u32, sequence: u16, timestamp: u32, arrival: u32) -> Arrival {
        self.note(ssrc, sequence, Some(arrival.wrapping_sub(timestamp)))
    }

    /// Takes note of a packet whose timestamp does not tell when it was sent: those of a telephone event all carry that of
    /// its beginning and would look like jitter.
    pub fn receive_untimed(&mut self, ssrc: u32, sequence: u16) -> Arrival {
        self.note(ssrc, sequence, None)
    }

    fn note(&mut self, ssrc: u32, sequence: u16, transit: Option<u32>) -> Arrival {
        let kind = match &mut self.run {
            Some(run) if run.ssrc == ssrc => run.place(sequence),
            _ => Arrival::First,
        };
        match kind {
            Arrival::First => {
                self.close_run();
                self.run = Some(Run::new(ssrc, sequence));
            }
            Arrival::Stray => return kind,
            _ => {}
        }
        if let Some(run) = &mut self.run {
            run.received += 1;
            run.distinct += u64::from(kind != Arrival::Duplicate);
            if let Some(transit) = transit {
                run.measure(transit);
            }
        }
        kind
    }

    /// Packets received.
    pub fn received(&self) -> u64 {
        self.past_received + self.run.as_ref().map_or(0, |run| run.received)
    }

    /// Packets missing by their numbers. Unlike the figure of a report (A.3), duplicates do not make up for them.
    pub fn lost(&self) -> u64 {
        self.past_lost + self.run.as_ref().map_or(0, Run::lost)
    }

    /// Interarrival jitter, timestamp units.
    pub fn jitter(&self) -> u32 {
        self.run.as_ref().map_or(0, |run| run.jitter >> 4)
    }

    /// The source that is being received.
    pub fn ssrc(&self) -> Option<u32> {
        self.run.as_ref().map(|run| run.ssrc)
    }

    /// The block of the next report, and begins the next interval. `last_sr` is the middle of the NTP time of the last
    /// sender report, `since_sr` the time since in 1/65536 s; both 0 when none came.
    pub fn report(&mut self, last_sr: u32, since_sr: u32) -> Option<ReportBlock> {
        let run = self.run.as_mut()?;
        let expected = run.expected();
        let lost = i64::try_from(expected).ok()? - i64::try_from(run.received).ok()?;
        let expected_interval = expected - run.expected_prior;
        let received_interval = run.received - run.received_prior;
        run.expected_prior = expected;
        run.received_prior = run.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction = (lost_interval << 8).checked_div(expected_interval).unwrap_or(0).min(255);
        Some(ReportBlock {
            ssrc: run.ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7F_FFFF) as i32,
            highest_sequence: run.highest,
            jitter: run.jitter >> 4,
            last_sr,
            since_sr,
        })
    }

    fn close_run(&mut self) {
        if let Some(run) = self.run.take() {
            self.past_received += run.received;
            self.past_lost += run.lost();
        }
    }
}

impl Run {
    fn new(ssrc: u32, sequence: u16) -> Self {
        let highest = u32::from(sequence);
        Self {
            ssrc,
            base: highest,
            highest,
            seen: 1,
            received: 0,
            distinct: 0,
            restart: None,
            transit: None,
            jitter: 0,
            expected_prior: 0,
            received_prior: 0,
        }
    }

    fn place(&mut self, sequence: u16) -> Arrival {
        let step = sequence_distance(self.highest as u16, sequence);
        match step {
            1..=MAX_DROPOUT => {
                self.restart = None;
                self.highest = self.highest.wrapping_add(step as u32);
                self.seen = self.seen.checked_shl(step as u32).unwrap_or(0) | 1;
                Arrival::Ahead { missing: (step - 1) as u16 }
            }
            MAX_MISORDER..=0 => {
                self.restart = None;
                let bit = 1_u128 << u32::from(step.unsigned_abs());
                if self.seen & bit != 0 {
                    return Arrival::Duplicate;
                }
                self.seen |= bit;
                Arrival::Late
            }
            _ if self.restart == Some(sequence) => Arrival::First,
            _ => {
                self.restart = Some(sequence.wrapping_add(1));
                Arrival::Stray
            }
        }
    }

    fn expected(&self) -> u64 {
        u64::from(self.highest.wrapping_sub(self.base)) + 1
    }

    fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.distinct)
    }

    fn measure(&mut self, transit: u32) {
        if let Some(before) = self.transit.replace(transit) {
            let difference = timestamp_distance(before, transit).unsigned_abs();
            // J += (|D| - J) / 16, in sixteenths (A.8).
            let decay = (self.jitter + 8) >> 4;
            self.jitter = self.jitter.saturating_sub(decay).saturating_add(difference).min(u32::MAX - 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn feed(reception: &mut Reception, numbers: impl IntoIterator<Item = u16>) -> Vec<Arrival> {
        numbers.into_iter().map(|n| reception.receive(1, n, u32::from(n) * 160, u32::from(n) * 160)).collect()
    }

    #[test]
    fn order_loss_and_duplicates() {
        use Arrival::*;
        let mut reception = Reception::default();
        let kinds = feed(&mut reception, [65_534, 65_535, 2, 1, 1, 3, 0, 0, 65_534, 103, 3]);
        assert_eq!(
            kinds,
            [
                First,
                Ahead { missing: 0 },
                Ahead { missing: 2 },
                Late,
                Duplicate,
                Ahead { missing: 0 },
                Late,
                Duplicate,
                Duplicate,
                Ahead { missing: 99 },
                Duplicate
            ]
        );
        assert_eq!(reception.received(), 11);
        let block = reception.report(0, 0).unwrap();
        assert_eq!(block.highest_sequence, 65_536 + 103);
        assert_eq!(block.cumulative_lost, 106 - 11);
    }

    #[test]
    fn one_stray_packet_changes_nothing_two_in_a_row_restart() {
        let mut reception = Reception::default();
        feed(&mut reception, 0..10);
        assert_eq!(
            feed(&mut reception, [30_000, 10, 30_000]),
            [Arrival::Stray, Arrival::Ahead { missing: 0 }, Arrival::Stray]
        );
        assert_eq!(feed(&mut reception, [30_001, 30_002]), [Arrival::First, Arrival::Ahead { missing: 0 }]);
        assert_eq!((reception.received(), reception.lost()), (13, 0));
    }

    #[test]
    fn another_source_starts_anew() {
        let mut reception = Reception::default();
        feed(&mut reception, [0, 2]);
        assert_eq!(reception.receive(9, 500, 0, 0), Arrival::First);
        assert_eq!((reception.ssrc(), reception.received(), reception.lost()), (Some(9), 3, 1));
    }

    #[test]
    fn fraction_is_of_the_interval() {
        let mut reception = Reception::default();
        feed(&mut reception, (0..100).filter(|n| n % 4 != 1));
        assert_eq!(reception.report(0, 0).unwrap().fraction_lost, 64);
        feed(&mut reception, 100..200);
        let block = reception.report(0, 0).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 25));
        assert_eq!(reception.report(0, 0).unwrap().fraction_lost, 0);
    }

    #[test]
    fn jitter_settles_at_the_mean_difference() {
        let mut reception = Reception::default();
        for n in 0..2000_u32 {
            // Every other packet is 10 ms late: differences of 80 units.
            reception.receive(1, n as u16, n * 160, n * 160 + (n % 2) * 80);
        }
        assert!((76..=80).contains(&reception.jitter()), "{}", reception.jitter());
        let mut even = Reception::default();
        feed(&mut even, 0..1000);
        for n in 1000..1010 {
            even.receive_untimed(1, n);
        }
        assert_eq!((even.jitter(), even.lost()), (0, 0));
    }

    proptest! {
        #[test]
        fn no_stream_panics(packets in proptest::collection::vec((0_u32..3, any::<u16>(), any::<u32>(), any::<u32>()), 0..200)) {
            let mut reception = Reception::default();
            for (ssrc, sequence, timestamp, arrival) in packets {
                reception.receive(ssrc, sequence, timestamp, arrival);
                let _ = (reception.lost(), reception.report(0, 0));
            }
        }

        #[test]
        fn loss_is_counted_exactly(start: u16, dropped in proptest::collection::btree_set(1_u16..998, 0..200)) {
            let mut reception = Reception::default();
            feed(&mut reception, (0..1000_u16).filter(|n| !dropped.contains(n)).map(|n| start.wrapping_add(n)));
            prop_assert_eq!(reception.lost(), dropped.len() as u64);
        }
    }
}
