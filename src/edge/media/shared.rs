//! What a port and its call have in common: the way in for commands, the counters.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::call::leg::EventSink;
use crate::call::media::{MediaCommand, MediaEvent, MediaPort, MediaStats, PlayEnd, PlayId, PortId, RecordEnd};

use super::engine::{Engine, Urgency};
use super::feed::Feed;
use super::port::Port;
use super::prompt::{Prompt, PromptError};

/// Commands that may wait: more than any call has reason to give between two turns of a thread.
const MAX_ORDERS: usize = 256;
/// No other port.
const NOBODY: u64 = 0;

/// The part of a port that its call and other threads see.
pub(super) struct Shared {
    /// From 1 on.
    pub(super) id: u64,
    pub(super) sink: EventSink,
    /// Thread that owns the port, or that it is on its way to.
    pub(super) thread: AtomicUsize,
    inbox: Mutex<Inbox>,
    /// The port itself, until its thread takes it: one that never sees a packet and plays nothing costs no wake-up.
    waiting: Mutex<Option<Waiting>>,
    /// Whether the thread was told of the inbox and did not look yet.
    noted: AtomicBool,
    /// The port it is to be joined with. A join holds while each of the two names the other: whatever the order in which
    /// two threads hear of it, they agree in the end.
    partner: AtomicU64,
    /// Who mixes what is heard here, and whether anybody does.
    listeners: Mutex<Vec<Weak<Feed>>>,
    listened: AtomicBool,
    counters: Counters,
}

/// Figures of [`MediaStats`], written by the owning thread only.
#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    sent: AtomicU64,
    lost: AtomicU64,
    foreign: AtomicU64,
    jitter: AtomicU32,
    remote_loss: AtomicU32,
}

/// A port that no thread has yet.
struct Waiting {
    port: Box<Port>,
    /// Its packets wake the thread.
    watched: bool,
}

impl Waiting {
    fn watch(&mut self, engine: &Engine, thread: usize) {
        if self.watched {
            return;
        }
        match engine.watch(thread, &self.port) {
            Ok(()) => self.watched = true,
            Err(error) => tracing::error!(%error, "a media port cannot be watched"),
        }
    }
}

#[derive(Debug, Default)]
struct Inbox {
    orders: VecDeque<Order>,
    /// The call dropped its handle.
    dropped: bool,
    /// Nobody will look any more.
    closed: bool,
}

/// What a port is told.
#[derive(Debug)]
pub(super) enum Order {
    /// By its call.
    Command(MediaCommand),
    /// By a loader.
    Loaded(PlayId, Result<Prompt, PromptError>),
}

impl Shared {
    pub(super) fn new(id: u64, thread: usize, sink: EventSink) -> Self {
        Self {
            id,
            sink,
            thread: AtomicUsize::new(thread),
            inbox: Mutex::default(),
            waiting: Mutex::default(),
            noted: AtomicBool::new(false),
            partner: AtomicU64::new(NOBODY),
            listeners: Mutex::default(),
            listened: AtomicBool::new(false),
            counters: Counters::default(),
        }
    }

    /// Somebody is to be fed with what is heard here, as long as the feed lives.
    pub(super) fn listen(&self, feed: &Arc<Feed>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|known| known.strong_count() > 0);
        listeners.push(Arc::downgrade(feed));
        self.listened.store(true, Ordering::Release);
    }

    /// Whether anybody is fed.
    pub(super) fn is_listened_to(&self) -> bool {
        self.listened.load(Ordering::Acquire)
    }

    /// Feeds all who listen.
    pub(super) fn feed(&self, with: impl Fn(&Feed)) {
        if !self.is_listened_to() {
            return;
        }
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|feed| feed.upgrade().map(|feed| with(&feed)).is_some());
        if listeners.is_empty() {
            self.listened.store(false, Ordering::Release);
        }
    }

    /// Tells the call.
    pub(super) fn tell(&self, event: MediaEvent) {
        self.sink.media(event);
    }

    /// Adds an order. One that cannot be taken is answered for here.
    pub(super) fn post(self: &Arc<Self>, order: Order, engine: &Engine) {
        let urgency = self.urgency(&order);
        let refused = self.with_inbox(|inbox| {
            let full = inbox.orders.len() >= MAX_ORDERS && matches!(order, Order::Command(_));
            if inbox.closed || full {
                return Some(order);
            }
            inbox.orders.push_back(order);
            None
        });
        match refused {
            Some(order) => self.refuse(order),
            None => self.notify(engine, urgency),
        }
    }

    /// A stream that begins has nothing to send: its first packet wakes the thread.
    fn urgency(&self, order: &Order) -> Urgency {
        match order {
            Order::Command(MediaCommand::Setup(_)) if self.waiting().is_some() => Urgency::Quiet,
            Order::Command(MediaCommand::Mute(_)) => Urgency::Quiet,
            _ => Urgency::Now,
        }
    }

    /// Has the owner look at the inbox and at the partner.
    pub(super) fn notify(&self, engine: &Engine, urgency: Urgency) {
        let thread = self.thread.load(Ordering::Acquire);
        if !self.noted.swap(true, Ordering::AcqRel) {
            self.watch(engine, thread);
            engine.notify(thread, self.id, urgency);
        } else if urgency == Urgency::Now {
            engine.urge(thread);
        }
    }

    /// From its first order on the packets of a port wake its thread.
    fn watch(&self, engine: &Engine, thread: usize) {
        if let Some(waiting) = self.waiting().as_mut() {
            waiting.watch(engine, thread);
        }
    }

    /// Keeps the port until it is needed.
    pub(super) fn keep_waiting(&self, port: Box<Port>) {
        *self.waiting() = Some(Waiting { port, watched: false });
    }

    /// The port for its thread, when it does not have it yet.
    pub(super) fn take_watched(&self, engine: &Engine) -> Option<Box<Port>> {
        let mut waiting = self.waiting().take()?;
        waiting.watch(engine, self.thread.load(Ordering::Acquire));
        Some(waiting.port)
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders that came, and whether the port is to be closed.
    pub(super) fn take_orders(&self) -> (VecDeque<Order>, bool) {
        self.noted.store(false, Ordering::Release);
        self.with_inbox(|inbox| (std::mem::take(&mut inbox.orders), inbox.dropped))
    }

    /// Takes no orders any more and answers for those that wait.
    pub(super) fn close(&self) {
        let orders = self.with_inbox(|inbox| {
            inbox.closed = true;
            std::mem::take(&mut inbox.orders)
        });
        for order in orders {
            self.refuse(order);
        }
    }

    /// The port it is to be joined with.
    pub(super) fn partner(&self) -> Option<u64> {
        Some(self.partner.load(Ordering::Acquire)).filter(|id| *id != NOBODY)
    }

    /// Every playback and every recording ends with an event, even one that never began.
    fn refuse(&self, order: Order) {
        let why = || "the media port takes no more commands".to_owned();
        match order {
            Order::Command(MediaCommand::Play { id, .. }) => {
                self.tell(MediaEvent::PlayEnded { id, end: PlayEnd::Failed(why()), played_ms: 0 });
            }
            Order::Command(MediaCommand::Displace { id, .. }) => {
                self.tell(MediaEvent::PlayEnded { id, end: PlayEnd::Failed(why()), played_ms: 0 });
            }
            Order::Command(MediaCommand::Record { id, .. }) => {
                self.tell(MediaEvent::RecordEnded { id, end: RecordEnd::Failed(why()), ms: 0, octets: 0 });
            }
            order => tracing::debug!(port = self.id, ?order, "a media command came too late, or too many came"),
        }
    }

    fn with_inbox<T>(&self, action: impl FnOnce(&mut Inbox) -> T) -> T {
        action(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note_received(&self, received: u64, lost: u64, jitter: u32) {
        self.counters.received.store(received, Ordering::Relaxed);
        self.counters.lost.store(lost, Ordering::Relaxed);
        self.counters.jitter.store(jitter, Ordering::Relaxed);
    }

    pub(super) fn note_sent(&self, sent: u64) {
        self.counters.sent.store(sent, Ordering::Relaxed);
    }

    pub(super) fn note_foreign(&self) {
        self.counters.foreign.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_remote_loss(&self, loss: u8) {
        self.counters.remote_loss.store(loss.into(), Ordering::Relaxed);
    }

    fn stats(&self) -> MediaStats {
        let counters = &self.counters;
        MediaStats {
            received: counters.received.load(Ordering::Relaxed),
            sent: counters.sent.load(Ordering::Relaxed),
            lost: counters.lost.load(Ordering::Relaxed),
            foreign: counters.foreign.load(Ordering::Relaxed),
            jitter: counters.jitter.load(Ordering::Relaxed),
            remote_loss: counters.remote_loss.load(Ordering::Relaxed) as u8,
        }
    }
}

/// A port in the hands of its call.
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) engine: Arc<Engine>,
    pub(super) local: SocketAddr,
}

impl Handle {
    fn join(&self, with: u64) {
        let Some(other) = self.engine.find(with).filter(|other| other.id != self.shared.id) else { return };
        if self.shared.partner() == Some(other.id) && other.partner() == Some(self.shared.id) {
            return;
        }
        self.part();
        let former = other.partner.swap(self.shared.id, Ordering::AcqRel);
        self.shared.partner.store(other.id, Ordering::Release);
        if former != NOBODY
            && former != self.shared.id
            && let Some(former) = self.engine.find(former)
        {
            former.leave(other.id);
            former.notify(&self.engine, Urgency::Quiet);
        }
    }

    fn part(&self) {
        let former = self.shared.partner.swap(NOBODY, Ordering::AcqRel);
        if let Some(former) = self.engine.find(former) {
            former.leave(self.shared.id);
            former.notify(&self.engine, Urgency::Quiet);
        }
    }
}

impl Shared {
    /// Gives up a partner, unless it found another meanwhile.
    fn leave(&self, partner: u64) {
        let _ = self.partner.compare_exchange(partner, NOBODY, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl MediaPort for Handle {
    fn id(&self) -> PortId {
        PortId(self.shared.id)
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn command(&self, command: MediaCommand) {
        match command {
            MediaCommand::Join { with } => self.join(with.0),
            MediaCommand::Part => self.part(),
            command => return self.shared.post(Order::Command(command), &self.engine),
        }
        // Packets wake the thread; without any there is nothing to join or to part.
        self.shared.notify(&self.engine, Urgency::Quiet);
    }

    fn stats(&self) -> MediaStats {
        self.shared.stats()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.part();
        let waiting = self.shared.waiting().take();
        if let Some(waiting) = waiting {
            // No thread ever had it. Closing its sockets ends their watch.
            if waiting.watched {
                self.engine.unload(self.shared.thread.load(Ordering::Acquire));
            }
            self.engine.forget(self.shared.id);
            self.shared.close();
            return;
        }
        self.shared.with_inbox(|inbox| inbox.dropped = true);
        self.shared.notify(&self.engine, Urgency::Quiet);
    }
}
