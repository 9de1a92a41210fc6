//! What the shards of one endpoint share, and the queues into them.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::auth::Guard;
use super::credentials::Credential;
use super::gateway::Gateways;
use super::gateway_duties::Errand;
use super::invite::Plan;
use super::listeners::{Listeners, Route};
use super::peek;
use super::presence::{Change, Presence};
use super::registrar::Registrations;
use super::resolve::Candidate;
use super::settings::SipSettings;
use super::trace::Trace;
use crate::call::event::Subscription;
use crate::call::leg::{EventSink, LegCommand};
use crate::edge::beats::Beats;
use crate::edge::endpoint::CallStarter;
use crate::edge::net::{Connections, Peer, Routes, TcpSink};
use crate::engine::config::Directory;
use crate::engine::sip::presence::Waiting;
use crate::engine::sip::{CallIds, Counts, Flow, FlowId, FrameError, LegId, Transport, shard_of};

/// Batches of messages that wait in front of a shard; what comes on top is dropped (UDP) or waits (TCP).
const TRAFFIC: usize = 64;

/// A message and the way it took.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) flow: Flow,
    pub(super) bytes: Bytes,
}

/// Messages handed to a shard by another thread.
#[derive(Debug)]
pub(super) enum Traffic {
    /// Datagrams, or one message of a stream.
    Messages(Vec<Packet>),
    /// A stream that cannot be read on.
    Unreadable(Flow, FrameError),
}

/// A leg to be called.
pub(super) struct Dial {
    pub(super) leg: LegId,
    /// Index of its profile.
    pub(super) profile: usize,
    pub(super) plan: Plan,
    pub(super) offer: Option<Bytes>,
    pub(super) credential: Option<Credential>,
    /// Whose telephone it is (`presence_id`).
    pub(super) presence: Option<Arc<str>>,
    pub(super) sink: EventSink,
}

/// Everything a shard is told beside traffic. Each leg sends little, so the queue is bounded by the legs.
pub(super) enum ToShard {
    /// A call commands its leg.
    Leg(LegId, LegCommand),
    /// A call let go of its leg.
    Dropped(LegId),
    /// A new outbound leg.
    Dial(Box<Dial>),
    /// A host name was resolved, or not.
    Resolved(LegId, Vec<Candidate>),
    /// The proxy of a gateway was resolved for an errand, or not.
    Errand(Errand, Vec<Candidate>),
    /// The gateways are others now, for the first shard.
    Gateways,
    /// A TCP connection is gone.
    FlowClosed(FlowId),
    /// Nobody listens there, says ICMP.
    Refused(std::net::SocketAddr),
    /// Nothing can be sent there.
    Unreachable(std::net::SocketAddr),
    /// A user's calls or messages changed.
    Changed(Change),
    /// A mailbox has new counts.
    Waiting(Arc<str>, Waiting),
    /// Events of mailboxes, for the first shard.
    Listen(Subscription),
    /// End all legs, then the thread.
    Stop,
}

/// The way into one shard.
#[derive(Clone)]
pub(super) struct Inbox {
    pub(super) commands: mpsc::UnboundedSender<ToShard>,
    pub(super) traffic: mpsc::Sender<Traffic>,
}

/// The receiving ends of an [`Inbox`].
pub(super) struct Outbox {
    pub(super) commands: mpsc::UnboundedReceiver<ToShard>,
    pub(super) traffic: mpsc::Receiver<Traffic>,
}

impl Inbox {
    pub(super) fn new() -> (Self, Outbox) {
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (traffic, traffic_queue) = mpsc::channel(TRAFFIC);
        (Self { commands, traffic }, Outbox { commands: command_queue, traffic: traffic_queue })
    }

    pub(super) fn tell(&self, message: ToShard) {
        // A shard that is gone has ended its legs.
        let _ = self.commands.send(message);
    }
}

/// Hands what TCP connections bring to the shard that owns the call.
pub(super) struct TcpInbox {
    pub(super) inboxes: Arc<[Inbox]>,
    pub(super) listeners: Listeners,
}

impl TcpInbox {
    fn flow(&self, peer: Peer) -> Flow {
        let told = self.listeners.told_to(peer.local, peer.remote.ip());
        Flow { id: FlowId(peer.id), transport: Transport::Tcp, local: told, remote: peer.remote }
    }

    async fn hand(&self, call_id: &[u8], traffic: Traffic) {
        if let Some(inbox) = self.inboxes.get(shard_of(call_id, self.inboxes.len())) {
            let _ = inbox.traffic.send(traffic).await;
        }
    }
}

impl TcpSink for TcpInbox {
    async fn message(&self, peer: Peer, bytes: Bytes) {
        let packet = Packet { flow: self.flow(peer), bytes: bytes.clone() };
        self.hand(peek::call_id(&bytes).unwrap_or_default(), Traffic::Messages(vec![packet])).await;
    }

    async fn unreadable(&self, peer: Peer, error: FrameError) {
        let head = match &error {
            FrameError::BodyTooLarge { head, .. } | FrameError::ContentLength { head } => head.clone(),
            _ => Bytes::new(),
        };
        let call_id = peek::call_id(&head).unwrap_or_default();
        self.hand(call_id, Traffic::Unreadable(self.flow(peer), error)).await;
    }

    fn closed(&self, peer: Peer) {
        for inbox in &*self.inboxes {
            inbox.tell(ToShard::FlowClosed(FlowId(peer.id)));
        }
    }

    fn refused(&self, remote: std::net::SocketAddr) {
        for inbox in &*self.inboxes {
            inbox.tell(ToShard::Unreachable(remote));
        }
    }
}

/// Shared by all shards and by the handles outside.
pub(super) struct Shared {
    /// Of this endpoint among all in the process.
    pub(super) number: u64,
    pub(super) settings: SipSettings,
    pub(super) listeners: Listeners,
    pub(super) inboxes: Arc<[Inbox]>,
    pub(super) connections: Arc<Connections<TcpInbox>>,
    pub(super) directory: Arc<ArcSwap<Directory>>,
    pub(super) starter: Arc<dyn CallStarter>,
    pub(super) guard: Guard,
    pub(super) registrations: Arc<Registrations>,
    pub(super) gateways: Gateways,
    pub(super) presence: Presence,
    pub(super) trace: Trace,
    pub(super) beats: Beats,
    pub(super) legs: AtomicUsize,
    pub(super) draining: AtomicBool,
    /// What each stack held when its shard last went to sleep.
    pub(super) counts: Vec<Mutex<Counts>>,
    pub(super) call_ids: Vec<Mutex<CallIds>>,
    pub(super) routes: Mutex<RouteCache>,
    next_leg: AtomicU64,
    next_shard: AtomicUsize,
}

/// The parts of [`Shared`] that a start decides.
pub(super) struct Parts {
    pub(super) settings: SipSettings,
    pub(super) listeners: Listeners,
    pub(super) inboxes: Arc<[Inbox]>,
    pub(super) connections: Arc<Connections<TcpInbox>>,
    pub(super) directory: Arc<ArcSwap<Directory>>,
    pub(super) starter: Arc<dyn CallStarter>,
    pub(super) registrations: Arc<Registrations>,
}

static ENDPOINTS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// Endpoint and shard that this thread runs.
    static HERE: Cell<Option<(u64, usize)>> = const { Cell::new(None) };
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { settings, listeners, inboxes, connections, directory, starter, registrations } = parts;
        let shards = inboxes.len();
        Self {
            number: ENDPOINTS.fetch_add(1, Ordering::Relaxed),
            guard: Guard::new(&listeners.profiles()),
            gateways: Gateways::new(tokio::time::Instant::now().into_std(), &listeners.profiles()),
            presence: Presence::default(),
            beats: Beats::new(tokio::time::Instant::now().into_std(), shards),
            trace: Trace::new(listeners.profiles().len(), settings.traces.clone()),
            settings,
            listeners,
            inboxes,
            connections,
            directory,
            starter,
            registrations,
            legs: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            counts: (0..shards).map(|_| Mutex::default()).collect(),
            call_ids: (0..shards).map(|shard| Mutex::new(CallIds::new(rand::random(), shard, shards))).collect(),
            routes: Mutex::new(RouteCache(Routes::new())),
            next_leg: AtomicU64::new(1),
            next_shard: AtomicUsize::new(0),
        }
    }

    /// Marks the calling thread as the shard's own.
    pub(super) fn enter(&self, shard: usize) {
        HERE.set(Some((self.number, shard)));
    }

    /// The shard for a new outbound leg: the one that runs the calling thread, so that a call and its legs share a
    /// thread; else each in turn.
    pub(super) fn shard_for_dialling(&self) -> usize {
        match HERE.get() {
            Some((number, shard)) if number == self.number => shard,
            _ => self.next_shard.fetch_add(1, Ordering::Relaxed) % self.inboxes.len().max(1),
        }
    }

    pub(super) fn new_leg(&self) -> LegId {
        LegId(self.next_leg.fetch_add(1, Ordering::Relaxed))
    }

    /// A Call-ID that belongs to the shard.
    pub(super) fn new_call_id(&self, shard: usize) -> String {
        match self.call_ids.get(shard) {
            Some(ids) => ids.lock().unwrap_or_else(PoisonError::into_inner).next_id(),
            None => uuid::Uuid::new_v4().to_string(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.legs.load(Ordering::Relaxed) < self.settings.max_legs
    }
}

/// Our addresses towards peers, as the kernel routes.
pub(super) struct RouteCache(pub(super) Routes);

impl Route for RouteCache {
    fn local_towards(&mut self, bound: IpAddr, peer: IpAddr) -> IpAddr {
        self.0.local_towards(tokio::time::Instant::now(), bound, peer)
    }
}
