//! SIP: profiles, inbound and outbound legs, the endpoint `sofia` of dial strings.
//!
//! [`SipEndpoint`] runs one thread per shard. A shard owns one [`crate::engine::sip::Stack`] and one UDP socket per
//! listening address; all calls of a Call-ID belong to one shard, and a call's task runs on its thread. Messages that
//! reach the wrong thread are handed over. The registrar's table is one for all.
//!
//! Not here: the protocol itself (`engine::sip`), codecs and media, what a call does. Not yet: SRV records, TLS.

mod auth;
mod caller;
mod calls;
mod credentials;
mod destination;
mod events;
mod gateway;
mod gateway_duties;
mod headers;
mod incoming;
mod invite;
mod keep_alive;
mod leg;
mod listeners;
mod messaging;
mod outside;
mod peek;
mod presence;
mod pressure;
mod registrar;
mod rescan;
mod resolve;
mod settings;
mod shard;
mod shared;
#[cfg(test)]
mod testing;
mod trace;
mod variables;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Builder;

use super::CallStarter;
use crate::call::administration::{GatewayState, TraceOrder};
use crate::call::event::Subscription;
use crate::call::leg::LegFactory;
use crate::edge::net::{BoundTcp, BoundUdp, Connections, NetError, bind_shards};
use crate::engine::config::Directory;
use crate::engine::sip::{Counts, Transport};
use leg::Sofia;
use listeners::{Listener, Listeners};
pub use registrar::Registrations;
pub use rescan::Unmet;
pub use settings::{ProfileSettings, Realm, SipSettings};
use shard::Shard;
use shared::{Inbox, Outbox, Parts, Shared, TcpInbox, ToShard};

/// Numbers of TCP connections begin here; below are the UDP sockets.
const FIRST_CONNECTION: u64 = 1 << 32;
/// Tries to find a port that is free for both UDP and TCP.
const PORT_TRIES: usize = 16;
/// Threads of one shard for name resolution.
const RESOLVERS: usize = 8;
/// Time for tasks that are still running when a shard ends.
const LAST_TASKS: Duration = Duration::from_millis(200);

/// Why the endpoint did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SipStartError {
    /// There is no profile.
    #[error("no SIP profile")]
    NoProfile,
    /// There is nowhere to listen.
    #[error("no address to listen on")]
    NoAddress,
    /// An address cannot be bound.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The system refuses threads or descriptors.
    #[error("cannot start SIP threads: {0}")]
    System(#[from] io::Error),
}

/// The running endpoint. It stops when it is dropped.
pub struct SipEndpoint {
    shared: Arc<Shared>,
    listening: Vec<(Transport, SocketAddr)>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SipEndpoint {
    /// Binds the addresses and starts the threads. New calls go to `starter`, on the thread of their shard.
    pub fn start(
        settings: SipSettings,
        directory: Arc<ArcSwap<Directory>>,
        starter: Arc<dyn CallStarter>,
        registrations: Arc<Registrations>,
    ) -> Result<Arc<Self>, SipStartError> {
        let shards = match settings.shards {
            // The other half of the cores carries media.
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            shards => shards,
        };
        let Bound { listeners, udp, tcp } = bind(&settings, shards)?;
        let listening = listening(&udp, &tcp);
        let (inboxes, queues): (Vec<Inbox>, Vec<Outbox>) = (0..shards).map(|_| Inbox::new()).unzip();
        let inboxes: Arc<[Inbox]> = inboxes.into();
        let sink = TcpInbox { inboxes: Arc::clone(&inboxes), listeners: listeners.clone() };
        let connections = Connections::new(settings.tcp.clone(), FIRST_CONNECTION, sink);
        let shared = Arc::new(Shared::new(Parts {
            settings,
            listeners,
            inboxes,
            connections,
            directory,
            starter,
            registrations,
        }));
        let endpoint =
            Arc::new(Self { shared: Arc::clone(&shared), listening, threads: Mutex::new(Vec::with_capacity(shards)) });
        let mut sockets: Vec<Vec<BoundUdp>> = (0..shards).map(|_| Vec::new()).collect();
        for listener in udp {
            sockets.iter_mut().zip(listener).for_each(|(shard, socket)| shard.push(socket));
        }
        let mut tcp = Some(tcp);
        for ((index, sockets), queues) in sockets.into_iter().enumerate().zip(queues) {
            // The first shard accepts for all.
            let thread = spawn(index, &shared, sockets, tcp.take().unwrap_or_default(), queues)?;
            endpoint.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(endpoint)
    }

    /// Where it listens.
    pub fn listening(&self) -> Vec<(Transport, SocketAddr)> {
        self.listening.clone()
    }

    /// Name, context and first address of each profile.
    pub fn profiles(&self) -> Vec<(String, String, Option<SocketAddr>)> {
        let profiles = self.shared.listeners.profiles();
        profiles
            .iter()
            .map(|found| (found.name.clone(), found.context.clone(), found.listen.first().copied()))
            .collect()
    }

    /// The gateways, as their operator sees them.
    pub fn gateways(&self) -> Vec<GatewayState> {
        let profiles = self.shared.listeners.profiles();
        let name = |at: usize| profiles.get(at).map(|profile| profile.name.clone()).unwrap_or_default();
        self.shared.gateways.all().iter().map(|line| line.seen(name(line.profile))).collect()
    }

    /// Traces messages, or ends a trace. The error says why not.
    pub fn trace(&self, order: TraceOrder<'_>) -> Result<(), String> {
        self.shared.trace.order(order, &self.shared.listeners)
    }

    /// The endpoint `sofia` of dial strings.
    pub fn factory(&self) -> Arc<dyn LegFactory> {
        Arc::new(Sofia(Arc::clone(&self.shared)))
    }

    /// Hears of messages that wait (MESSAGE_WAITING): subscribers of `message-summary` are told.
    pub fn listen(&self, events: Subscription) {
        if let Some(inbox) = self.shared.inboxes.first() {
            inbox.tell(ToShard::Listen(events));
        }
    }

    /// Legs that are not over.
    pub fn legs(&self) -> usize {
        self.shared.legs.load(Ordering::Relaxed)
    }

    /// What the stacks hold, as of the last time each shard went to sleep.
    pub fn counts(&self) -> Counts {
        self.shared.counts.iter().fold(Counts::default(), |sum, counts| {
            let one = *counts.lock().unwrap_or_else(PoisonError::into_inner);
            Counts {
                client_transactions: sum.client_transactions.saturating_add(one.client_transactions),
                server_transactions: sum.server_transactions.saturating_add(one.server_transactions),
                legs: sum.legs.saturating_add(one.legs),
                dialogs: sum.dialogs.saturating_add(one.dialogs),
                events: sum.events.saturating_add(one.events),
                sends: sum.sends.saturating_add(one.sends),
            }
        })
    }

    /// Whether its threads run and come round.
    pub fn is_alive(&self) -> bool {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let run = !threads.is_empty() && threads.iter().all(|thread| !thread.is_finished());
        run && self.shared.beats.all_live(shard::now())
    }

    /// Whether new inbound calls are refused because the switch is about to end.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// Refuses new inbound calls by 503 from now on.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Ends all legs by one message each and the threads; returns when they are gone. Not for use on a shard's own thread.
    pub fn stop(&self) {
        self.shared.inboxes.iter().for_each(|inbox| inbox.tell(ToShard::Stop));
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // The last handle may be let go by a call: its own thread ends after it.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a SIP thread panicked");
            }
        }
    }
}

impl Drop for SipEndpoint {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for SipEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SipEndpoint").field("listening", &self.listening).finish_non_exhaustive()
    }
}

fn spawn(
    index: usize,
    shared: &Arc<Shared>,
    sockets: Vec<BoundUdp>,
    tcp: Vec<BoundTcp>,
    queues: Outbox,
) -> io::Result<JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(RESOLVERS).build()?;
    let ports = {
        let _inside = runtime.enter();
        sockets.into_iter().map(BoundUdp::attach).collect::<io::Result<Vec<_>>>()?
    };
    let shard = Shard::new(index, Arc::clone(shared), ports);
    let connections = Arc::clone(&shared.connections);
    std::thread::Builder::new().name(format!("sip-{index}")).spawn(move || {
        runtime.block_on(async {
            for listener in tcp {
                tokio::spawn(Arc::clone(&connections).accept(listener));
            }
            shard.run(queues).await;
        });
        runtime.shutdown_timeout(LAST_TASKS);
    })
}

/// Everything that is bound before the first thread starts.
struct Bound {
    listeners: Listeners,
    /// Per listener one socket per shard.
    udp: Vec<Vec<BoundUdp>>,
    tcp: Vec<BoundTcp>,
}

fn bind(settings: &SipSettings, shards: usize) -> Result<Bound, SipStartError> {
    let first = settings.profiles.first().ok_or(SipStartError::NoProfile)?;
    let of_profiles =
        || settings.profiles.iter().enumerate().flat_map(|(at, one)| one.listen.iter().map(move |a| (*a, at)));
    let owner =
        |address: SocketAddr| of_profiles().find(|(known, _)| *known == address).map_or(0, |(_, profile)| profile);
    let wanted: Vec<(SocketAddr, usize)> = match settings.listen.as_slice() {
        [] => of_profiles().collect(),
        given => given.iter().map(|address| (*address, owner(*address))).collect(),
    };
    let (mut bound, mut listeners) =
        (Bound { listeners: Listeners::default(), udp: Vec::new(), tcp: Vec::new() }, Vec::new());
    for (address, profile) in wanted {
        let (udp, tcp) = match bind_both(address, shards) {
            Ok(both) => both,
            Err(NetError::Bind { source, .. }) if no_such_family(address, &source) => {
                tracing::info!(%address, "no IPv6 here");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let outside = settings.profiles.get(profile).unwrap_or(first).ext_sip_ip;
        listeners.push(Listener { bound: tcp.local(), profile, outside });
        bound.udp.push(udp);
        bound.tcp.push(tcp);
    }
    if listeners.is_empty() {
        return Err(SipStartError::NoAddress);
    }
    bound.listeners = Listeners::new(listeners, settings.profiles.iter().cloned().map(Arc::new).collect());
    Ok(bound)
}

/// UDP and TCP on one port.
fn bind_both(address: SocketAddr, shards: usize) -> Result<(Vec<BoundUdp>, BoundTcp), NetError> {
    let mut tries = 1;
    loop {
        let udp = bind_shards(address, shards)?;
        let local = udp.first().map_or(address, BoundUdp::local);
        match BoundTcp::bind(local) {
            Ok(tcp) => return Ok((udp, tcp)),
            // The system chose a port that TCP has in use.
            Err(_) if address.port() == 0 && tries < PORT_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A machine without IPv6 still serves the wildcard address of IPv4.
fn no_such_family(address: SocketAddr, error: &io::Error) -> bool {
    let kind = matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported);
    let family = error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    address.is_ipv6() && address.ip().is_unspecified() && (kind || family)
}

fn listening(udp: &[Vec<BoundUdp>], tcp: &[BoundTcp]) -> Vec<(Transport, SocketAddr)> {
    let udp = udp.iter().filter_map(|shards| shards.first()).map(|socket| (Transport::Udp, socket.local()));
    udp.chain(tcp.iter().map(|listener| (Transport::Tcp, listener.local()))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::test_request::{dial, leg};
    use super::*;
    use crate::call::leg::{CallEvent, EventSink, Incoming, LegEvent};
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::{Cause, Variables};

    struct Nobody;

    impl CallStarter for Nobody {
        fn start(&self, _: Incoming) {}
    }

    fn endpoint() -> Arc<SipEndpoint> {
        let settings = SipSettings {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            shards: 2,
            resolve: Duration::from_millis(1),
            ..SipSettings::default()
        };
        let text = "<document><section name=\"directory\"><domain name=\"example.org\"/></section></document>";
        let root = load("d.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
        let directory = Arc::new(ArcSwap::from_pointee(Directory::read(&root)));
        SipEndpoint::start(settings, directory, Arc::new(Nobody), Arc::default()).unwrap()
    }

    #[test]
    fn it_listens_on_both_transports_and_stops() {
        let endpoint = endpoint();
        let listening = endpoint.listening();
        let [(Transport::Udp, udp), (Transport::Tcp, tcp)] = listening.as_slice() else { panic!("{listening:?}") };
        assert_eq!(udp, tcp);
        let stream = std::net::TcpStream::connect(tcp).unwrap();
        std::net::UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"\r\n\r\n", udp).unwrap();
        endpoint.stop();
        assert_eq!((endpoint.legs(), endpoint.counts()), (0, Counts::default()));
        std::net::UdpSocket::bind(udp).expect("the port is free again");
        drop(stream);
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let settings = SipSettings { listen: vec![taken.local_addr().unwrap()], ..SipSettings::default() };
        let error = SipEndpoint::start(settings, Arc::default(), Arc::new(Nobody), Arc::default()).unwrap_err();
        assert!(matches!(error, SipStartError::Net(NetError::Bind { protocol: "UDP", .. })), "{error}");
        let none = SipSettings { profiles: Vec::new(), ..SipSettings::default() };
        let error = SipEndpoint::start(none, Arc::default(), Arc::new(Nobody), Arc::default()).unwrap_err();
        assert!(matches!(error, SipStartError::NoProfile));
    }

    #[test]
    fn what_cannot_be_dialled_has_its_cause() {
        let endpoint = endpoint();
        let factory = endpoint.factory();
        for (destination, cause) in [
            ("internal", Cause::INVALID_URL),
            ("nope/1@127.0.0.1", Cause::INVALID_PROFILE),
            ("gateway/nope/1", Cause::INVALID_GATEWAY),
            ("internal/1000", Cause::USER_NOT_REGISTERED),
            ("internal/1000%example.org", Cause::USER_NOT_REGISTERED),
            ("internal/1000@127.0.0.1;transport=tls", Cause::DESTINATION_OUT_OF_ORDER),
            ("internal/1000@[::1]", Cause::NETWORK_OUT_OF_ORDER),
        ] {
            assert_eq!(dial(&*factory, "sofia", destination, &[]).err(), Some(cause), "{destination}");
        }
    }

    #[test]
    fn legs_know_their_name_media_and_variables() {
        let endpoint = endpoint();
        let prepared = leg(&*endpoint.factory(), "sofia", "example.ORG/2000@127.0.0.1:5070;a=b", &[]);
        assert_eq!(prepared.channel_name(), "sofia/internal/2000@127.0.0.1:5070");
        let media = prepared.media().unwrap();
        assert_eq!((media.bind, media.advertise), ([127, 0, 0, 1].into(), [127, 0, 0, 1].into()));
    }

    #[tokio::test]
    async fn a_name_without_address_fails_as_a_broken_transport() {
        let endpoint = endpoint();
        let (sink, mut events) = EventSink::new();
        let started = leg(&*endpoint.factory(), "sofia", "internal/2000@nosuch.invalid", &[]).start(None, sink);
        assert!(started.variables.iter().any(|(name, value)| name == "sip_to_uri" && value == "2000@nosuch.invalid"));
        let Some(CallEvent::Leg { event: LegEvent::Failed(failure), .. }) = events.recv().await else { panic!() };
        assert_eq!((failure.status, &*failure.phrase), (503, "Service Unavailable"));
        drop(started);
        endpoint.stop();
        assert_eq!(endpoint.legs(), 0);
    }
}
