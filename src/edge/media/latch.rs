//! Which packets are those of the far end, and where it is.
//!
//! The SDP announces an address, but behind NAT packets come from another one. The first packet with a payload number of
//! the stream locks its source; packets of others are strangers' from then on. Three things move the lock: packets from
//! the announced address, a new announcement, and, when the source may be followed (FreeSWITCH's auto-adjust), a few
//! packets of one other source while the locked one is silent.

use std::net::SocketAddr;

use super::clock::{MS, Micros};

/// Silence of the locked source after which another may take its place. Also how long the former source is kept out after
/// a new announcement: its last packets are still under way then.
const SILENCE: Micros = 500 * MS;
/// Packets by which another source takes over.
const TAKE_OVER: u8 = 3;

/// Source lock of one stream.
#[derive(Debug)]
pub(super) struct Latch {
    announced: SocketAddr,
    /// Send to where packets come from, and follow it.
    follow: bool,
    source: Option<SocketAddr>,
    heard: Micros,
    rival: Option<(SocketAddr, u8)>,
    /// Source of the stream before, and until when it is kept out.
    former: Option<(SocketAddr, Micros)>,
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The far end's.
    Accepted,
    /// The far end's, and the first from there.
    Locked,
    /// Somebody else's.
    Foreign,
}

impl Latch {
    pub(super) fn new(announced: SocketAddr, follow: bool) -> Self {
        Self { announced, follow, source: None, heard: 0, rival: None, former: None }
    }

    /// A new announcement; the lock stays when the address did.
    pub(super) fn announce(&mut self, announced: SocketAddr, follow: bool, now: Micros) {
        self.follow = follow;
        if same(self.announced, announced) {
            return;
        }
        self.announced = announced;
        self.former = self.source.take().map(|source| (source, now + SILENCE));
        self.rival = None;
    }

    /// Judges a packet with a payload number of the stream.
    pub(super) fn judge(&mut self, from: SocketAddr, now: Micros) -> Verdict {
        let Some(source) = self.source else {
            let late = self.former.is_some_and(|(former, until)| same(former, from) && now < until);
            if late && !same(from, self.announced) {
                return Verdict::Foreign;
            }
            return self.lock(from, now);
        };
        if same(source, from) {
            self.heard = now;
            return Verdict::Accepted;
        }
        if same(self.announced, from) {
            return self.lock(from, now);
        }
        if !self.follow || now < self.heard + SILENCE {
            return Verdict::Foreign;
        }
        let packets = match self.rival {
            Some((rival, packets)) if same(rival, from) => packets + 1,
            _ => 1,
        };
        if packets >= TAKE_OVER {
            return self.lock(from, now);
        }
        self.rival = Some((from, packets));
        Verdict::Foreign
    }

    pub(super) fn is_locked(&self) -> bool {
        self.source.is_some()
    }

    /// Whether a packet comes from the locked source.
    pub(super) fn is_source(&self, from: SocketAddr) -> bool {
        self.source.is_some_and(|source| same(source, from))
    }

    /// Whether a packet comes from the host of the far end: good enough for RTCP, whose port tells nothing.
    pub(super) fn is_host(&self, from: SocketAddr) -> bool {
        from.ip() == self.announced.ip() || self.source.is_some_and(|source| source.ip() == from.ip())
    }

    /// Where RTP is to be sent.
    pub(super) fn target(&self) -> SocketAddr {
        if self.follow { self.source.unwrap_or(self.announced) } else { self.announced }
    }

    /// Whether the source is another one than announced, and followed.
    pub(super) fn moved(&self) -> bool {
        !same(self.target(), self.announced)
    }

    fn lock(&mut self, from: SocketAddr, now: Micros) -> Verdict {
        (self.source, self.heard, self.rival, self.former) = (Some(from), now, None, None);
        Verdict::Locked
    }
}

/// Address and port; scope and flow of IPv6 do not matter.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip() == b.ip()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], 4000))
    }

    /// Rows: time in ms, source, verdict, target.
    fn run(latch: &mut Latch, rows: &[(u64, u8, Verdict, u8)]) {
        for (ms, from, verdict, target) in rows {
            let row = (ms, from);
            assert_eq!(latch.judge(at(*from), ms * MS), *verdict, "{row:?}");
            assert_eq!(latch.target(), at(*target), "{row:?}");
        }
    }

    #[test]
    fn the_first_source_locks_and_is_followed() {
        use Verdict::*;
        let mut latch = Latch::new(at(1), true);
        assert!(!latch.moved() && latch.target() == at(1));
        run(
            &mut latch,
            &[
                (0, 2, Locked, 2),
                (20, 2, Accepted, 2),
                (30, 3, Foreign, 2),
                (31, 3, Foreign, 2),
                (32, 3, Foreign, 2),
                (33, 3, Foreign, 2),
                (40, 2, Accepted, 2),
                // The announced address always may.
                (50, 1, Locked, 1),
                (60, 2, Foreign, 1),
            ],
        );
    }

    #[test]
    fn another_source_takes_over_after_silence_and_some_packets() {
        use Verdict::*;
        let mut latch = Latch::new(at(1), true);
        run(
            &mut latch,
            &[
                (0, 2, Locked, 2),
                (600, 3, Foreign, 2),
                (610, 4, Foreign, 2),
                (620, 3, Foreign, 2),
                (640, 3, Foreign, 2),
                (660, 3, Locked, 3),
                (680, 2, Foreign, 3),
            ],
        );
        assert!(latch.moved() && latch.is_host(at(3)) && latch.is_host(at(1)) && !latch.is_host(at(2)));
    }

    #[test]
    fn without_following_the_target_stays_announced() {
        use Verdict::*;
        let mut latch = Latch::new(at(1), false);
        run(&mut latch, &[(0, 2, Locked, 1), (900, 3, Foreign, 1), (901, 3, Foreign, 1), (902, 3, Foreign, 1)]);
        run(&mut latch, &[(910, 1, Locked, 1), (920, 2, Foreign, 1)]);
    }

    #[test]
    fn a_new_announcement_unlocks_and_keeps_stragglers_out() {
        use Verdict::*;
        let mut latch = Latch::new(at(1), true);
        run(&mut latch, &[(0, 2, Locked, 2)]);
        latch.announce(at(1), true, 10 * MS);
        run(&mut latch, &[(10, 2, Accepted, 2)]);
        latch.announce(at(5), true, 20 * MS);
        run(&mut latch, &[(21, 2, Foreign, 5), (30, 6, Locked, 6), (31, 2, Foreign, 6)]);
        latch.announce(at(7), true, 100 * MS);
        run(&mut latch, &[(101, 6, Foreign, 7), (700, 6, Locked, 6)]);
    }
}
