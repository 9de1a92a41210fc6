//! Where a SIP domain is served (RFC 3263): which names to ask for, and in what order the servers are tried. Pure; asking
//! is the edge's.

use super::flow::Transport;

/// A NAPTR record, as far as SIP needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// Lower ones first.
    pub order: u16,
    /// Lower ones first, of equal order.
    pub preference: u16,
    /// `s`: the replacement is the name of SRV records.
    pub flags: String,
    /// `SIP+D2U`, `SIP+D2T`, …
    pub services: String,
    /// Where to ask next.
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones first.
    pub priority: u16,
    /// Share among those of equal priority.
    pub weight: u16,
    /// Port of the server.
    pub port: u16,
    /// Its name; `.`: there is no such service.
    pub target: String,
}

/// The SRV names that NAPTR records lead to, best first, with their protocols; those that we do not speak are left out.
pub fn srv_names_of(mut records: Vec<Naptr>) -> Vec<(Transport, String)> {
    records.sort_by_key(|record| (record.order, record.preference));
    let known = |record: Naptr| {
        let transport = match () {
            () if record.services.eq_ignore_ascii_case("SIP+D2U") => Transport::Udp,
            () if record.services.eq_ignore_ascii_case("SIP+D2T") => Transport::Tcp,
            () => return None,
        };
        let usable = record.flags.eq_ignore_ascii_case("s") && !record.replacement.trim_end_matches('.').is_empty();
        usable.then_some((transport, record.replacement))
    };
    records.into_iter().filter_map(known).collect()
}

/// The SRV name of a domain for a protocol.
pub fn srv_name(domain: &str, transport: Transport) -> String {
    let protocol = if transport == Transport::Tcp { "tcp" } else { "udp" };
    format!("_sip._{protocol}.{}", domain.trim_end_matches('.'))
}

/// Servers in the order in which they are tried: by priority, and by weighted lot within one. `random` gives a number
/// from 0 to its argument, both included. A single `.` says that there is no service.
pub fn in_order(mut records: Vec<Srv>, mut random: impl FnMut(u32) -> u32) -> Vec<Srv> {
    records.retain(|record| !record.target.trim_end_matches('.').is_empty() && record.port != 0);
    // Those without weight stand first, so that they have a small chance.
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let equals = records.iter().take_while(|record| record.priority == priority).count();
        let sum: u32 = records.iter().take(equals).map(|record| u32::from(record.weight)).sum();
        let lot = random(sum);
        let mut running = 0;
        let drawn = records.iter().take(equals).position(|record| {
            running += u32::from(record.weight);
            running >= lot
        });
        ordered.push(records.remove(drawn.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naptr(order: u16, preference: u16, services: &str, replacement: &str) -> Naptr {
        Naptr {
            order,
            preference,
            flags: "S".to_owned(),
            services: services.to_owned(),
            replacement: replacement.to_owned(),
        }
    }

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.to_owned() }
    }

    #[test]
    fn protocols_by_naptr() {
        let names = srv_names_of(vec![
            naptr(50, 20, "sip+d2u", "u.example."),
            naptr(10, 90, "SIPS+D2T", "s.example."),
            naptr(50, 10, "SIP+D2T", "t.example."),
            naptr(20, 10, "E2U+sip", "e.example."),
            naptr(20, 10, "SIP+D2U", "."),
            Naptr { flags: "u".to_owned(), ..naptr(1, 1, "SIP+D2U", "x.example.") },
        ]);
        assert_eq!(names, [(Transport::Tcp, "t.example.".to_owned()), (Transport::Udp, "u.example.".to_owned())]);
        assert_eq!(srv_name("example.com.", Transport::Udp), "_sip._udp.example.com");
    }

    #[test]
    fn servers_by_priority_and_lot() {
        let records = vec![srv(20, 0, "c"), srv(10, 30, "b"), srv(10, 70, "a"), srv(10, 0, "z"), srv(5, 1, ".")];
        let order = |lots: &[u32]| {
            let mut lots = lots.iter().copied();
            let drawn = in_order(records.clone(), |most| lots.next().unwrap_or(0).min(most));
            drawn.into_iter().map(|record| record.target).collect::<String>()
        };
        assert_eq!(order(&[31, 1, 0, 0]), "abzc");
        assert_eq!(order(&[30, 70, 0, 0]), "bazc");
        assert_eq!(order(&[0, 0, 0, 0]), "zbac");
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_priorities_hold(
            records in proptest::collection::vec((0u16..4, any::<u16>()), 0..12),
            lots in proptest::collection::vec(any::<u32>(), 12),
        ) {
            let records: Vec<Srv> = records.iter().map(|(priority, weight)| srv(*priority, *weight, "t")).collect();
            let mut lots = lots.into_iter();
            let ordered = in_order(records.clone(), |most| lots.next().unwrap_or(0) % most.saturating_add(1));
            prop_assert_eq!(ordered.len(), records.len());
            prop_assert!(ordered.is_sorted_by_key(|record| record.priority));
        }
    }
}
