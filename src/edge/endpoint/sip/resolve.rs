//! Host names of next hops, resolved off the shard by the system, with a deadline. NAPTR and SRV are not asked.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::gateway_duties::Errand;
use super::shared::{Inbox, ToShard};
use crate::engine::sip::LegId;

/// Address families that can be spoken to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Families {
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
}

impl Families {
    fn include(self, ip: IpAddr) -> bool {
        if ip.is_ipv4() { self.ipv4 } else { self.ipv6 }
    }
}

/// Resolves a name and tells the shard what came of it.
pub(super) async fn run(leg: LegId, name: String, wanted: Families, patience: Duration, shard: Inbox) {
    shard.tell(ToShard::Resolved(leg, address_of(&name, wanted, patience).await));
}

/// The same for an errand of a gateway.
pub(super) async fn for_errand(errand: Errand, name: String, wanted: Families, patience: Duration, shard: Inbox) {
    shard.tell(ToShard::Errand(errand, address_of(&name, wanted, patience).await));
}

async fn address_of(name: &str, wanted: Families, patience: Duration) -> Option<IpAddr> {
    match timeout(patience, lookup_host((name, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).find(|ip| wanted.include(*ip)),
        Ok(Err(error)) => {
            tracing::debug!(%error, name, "name resolution");
            None
        }
        Err(_) => {
            tracing::warn!(name, "name resolution took too long");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_give_an_address_of_a_wanted_family() {
        let find = |ipv4, ipv6| address_of("localhost", Families { ipv4, ipv6 }, Duration::from_secs(5));
        assert_eq!(find(true, false).await, Some([127, 0, 0, 1].into()));
        assert_eq!(find(false, false).await, None);
    }
}
