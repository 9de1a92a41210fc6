//! Help for the tests of this module.

use std::net::{Ipv4Addr, UdpSocket};

/// A range of `pairs` pairs of ports that are free now, far from the others' ranges: tests run at the same time.
pub(super) fn free_range(pairs: u16) -> (u16, u16) {
    for _ in 0..200 {
        let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let low = probe.local_addr().unwrap().port() & !1;
        drop(probe);
        let Some(high) = low.checked_add(pairs * 2 - 1) else { continue };
        let held: Vec<_> = (low..=high).map_while(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()).collect();
        if held.len() == usize::from(pairs) * 2 {
            return (low, high);
        }
    }
    panic!("no free range of ports");
}
