//! Which listener, profile and address belong to a message: pure look-ups over the bound addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::settings::ProfileSettings;
use crate::call::leg::MediaParams;
use crate::engine::sip::Transport;

/// Asks for our address towards a peer, given the bound one.
pub(super) trait Route {
    /// A concrete address of ours.
    fn local_towards(&mut self, bound: IpAddr, peer: IpAddr) -> IpAddr;
}

/// One address that is listened on, UDP and TCP.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    /// Where it is bound.
    pub(super) bound: SocketAddr,
    /// Index of its profile.
    pub(super) profile: usize,
    /// Address told to peers outside.
    pub(super) outside: Option<IpAddr>,
}

/// All listeners and profiles. Copies share the profiles, whose settings a rescan replaces; their order stays.
#[derive(Debug, Clone, Default)]
pub(super) struct Listeners {
    listeners: Vec<Listener>,
    profiles: Arc<ArcSwap<Vec<Arc<ProfileSettings>>>>,
}

impl Listeners {
    pub(super) fn new(listeners: Vec<Listener>, profiles: Vec<Arc<ProfileSettings>>) -> Self {
        Self { listeners, profiles: Arc::new(ArcSwap::from_pointee(profiles)) }
    }

    pub(super) fn all(&self) -> &[Listener] {
        &self.listeners
    }

    pub(super) fn profile(&self, index: usize) -> Option<Arc<ProfileSettings>> {
        self.profiles.load().get(index).cloned()
    }

    /// The settings in force.
    pub(super) fn profiles(&self) -> Arc<Vec<Arc<ProfileSettings>>> {
        self.profiles.load_full()
    }

    /// Puts new settings in force, one for each profile, in the order they always had.
    pub(super) fn set_profiles(&self, profiles: Vec<Arc<ProfileSettings>>) {
        self.profiles.store(Arc::new(profiles));
    }

    /// The profile of this name or alias.
    pub(super) fn called(&self, name: &str) -> Option<usize> {
        self.profiles.load().iter().position(|profile| profile.is_called(name))
    }

    /// The listener that speaks as `local`: bound to it, or told to the outside under it, or bound to all addresses.
    pub(super) fn speaking_as(&self, local: SocketAddr) -> Option<usize> {
        let position = |fits: &dyn Fn(&Listener) -> bool| {
            self.listeners.iter().position(|listener| listener.bound.port() == local.port() && fits(listener))
        };
        position(&|listener| listener.bound.ip() == local.ip())
            .or_else(|| position(&|listener| listener.outside == Some(local.ip())))
            .or_else(|| {
                position(&|listener| {
                    listener.bound.ip().is_unspecified() && listener.bound.is_ipv4() == local.is_ipv4()
                })
            })
    }

    /// The profile of the listener that speaks as `local`.
    pub(super) fn profile_of(&self, local: SocketAddr) -> Option<Arc<ProfileSettings>> {
        let listener = self.listeners.get(self.speaking_as(local)?)?;
        self.profile(listener.profile)
    }

    /// Our address as `peer` sees it when it speaks to this listener.
    pub(super) fn seen_by(&self, index: usize, peer: IpAddr, route: &mut dyn Route) -> Option<SocketAddr> {
        let listener = self.listeners.get(index)?;
        let ip = match listener.outside {
            Some(outside) if is_outside(peer) && outside.is_ipv4() == peer.is_ipv4() => outside,
            _ => route.local_towards(listener.bound.ip(), peer),
        };
        Some(SocketAddr::new(ip, listener.bound.port()))
    }

    /// What a peer is told of our end of a connection whose own end is `local`.
    pub(super) fn told_to(&self, local: SocketAddr, peer: IpAddr) -> SocketAddr {
        let outside = self.speaking_as(local).and_then(|index| self.listeners.get(index)?.outside);
        match outside {
            Some(outside) if is_outside(peer) && outside.is_ipv4() == peer.is_ipv4() => {
                SocketAddr::new(outside, local.port())
            }
            _ => local,
        }
    }

    /// The address of ours that leads from a profile to `peer`; none when the profile has no listener of that family.
    pub(super) fn route(&self, profile: usize, peer: IpAddr, route: &mut dyn Route) -> Option<IpAddr> {
        let fits = |listener: &&Listener| listener.profile == profile && listener.bound.is_ipv4() == peer.is_ipv4();
        let listener = self.listeners.iter().find(fits)?;
        Some(route.local_towards(listener.bound.ip(), peer))
    }

    /// Our address for calls of a profile to `peer`; none when the profile has no listener of that family.
    pub(super) fn towards(&self, profile: usize, peer: IpAddr, route: &mut dyn Route) -> Option<SocketAddr> {
        let fits = |listener: &Listener| listener.profile == profile && listener.bound.is_ipv4() == peer.is_ipv4();
        let index = self.listeners.iter().position(fits)?;
        self.seen_by(index, peer, route)
    }

    /// Whether a profile can speak to addresses of this family.
    pub(super) fn has_family(&self, profile: usize, ipv4: bool) -> bool {
        self.listeners.iter().any(|listener| listener.profile == profile && listener.bound.is_ipv4() == ipv4)
    }

    /// Whether the address is one of ours.
    pub(super) fn is_own(&self, ip: IpAddr, route: &mut dyn Route) -> bool {
        self.listeners.iter().any(|listener| {
            listener.bound.is_ipv4() == ip.is_ipv4()
                && (listener.outside == Some(ip) || route.local_towards(listener.bound.ip(), ip) == ip)
        })
    }

    /// Whether the address and port are one of our listeners.
    pub(super) fn is_listener(&self, address: SocketAddr, route: &mut dyn Route) -> bool {
        self.listeners.iter().any(|listener| {
            listener.bound.port() == address.port()
                && listener.bound.is_ipv4() == address.is_ipv4()
                && route.local_towards(listener.bound.ip(), address.ip()) == address.ip()
        })
    }
}

/// Media settings of a leg to or from `peer`, whose signalling is spoken from `bound` and told as `told`.
pub(super) fn media(profile: &ProfileSettings, inbound: bool, route: IpAddr, peer: IpAddr) -> MediaParams {
    let bind = profile.rtp_ip.filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == route.is_ipv4()).unwrap_or(route);
    let outside = profile.ext_rtp_ip.filter(|ip| is_outside(peer) && ip.is_ipv4() == route.is_ipv4());
    MediaParams {
        bind,
        advertise: outside.unwrap_or(bind),
        codecs: Arc::clone(if inbound { &profile.codecs_inbound } else { &profile.codecs_outbound }),
        negotiation: Arc::clone(&profile.negotiation),
        dtmf_payload: profile.dtmf_payload,
        rtp_timeout_s: profile.rtp_timeout_s,
        rtp_hold_timeout_s: profile.rtp_hold_timeout_s,
        late_offers: profile.late_offers,
    }
}

/// Whether an address lies beyond the local network, so that it sees us from outside. Stands for `local-network-acl`.
pub(super) fn is_outside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = matches!(ip.octets(), [100, 64..=127, ..]);
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified())
        }
    }
}

/// An address as the host of a URI.
pub(super) fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// `;transport=tcp`, or nothing for UDP.
pub(super) fn transport_param(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::config::SipProfile;

    /// A host with the addresses 10.0.0.5 and 127.0.0.0/8.
    pub(in super::super) struct FakeRoute;

    impl Route for FakeRoute {
        fn local_towards(&mut self, bound: IpAddr, peer: IpAddr) -> IpAddr {
            let own = |text: &str| text.parse().unwrap();
            match (bound.is_unspecified(), peer) {
                (false, _) => bound,
                (true, IpAddr::V4(ip)) if ip.is_loopback() => own("127.0.0.1"),
                (true, IpAddr::V4(_)) => own("10.0.0.5"),
                (true, IpAddr::V6(_)) => own("::1"),
            }
        }
    }

    pub(in super::super) fn listeners() -> Listeners {
        let listener = |bound: &str, profile, outside: Option<&str>| Listener {
            bound: bound.parse().unwrap(),
            profile,
            outside: outside.map(|ip| ip.parse().unwrap()),
        };
        let profile = |name: &str| {
            let profile = SipProfile { name: name.to_owned(), ..SipProfile::default() };
            Arc::new(ProfileSettings::from(&profile))
        };
        Listeners::new(
            vec![
                listener("0.0.0.0:5060", 0, None),
                listener("127.0.0.1:5080", 1, None),
                listener("0.0.0.0:5090", 1, Some("198.51.100.1")),
            ],
            vec![profile("internal"), profile("external")],
        )
    }

    #[test]
    fn addresses_find_their_listener() {
        let listeners = listeners();
        for (local, index) in [
            ("127.0.0.1:5060", Some(0)),
            ("127.0.0.1:5080", Some(1)),
            ("127.0.0.2:5080", None),
            ("198.51.100.1:5090", Some(2)),
            ("[::1]:5060", None),
        ] {
            assert_eq!(listeners.speaking_as(local.parse().unwrap()), index, "{local}");
        }
        assert_eq!(listeners.profile_of("10.0.0.5:5090".parse().unwrap()).unwrap().name, "external");
    }

    #[test]
    fn peers_see_the_address_that_leads_to_them() {
        let listeners = listeners();
        let seen =
            |index, peer: &str| listeners.seen_by(index, peer.parse().unwrap(), &mut FakeRoute).unwrap().to_string();
        assert_eq!(seen(0, "127.0.0.1"), "127.0.0.1:5060");
        assert_eq!(seen(0, "192.0.2.1"), "10.0.0.5:5060");
        assert_eq!(seen(2, "192.0.2.1"), "198.51.100.1:5090");
        assert_eq!(seen(2, "10.1.2.3"), "10.0.0.5:5090");
        assert!(listeners.towards(0, "::1".parse().unwrap(), &mut FakeRoute).is_none());
        let own = |ip: &str| listeners.is_own(ip.parse().unwrap(), &mut FakeRoute);
        assert!(own("10.0.0.5") && own("127.0.0.1") && own("198.51.100.1") && !own("127.0.0.2") && !own("192.0.2.1"));
        let listener = |text: &str| listeners.is_listener(text.parse().unwrap(), &mut FakeRoute);
        assert!(listener("10.0.0.5:5060") && listener("127.0.0.1:5080") && !listener("127.0.0.1:5070"));
    }

    #[test]
    fn media_follows_the_route_unless_told_otherwise() {
        let profile = SipProfile { ext_rtp_ip: Some("198.51.100.9".parse().unwrap()), ..SipProfile::default() };
        let profile = ProfileSettings::from(&profile);
        let params = |peer: &str| media(&profile, true, "10.0.0.5".parse().unwrap(), peer.parse().unwrap());
        assert_eq!(params("10.9.9.9").advertise.to_string(), "10.0.0.5");
        assert_eq!(params("192.0.2.7").advertise.to_string(), "198.51.100.9");
        assert_eq!(params("192.0.2.7").bind.to_string(), "10.0.0.5");
    }

    #[test]
    fn hosts_of_uris() {
        assert_eq!(host("::1".parse().unwrap()), "[::1]");
        assert!(is_outside("8.8.8.8".parse().unwrap()) && !is_outside("100.64.0.1".parse().unwrap()));
    }
}
