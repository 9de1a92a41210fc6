//! SIP: sockets, shards and legs around [`crate::engine::sip::Stack`].
//!
//! A shard is a thread with its own stack and its own socket on every address; calls belong to the shard that their
//! Call-ID names, and run on its thread. What arrives at another shard's socket is handed over in batches. TCP
//! connections live on the first shard's runtime.
//!
//! Not here yet: registrations, gateways, TLS, WebSocket, SRV and NAPTR, named access lists, session timers.

mod auth;
mod caller;
mod credentials;
mod destination;
mod events;
mod headers;
mod incoming;
mod invite;
mod leg;
mod listeners;
mod peek;
mod settings;
mod shard;
mod shared;
#[cfg(test)]
mod testing;
mod variables;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;

use super::CallStarter;
use crate::call::leg::LegFactory;
use crate::edge::net::{BoundTcp, BoundUdp, Connections, NetError, bind_shards};
use crate::engine::config::Directory;
use crate::engine::sip::{Counts, Stack, StackConfig, Transport};
use listeners::{Listener, Listeners};
use shard::Shard;
use shared::{Inbox, Outbox, Parts, Shared, TcpInbox, ToShard};

pub use settings::{ProfileSettings, Realm, SipSettings};

/// First number of TCP connections; listeners have the numbers below.
const FIRST_CONNECTION: u64 = 1 << 16;
/// Attempts to find a port that is free for UDP and TCP when the system is to choose.
const PORT_ATTEMPTS: usize = 20;

/// Why the endpoint cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SipStartError {
    /// An address cannot be bound.
    #[error(transparent)]
    Net(#[from] NetError),
    /// There is no profile, or none of them listens anywhere.
    #[error("no SIP profile listens anywhere")]
    NoListener,
    /// The system refuses a thread.
    #[error("cannot start a SIP thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// The SIP endpoint of a switch.
pub struct SipEndpoint {
    shared: Arc<Shared>,
    listening: Vec<(Transport, SocketAddr)>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// One address with its sockets.
struct Bound {
    listener: Listener,
    udp: Vec<BoundUdp>,
    tcp: BoundTcp,
}

impl SipEndpoint {
    /// Binds all addresses and starts the shards. Calls are handed to `starter`.
    pub fn start(
        settings: SipSettings,
        directory: Arc<ArcSwap<Directory>>,
        starter: Arc<dyn CallStarter>,
    ) -> Result<Arc<Self>, SipStartError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shards = if settings.shards == 0 { cores } else { settings.shards };
        let bound = bind_all(&settings, shards)?;
        let profiles = settings.profiles.iter().cloned().map(Arc::new).collect();
        let listeners = Listeners::new(bound.iter().map(|bound| bound.listener.clone()).collect(), profiles);
        let listening = bound
            .iter()
            .flat_map(|bound| [(Transport::Udp, bound.listener.bound), (Transport::Tcp, bound.tcp.local())])
            .collect();
        let (inboxes, outboxes): (Vec<Inbox>, Vec<Outbox>) = (0..shards).map(|_| Inbox::new()).unzip();
        let inboxes: Arc<[Inbox]> = inboxes.into();
        let tcp_inbox = TcpInbox { inboxes: Arc::clone(&inboxes), listeners: listeners.clone() };
        let connections = Connections::new(settings.tcp.clone(), FIRST_CONNECTION, tcp_inbox);
        let shared = Arc::new(Shared::new(Parts { settings, listeners, inboxes, connections, directory, starter }));

        let mut sockets: Vec<Vec<BoundUdp>> = (0..shards).map(|_| Vec::new()).collect();
        let mut tcp = Vec::new();
        for bound in bound {
            for (own, socket) in sockets.iter_mut().zip(bound.udp) {
                own.push(socket);
            }
            tcp.push(bound.tcp);
        }
        let mut threads = Vec::new();
        for (index, (sockets, outbox)) in sockets.into_iter().zip(outboxes).enumerate() {
            let shared = Arc::clone(&shared);
            let tcp = if index == 0 { std::mem::take(&mut tcp) } else { Vec::new() };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let config = StackConfig { max_legs: shared.settings.max_legs, ..shared.settings.stack.clone() };
            let seed = rand::random();
            let run = move || {
                runtime.block_on(async move {
                    for listener in tcp {
                        tokio::spawn(Arc::clone(&shared.connections).accept(listener));
                    }
                    let attached: Result<Vec<_>, _> = sockets.into_iter().map(BoundUdp::attach).collect();
                    match attached {
                        Ok(sockets) => {
                            Shard::new(index, shared, Stack::new(config, seed), sockets, outbox).run().await;
                        }
                        Err(error) => tracing::error!(%error, "a SIP socket cannot be used"),
                    }
                });
                // Calls that still run end with their runtime.
                drop(runtime);
            };
            threads.push(std::thread::Builder::new().name(format!("sip-{index}")).spawn(run)?);
        }
        Ok(Arc::new(Self { shared, listening, threads: Mutex::new(threads) }))
    }

    /// The endpoint `sofia` of dial strings.
    pub fn sofia(&self) -> Arc<dyn LegFactory> {
        Arc::new(leg::Sofia(Arc::clone(&self.shared)))
    }

    /// Where it listens, ports resolved.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// Legs that live.
    pub fn legs(&self) -> usize {
        self.shared.legs.load(Ordering::Relaxed)
    }

    /// TCP connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.len()
    }

    /// What the stacks hold, as of their last turn.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for counts in &self.shared.counts {
            let counts = *counts.lock().unwrap_or_else(PoisonError::into_inner);
            sum.client_transactions += counts.client_transactions;
            sum.server_transactions += counts.server_transactions;
            sum.legs += counts.legs;
            sum.dialogs += counts.dialogs;
            sum.events += counts.events;
            sum.sends += counts.sends;
        }
        sum
    }

    /// Refuses new calls with 503 from now on.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Ends all legs and the threads; returns when they are gone, after two seconds at most.
    pub fn stop(&self) {
        self.drain();
        for inbox in &*self.shared.inboxes {
            inbox.tell(ToShard::Stop);
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a SIP thread ended by a panic");
            }
        }
        self.shared.connections.close();
    }
}

fn bind_all(settings: &SipSettings, shards: usize) -> Result<Vec<Bound>, SipStartError> {
    let mut bound = Vec::new();
    let of_profiles = settings
        .profiles
        .iter()
        .enumerate()
        .flat_map(|(index, profile)| profile.listen.iter().map(move |address| (index, *address)));
    let wanted: Vec<(usize, SocketAddr)> = if settings.listen.is_empty() {
        of_profiles.collect()
    } else {
        let known: Vec<(usize, SocketAddr)> = of_profiles.collect();
        let profile =
            |address: &SocketAddr| known.iter().find(|(_, own)| own == address).map_or(0, |(index, _)| *index);
        settings.listen.iter().map(|address| (profile(address), *address)).collect()
    };
    for (profile, address) in wanted {
        let outside = settings.profiles.get(profile).and_then(|profile| profile.ext_sip_ip);
        match bind(address, shards) {
            Ok((udp, tcp)) => {
                let Some(local) = udp.first().map(BoundUdp::local) else { continue };
                bound.push(Bound { listener: Listener { bound: local, profile, outside }, udp, tcp });
            }
            // A machine without IPv6 still has its IPv4 listeners.
            Err(error) if address.is_ipv6() && address.ip().is_unspecified() && settings.listen.is_empty() => {
                tracing::warn!(%error, "no IPv6");
            }
            Err(error) => return Err(error.into()),
        }
    }
    if bound.is_empty() { Err(SipStartError::NoListener) } else { Ok(bound) }
}

/// UDP and TCP on one port.
fn bind(address: SocketAddr, shards: usize) -> Result<(Vec<BoundUdp>, BoundTcp), NetError> {
    let mut attempt = 0;
    loop {
        let udp = bind_shards(address, shards)?;
        let local = udp.first().map_or(address, BoundUdp::local);
        match BoundTcp::bind(local) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if address.port() == 0 && attempt < PORT_ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}
