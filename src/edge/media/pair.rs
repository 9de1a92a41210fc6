//! Socket pairs: RTP on an even port, RTCP on the next. The kernel decides whether a port is free.
//!
//! Opening and closing sockets is a good part of what a short call costs, and a call that is refused has no RTCP: its
//! socket is opened with the first packet of audio.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use crate::call::media::MediaError;

/// The range of ports and which pairs of it are ours.
#[derive(Debug)]
pub(super) struct PairRange {
    low: u16,
    high: u16,
    /// First even port, and number of pairs.
    first: u16,
    pairs: u32,
    /// Where the search goes on: a pair that was just closed is not used again soon, late packets of its call would
    /// reach the next one.
    cursor: AtomicU32,
    /// Spares asking the kernel for what is known; under overload that would be thousands of questions per call.
    taken: Mutex<HashSet<SocketAddr>>,
}

/// Two sockets, non-blocking. Dropping it frees both ports.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) rtp: UdpSocket,
    rtcp: Rtcp,
    /// Address of `rtp`.
    pub(super) local: SocketAddr,
    range: Arc<PairRange>,
}

#[derive(Debug)]
enum Rtcp {
    /// Nobody has needed it yet.
    Unopened,
    Open(UdpSocket),
    /// Another program has its port.
    Refused,
}

impl Pair {
    /// The socket of RTCP, once it is open.
    pub(super) fn rtcp(&self) -> Option<&UdpSocket> {
        match &self.rtcp {
            Rtcp::Open(socket) => Some(socket),
            Rtcp::Unopened | Rtcp::Refused => None,
        }
    }

    /// Whether the socket of RTCP was never asked for.
    pub(super) fn lacks_rtcp(&self) -> bool {
        matches!(self.rtcp, Rtcp::Unopened)
    }

    /// Opens the socket of RTCP; none when that was tried already. Without it a call has audio, but no reports.
    pub(super) fn open_rtcp(&mut self) -> Option<&UdpSocket> {
        if !self.lacks_rtcp() {
            return None;
        }
        let address = SocketAddr::new(self.local.ip(), self.local.port() + 1);
        self.rtcp = match bind(address) {
            Ok(socket) => Rtcp::Open(socket),
            Err(error) => {
                tracing::warn!(%address, %error, "no RTCP for this call");
                Rtcp::Refused
            }
        };
        self.rtcp()
    }
}

impl PairRange {
    /// The range between two ports, both included; none when it holds no pair. `start` is any number: where to begin.
    pub(super) fn new(low: u16, high: u16, start: u32) -> Option<Self> {
        let first = low.max(2).checked_next_multiple_of(2)?;
        let pairs = (u32::from(high) + 1).checked_sub(u32::from(first))? / 2;
        let taken = Mutex::default();
        (pairs > 0).then(|| Self { low, high, first, pairs, cursor: AtomicU32::new(start % pairs), taken })
    }

    /// Pairs that are open.
    pub(super) fn open(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Binds a free pair.
    pub(super) fn bind(self: &Arc<Self>, address: IpAddr) -> Result<Pair, MediaError> {
        for _ in 0..self.pairs {
            // Wraps unevenly once in 2^32 calls, which does no harm.
            let at = self.cursor.fetch_add(1, Ordering::Relaxed) % self.pairs;
            let local = SocketAddr::new(address, self.first + (at * 2) as u16);
            if !self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(local) {
                continue;
            }
            match bind(local) {
                Ok(rtp) => return Ok(Pair { rtp, rtcp: Rtcp::Unopened, local, range: Arc::clone(self) }),
                Err(error) => {
                    self.free(local);
                    if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) {
                        return Err(MediaError::Bind { address, reason: error.to_string() });
                    }
                }
            }
        }
        Err(MediaError::NoPort { low: self.low, high: self.high })
    }

    fn free(&self, local: SocketAddr) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&local);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.range.free(self.local);
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::super::testing::free_range;
    use super::*;

    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn only_ranges_with_a_pair_are_accepted() {
        let pairs = |low, high| PairRange::new(low, high, 9).map(|range| (range.first, range.pairs));
        assert_eq!(pairs(16_384, 32_768), Some((16_384, 8192)));
        assert_eq!(pairs(10_001, 10_003), Some((10_002, 1)));
        assert_eq!(pairs(65_534, 65_535), Some((65_534, 1)));
        for (low, high) in [(10_001, 10_002), (5, 4), (10, 10), (65_535, 65_535), (0, 0)] {
            assert_eq!(pairs(low, high), None, "{low} {high}");
        }
    }

    #[test]
    fn pairs_are_even_used_up_and_freed() {
        let (low, high) = free_range(2);
        let range = Arc::new(PairRange::new(low, high, 1).unwrap());
        let (mut one, mut two) = (range.bind(HOST).unwrap(), range.bind(HOST).unwrap());
        assert!(one.local != two.local && one.local.port().is_multiple_of(2));
        assert!(one.rtcp().is_none());
        let rtcp = one.open_rtcp().unwrap().local_addr().unwrap();
        assert_eq!(rtcp.port(), one.local.port() + 1);
        assert!(one.rtcp().is_some() && one.open_rtcp().is_none(), "it is opened once");
        let stranger = UdpSocket::bind(SocketAddr::new(HOST, two.local.port() + 1)).unwrap();
        assert!(two.open_rtcp().is_none() && two.rtcp().is_none(), "the port is another's");
        drop(stranger);
        assert_eq!(range.bind(HOST).unwrap_err(), MediaError::NoPort { low, high });
        let freed = one.local;
        drop(one);
        assert_eq!(range.bind(HOST).unwrap().local, freed);
        drop(two);
        assert_eq!(range.open(), 0);
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        assert!(matches!(range.bind(elsewhere), Err(MediaError::Bind { address, .. }) if address == elsewhere));
    }
}
