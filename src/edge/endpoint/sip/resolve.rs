//! Where a next hop is (RFC 3263): its name becomes servers to be tried in order, off the shard, with a deadline.
//!
//! A port decides for addresses alone; a protocol without a port for its SRV records; neither asks NAPTR first and takes
//! the SRV records of UDP and TCP when there are none. Without any record the name is a host with the usual port. Names
//! of one word are hosts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::destination::Hop;
use super::gateway_duties::Errand;
use super::shared::{Inbox, ToShard};
use crate::edge::net::Dns;
use crate::engine::sip::locate::{Srv, in_order, srv_name, srv_names_of};
use crate::engine::sip::{LegId, Transport};

/// Servers that one name may stand for.
const MOST_CANDIDATES: usize = 16;

/// What is asked for, and what can be spoken to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
    /// NAPTR records (`disable-naptr`).
    pub(super) naptr: bool,
    /// SRV records (`disable-srv`).
    pub(super) srv: bool,
}

/// A server to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
}

/// How names are resolved.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    pub(super) dns: Arc<Dns>,
    pub(super) rules: Rules,
    pub(super) patience: Duration,
}

/// Resolves the name of a hop and tells the shard what came of it.
pub(super) async fn run(leg: LegId, name: String, hop: Hop, resolver: Resolver, shard: Inbox) {
    shard.tell(ToShard::Resolved(leg, resolver.candidates(&name, &hop).await));
}

/// The same for an errand of a gateway.
pub(super) async fn for_errand(errand: Errand, name: String, hop: Hop, resolver: Resolver, shard: Inbox) {
    shard.tell(ToShard::Errand(errand, resolver.candidates(&name, &hop).await));
}

impl Resolver {
    async fn candidates(&self, name: &str, hop: &Hop) -> Vec<Candidate> {
        let until = Instant::now() + self.patience;
        let mut found = Vec::new();
        if !hop.port_given && self.rules.srv && name.trim_end_matches('.').contains('.') {
            for (transport, server) in self.servers(name, hop, until).await {
                let addresses = self.addresses(&server.target, until).await;
                found.extend(
                    addresses.into_iter().map(|ip| Candidate { transport, address: SocketAddr::new(ip, server.port) }),
                );
                if found.len() >= MOST_CANDIDATES {
                    break;
                }
            }
        }
        if found.is_empty() {
            let addresses = self.addresses(name, until).await;
            let candidate = |ip| Candidate { transport: hop.transport, address: SocketAddr::new(ip, hop.port) };
            found.extend(addresses.into_iter().map(candidate));
        }
        found.truncate(MOST_CANDIDATES);
        if found.is_empty() {
            tracing::debug!(name, "no server");
        }
        found
    }

    /// What SRV records name, in order.
    async fn servers(&self, name: &str, hop: &Hop, until: Instant) -> Vec<(Transport, Srv)> {
        let names = if hop.transport_given {
            vec![(hop.transport, srv_name(name, hop.transport))]
        } else {
            let asked = if self.rules.naptr { timeout_at(until, self.dns.naptr(name)).await } else { Ok(Vec::new()) };
            match srv_names_of(asked.unwrap_or_default()) {
                known if !known.is_empty() => known,
                _ => [Transport::Udp, Transport::Tcp].map(|transport| (transport, srv_name(name, transport))).to_vec(),
            }
        };
        let mut servers = Vec::new();
        for (transport, name) in names.into_iter().take(MOST_CANDIDATES) {
            let records = timeout_at(until, self.dns.srv(&name)).await.unwrap_or_default();
            let ordered = in_order(records, |most| rand::random_range(0..=most));
            servers.extend(ordered.into_iter().map(|record| (transport, record)));
        }
        servers
    }

    async fn addresses(&self, name: &str, until: Instant) -> Vec<IpAddr> {
        let asked = timeout_at(until, self.dns.addresses(name)).await;
        let mut found = asked.unwrap_or_else(|_| {
            tracing::warn!(name, "name resolution took too long");
            Vec::new()
        });
        found.retain(|ip| if ip.is_ipv4() { self.rules.ipv4 } else { self.rules.ipv6 });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::destination::Host;
    use super::*;

    #[tokio::test]
    async fn names_give_an_address_of_a_wanted_family() {
        let hop = Hop {
            host: Host::Name("localhost".to_owned()),
            port: 5060,
            transport: Transport::Udp,
            port_given: false,
            transport_given: false,
        };
        let find = async |ipv4, ipv6| {
            let rules = Rules { ipv4, ipv6, naptr: true, srv: true };
            let resolver = Resolver { dns: Arc::new(Dns::new(&[])), rules, patience: Duration::from_secs(5) };
            resolver.candidates("localhost", &hop).await
        };
        let here = Candidate { transport: Transport::Udp, address: ([127, 0, 0, 1], 5060).into() };
        assert_eq!(find(true, false).await, [here]);
        assert_eq!(find(false, false).await, []);
    }
}
