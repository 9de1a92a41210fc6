//! Which of our addresses a peer sees: for sockets bound to all addresses, the kernel's routing table is asked once per
//! peer and the answer kept for a while.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::time::Instant;

/// Peers remembered; the table is emptied when it is full.
const MOST_PEERS: usize = 4096;
/// How long an answer is believed: interfaces come and go.
const KEEP: Duration = Duration::from_mins(1);

/// Answers "which local address leads to this peer?".
#[derive(Debug)]
pub struct Routes {
    known: HashMap<IpAddr, IpAddr>,
    expires: Option<Instant>,
}

impl Routes {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self { known: HashMap::new(), expires: None }
    }

    /// The address to name towards `peer` when bound to `bound`: that address itself, or for a wildcard the one the
    /// routing table chooses. Falls back to loopback when there is no route at all.
    pub fn local_towards(&mut self, now: Instant, bound: IpAddr, peer: IpAddr) -> IpAddr {
        if !bound.is_unspecified() {
            return bound;
        }
        if self.expires.is_none_or(|at| at <= now) || self.known.len() >= MOST_PEERS {
            self.known.clear();
            self.expires = Some(now + KEEP);
        }
        *self.known.entry(peer).or_insert_with(|| ask(peer).unwrap_or_else(|| loopback(bound)))
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

/// Connecting a UDP socket sends nothing; it only makes the kernel choose the source address.
fn ask(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(peer, 5060)).ok()?;
    let local = socket.local_addr().ok()?.ip();
    (!local.is_unspecified()).then_some(local)
}

fn loopback(family: IpAddr) -> IpAddr {
    if family.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_address_speaks_for_itself_and_a_wildcard_asks() {
        let now = Instant::now();
        let mut routes = Routes::new();
        let check = |routes: &mut Routes, bound: &str, peer: &str| {
            routes.local_towards(now, bound.parse().unwrap(), peer.parse().unwrap()).to_string()
        };
        assert_eq!(check(&mut routes, "127.0.0.2", "127.0.0.1"), "127.0.0.2");
        assert_eq!(check(&mut routes, "0.0.0.0", "127.0.0.9"), "127.0.0.1");
        assert_eq!(routes.known.len(), 1);
        assert_eq!(check(&mut routes, "::", "::1"), "::1");
    }
}
