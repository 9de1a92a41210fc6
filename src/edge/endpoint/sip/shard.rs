//! One thread of the endpoint: a stack, its sockets and its clock.
//!
//! The loop sleeps until a socket is readable, a queue has something, or the stack's deadline is there; it takes in a
//! bounded batch and drains what the stack says. Call tasks run on the same runtime between two turns of the loop.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::calls::Entry;
use super::gateway_duties::Account;
use super::listeners::Route as _;
use super::peek;
use super::pressure::Pressure;
use super::resolve::{Resolver, Rules};
use super::shared::{Outbox, Packet, RouteCache, Shared, ToShard, Traffic};
use super::trace::{Seen, Way};
use crate::edge::net::{Dns, MAX_DATAGRAM, Routes, UdpPort};
use crate::engine::sip::presence::Watchers;
use crate::engine::sip::registrar::Binding;
use crate::engine::sip::{Flow, FlowId, LegId, Stack, Target, Transmit, Transport, shard_of};

/// Datagrams or commands taken in one turn.
const BATCH: usize = 64;
/// Time between chores.
const CHORES: Duration = Duration::from_secs(1);
/// Time for the last messages of connections at the end.
const LINGER: Duration = Duration::from_millis(200);

/// A shard, on its own thread.
pub(super) struct Shard {
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) stack: Stack,
    pub(super) legs: HashMap<LegId, Entry>,
    pub(super) routes: RouteCache,
    /// One per listener.
    ports: Vec<UdpPort>,
    buffer: Vec<u8>,
    stopping: bool,
    /// When the chores are due.
    chores: Instant,
    /// One per gateway, on the first shard.
    pub(super) accounts: HashMap<u64, Account>,
    dns: Arc<Dns>,
    /// Counts the chores.
    pub(super) second: u64,
    /// Who watches users, by Call-IDs of this shard.
    pub(super) watchers: Watchers,
    /// Number of the last OPTIONS whose answer matters.
    pub(super) last_ping: u32,
    /// Telephones that have an OPTIONS of ours, by its number, and what is to be done if they do not answer.
    pub(super) pinged: HashMap<u64, Arc<Binding>>,
    /// Whether it keeps up.
    pub(super) pressure: Pressure,
}

/// What woke the loop.
enum Woken {
    Commands,
    Traffic(Traffic),
    Port(usize),
    Deadline,
}

impl Shard {
    /// Ready to run; `ports` stand in the order of the listeners.
    pub(super) fn new(index: usize, shared: Arc<Shared>, ports: Vec<UdpPort>) -> Self {
        let dns = Arc::new(Dns::new(&shared.settings.name_servers));
        let stack = Stack::new(shared.settings.stack.clone(), rand::random());
        Self {
            index,
            shared,
            stack,
            legs: HashMap::new(),
            routes: RouteCache(Routes::new()),
            ports,
            buffer: vec![0; MAX_DATAGRAM],
            stopping: false,
            chores: now(),
            accounts: HashMap::new(),
            dns,
            second: 0,
            watchers: Watchers::default(),
            last_ping: 0,
            pinged: HashMap::new(),
            pressure: Pressure::default(),
        }
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self, mut queues: Outbox) {
        self.shared.enter(self.index);
        let listening: Vec<AbortHandle> = self.ports.iter().map(|port| self.hear_errors(port)).collect();
        let mut commands = Vec::with_capacity(BATCH);
        while !self.stopping {
            let woken = self.sleep(&mut queues, &mut commands).await;
            let now = now();
            self.shared.beats.beat(self.index, now);
            let full = match woken {
                Woken::Commands => {
                    let full = commands.len() == BATCH;
                    commands.drain(..).for_each(|command| self.obey(now, command));
                    full
                }
                Woken::Traffic(traffic) => self.receive(now, traffic),
                Woken::Port(port) => self.read(now, port),
                Woken::Deadline => {
                    self.stack.on_timer(now);
                    false
                }
            };
            let full = {
                if self.chores <= now {
                    self.chores = now + CHORES;
                    self.do_chores(now);
                }
                full
            };
            self.settle(now);
            if full {
                // More is waiting: the calls get their turn first.
                tokio::task::yield_now().await;
            }
        }
        listening.iter().for_each(AbortHandle::abort);
        self.shared.connections.close();
        let written = async {
            while !self.shared.connections.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = timeout(LINGER, written).await;
    }

    /// Passes on what ICMP says of a port's datagrams. The kernel may tell it to the socket of another shard than the one
    /// that has sent: all are told.
    fn hear_errors(&self, port: &UdpPort) -> AbortHandle {
        let (errors, shared) = (port.errors(), Arc::clone(&self.shared));
        let task = tokio::spawn(async move {
            while let Ok(destination) = errors.next().await {
                tracing::debug!(%destination, "unreachable");
                shared.inboxes.iter().for_each(|inbox| inbox.tell(ToShard::Refused(destination)));
            }
        });
        task.abort_handle()
    }

    async fn sleep(&self, queues: &mut Outbox, commands: &mut Vec<ToShard>) -> Woken {
        let Outbox { commands: queue, traffic } = queues;
        let deadline = self.stack.next_deadline().map_or(self.chores, |due| due.min(self.chores));
        let due = tokio::time::sleep_until(tokio::time::Instant::from_std(deadline));
        tokio::select! {
            _ = queue.recv_many(commands, BATCH) => Woken::Commands,
            traffic = next(traffic) => Woken::Traffic(traffic),
            port = readable(&self.ports) => Woken::Port(port),
            () = due => Woken::Deadline,
        }
    }

    /// What is done once a second.
    fn do_chores(&mut self, now: Instant) {
        self.watchers.expire(now);
        self.notify(now);
        // The first shard does the rest for all.
        if self.index == 0 {
            self.shared.registrations.sweep();
            self.shared.guard.forget(now);
            self.tend_gateways(now);
            self.keep_ways_open(now);
        }
    }

    /// Sends and tells all that the stack has, until it has nothing more.
    fn settle(&mut self, now: Instant) {
        loop {
            if let Some(transmit) = self.stack.poll_send() {
                self.transmit(now, transmit);
            } else if let Some(event) = self.stack.poll_event() {
                self.happened(now, event);
            } else {
                break;
            }
        }
        if let Some(counts) = self.shared.counts.get(self.index) {
            *counts.lock().unwrap_or_else(PoisonError::into_inner) = self.stack.counts();
        }
    }

    fn transmit(&mut self, now: Instant, transmit: Transmit) {
        let Transmit { transport, destination, flow, local, bytes } = transmit;
        let seen = Seen { way: Way::Out, transport, local, remote: destination, bytes: &bytes };
        self.shared.trace.seen(seen, &self.shared.listeners);
        let sent = match transport {
            Transport::Udp => {
                let port = self.shared.listeners.speaking_as(local).and_then(|index| self.ports.get(index));
                port.is_some_and(|port| {
                    port.send(destination, &bytes)
                        .inspect_err(|error| tracing::debug!(%error, %destination, "UDP send"))
                        .is_ok()
                })
            }
            Transport::Tcp => {
                let id = flow.map(|FlowId(id)| id);
                self.shared
                    .connections
                    .send(id, local, destination, bytes)
                    .inspect_err(|error| tracing::debug!(%error, %destination, "TCP send"))
                    .is_ok()
            }
        };
        if !sent {
            self.stack.on_send_failed(now, destination);
        }
    }

    /// Takes in a batch of datagrams; those of other shards are handed on. True when more may wait.
    fn read(&mut self, now: Instant, index: usize) -> bool {
        let Self { ports, buffer, .. } = self;
        let Some(port) = ports.get(index) else { return false };
        let mut batch: Vec<(SocketAddr, Bytes)> = Vec::new();
        let count = port.drain(buffer, BATCH, |from, bytes| {
            if !peek::is_keep_alive(bytes) {
                batch.push((from, Bytes::copy_from_slice(bytes)));
            }
        });
        self.pressure.read(now, index, count == BATCH);
        let shards = self.shared.inboxes.len();
        let mut foreign: Vec<Vec<Packet>> = Vec::new();
        for (remote, bytes) in batch {
            if self.shared.guard.is_banned(now, remote.ip()) {
                continue;
            }
            let Some(local) = self.shared.listeners.seen_by(index, remote.ip(), &mut self.routes) else { continue };
            let flow = Flow { id: FlowId(index as u64), transport: Transport::Udp, local, remote };
            match peek::call_id(&bytes).map(|id| shard_of(id, shards)) {
                Some(owner) if owner != self.index => {
                    foreign.resize_with(shards, Vec::new);
                    if let Some(packets) = foreign.get_mut(owner) {
                        packets.push(Packet { flow, bytes });
                    }
                }
                _ => self.take_in(now, flow, bytes),
            }
        }
        for (inbox, packets) in self.shared.inboxes.iter().zip(foreign) {
            let dropped = packets.len();
            if dropped > 0 && inbox.traffic.try_send(Traffic::Messages(packets)).is_err() {
                tracing::warn!(dropped, "a shard is too busy for its datagrams");
            }
        }
        count == BATCH
    }

    /// A message of this shard.
    fn take_in(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        let Flow { transport, local, remote, .. } = flow;
        let seen = Seen { way: Way::In, transport, local, remote, bytes: &bytes };
        self.shared.trace.seen(seen, &self.shared.listeners);
        self.stack.on_datagram(now, flow, bytes);
    }

    /// Takes in what another thread read. Always worth a turn of the calls.
    fn receive(&mut self, now: Instant, traffic: Traffic) -> bool {
        match traffic {
            Traffic::Messages(packets) => {
                for packet in packets {
                    let ip = packet.flow.remote.ip();
                    if packet.flow.transport == Transport::Tcp && self.shared.guard.is_banned(now, ip) {
                        continue;
                    }
                    self.take_in(now, packet.flow, packet.bytes);
                }
            }
            Traffic::Unreadable(flow, error) => self.stack.on_frame_error(now, flow, &error),
        }
        true
    }

    fn obey(&mut self, now: Instant, command: ToShard) {
        match command {
            ToShard::Leg(leg, command) => self.commanded(now, leg, command),
            ToShard::Dropped(leg) => self.dropped(now, leg),
            ToShard::Dial(dial) => self.dial(now, *dial),
            ToShard::Resolved(leg, candidates) => self.resolved(now, leg, candidates),
            ToShard::Errand(errand, candidates) => self.errand_resolved(now, errand, &candidates),
            ToShard::Changed(change) => self.changed(now, &change),
            ToShard::Waiting(subject, waiting) => self.waiting(&subject, waiting),
            ToShard::Listen(events) => self.listen(events),
            ToShard::Gateways => self.tend_gateways(now),
            ToShard::FlowClosed(flow) => self.stack.on_flow_closed(now, flow),
            ToShard::Refused(destination) => self.stack.on_refused(now, destination),
            ToShard::Unreachable(destination) => self.stack.on_send_failed(now, destination),
            ToShard::Stop => {
                self.stopping = true;
                self.leave_gateways(now);
                let legs: Vec<LegId> = self.legs.keys().copied().collect();
                for leg in legs {
                    self.dropped(now, leg);
                }
            }
        }
    }

    /// How the names of a profile's next hops are resolved.
    pub(super) fn resolver(&self, profile: usize) -> Resolver {
        let listeners = &self.shared.listeners;
        let settings = listeners.profile(profile);
        let rules = Rules {
            ipv4: listeners.has_family(profile, true),
            ipv6: listeners.has_family(profile, false),
            naptr: settings.as_ref().is_none_or(|profile| !profile.disable_naptr),
            srv: settings.as_ref().is_none_or(|profile| !profile.disable_srv),
        };
        Resolver { dns: Arc::clone(&self.dns), rules, patience: self.shared.settings.resolve }
    }

    /// The next hop at this address, spoken to by a listener of the profile.
    pub(super) fn aim(&mut self, profile: usize, transport: Transport, ip: IpAddr, port: u16) -> Option<Target> {
        let local = self.shared.listeners.towards(profile, ip, &mut self.routes)?;
        Some(Target { transport, destination: SocketAddr::new(ip, port), local, flow: None })
    }

    /// Whether a host of a URI is ours: an address of this machine, or a domain of the directory.
    pub(super) fn is_own_host(shared: &Shared, routes: &mut RouteCache, host: &str) -> bool {
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(ip) => shared.listeners.is_own(ip, routes),
            Err(_) => shared.directory.load().domains().any(|domain| domain.eq_ignore_ascii_case(host)),
        }
    }

    /// Whether a message came from one of our own listeners.
    pub(super) fn is_own_flow(&mut self, flow: &Flow) -> bool {
        flow.transport == Transport::Udp && self.shared.listeners.is_listener(flow.remote, &mut self.routes)
    }

    /// Our address towards a peer that spoke to `local`, before any address for the outside.
    pub(super) fn route_of(&mut self, local: SocketAddr, peer: IpAddr) -> IpAddr {
        let listeners = &self.shared.listeners;
        let bound = listeners.speaking_as(local).and_then(|index| listeners.all().get(index));
        bound.map_or(local.ip(), |listener| self.routes.local_towards(listener.bound.ip(), peer))
    }
}

/// The clock of the stack.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn next(queue: &mut mpsc::Receiver<Traffic>) -> Traffic {
    match queue.recv().await {
        Some(traffic) => traffic,
        // The endpoint keeps a sender as long as the shard runs.
        None => std::future::pending().await,
    }
}

/// The first port that has something to read.
async fn readable(ports: &[UdpPort]) -> usize {
    poll_fn(|context| {
        let ready = |port: &UdpPort| port.poll_readable(context).is_ready();
        ports.iter().position(ready).map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
