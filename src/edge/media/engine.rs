//! What the threads share: the mailboxes, the directory of ports, the range of ports, the prompts.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, epoll, eventfd};

use crate::call::leg::EventSink;
use crate::call::media::{MediaError, PortId};
use crate::edge::beats::Beats;

use super::clock::Clock;
use super::pair::PairRange;
use super::port::Port;
use super::prompt::Loader;
use super::recorder::Recorder;
use super::shared::{Handle, Shared};

/// Shared by all threads of the engine and the handles of ports.
pub(super) struct Engine {
    pub(super) clock: Clock,
    pub(super) mailboxes: Vec<Mailbox>,
    /// When the threads came round.
    pub(super) beats: Beats,
    pub(super) loader: Loader,
    pub(super) recorder: Arc<Recorder>,
    range: Arc<PairRange>,
    directory: Mutex<HashMap<u64, Arc<Shared>>>,
    last_id: AtomicU64,
    stopping: AtomicBool,
}

/// Letters that may wait without waking the thread.
const MOST_QUIET: usize = 64;
/// Token of the mailbox among the sockets, which have those of their ports.
pub(super) const MAILBOX: u64 = u64::MAX;

/// The way into a thread. Bounded by the number of ports: each has at most one notice and one move under way.
///
/// A wake-up costs more than most of what a thread is told. A *quiet* letter waits until something else wakes the thread:
/// a packet of any of its ports, a time, at the latest [`super::worker::LONGEST_SLEEP`]. Letters are read before packets,
/// so nobody sees the difference.
pub(super) struct Mailbox {
    letters: Mutex<Letters>,
    /// What the thread waits on: the mailbox and the sockets of its ports.
    pub(super) epoll: OwnedFd,
    /// Readable when the letters are not to wait.
    wake: OwnedFd,
    /// Ports that the thread has or is to get.
    load: AtomicUsize,
}

#[derive(Default)]
struct Letters {
    waiting: Vec<Letter>,
    /// The thread was woken and did not look yet.
    woken: bool,
    /// The thread is gone.
    closed: bool,
}

/// Whether a thread is woken for a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// It is.
    Now,
    /// It reads the letter when it next runs.
    Quiet,
}

/// What a thread is told.
pub(super) enum Letter {
    /// A port is the thread's now.
    Adopt(Box<Port>),
    /// Something changed for a port.
    Notice(u64),
}

impl Engine {
    pub(super) fn new(threads: usize, range: PairRange, loader: Loader, clock: Clock) -> io::Result<Self> {
        Ok(Self {
            clock,
            beats: Beats::new(clock.instant(clock.now()), threads),
            mailboxes: (0..threads).map(|_| Mailbox::new()).collect::<io::Result<_>>()?,
            loader,
            recorder: Arc::default(),
            range: Arc::new(range),
            directory: Mutex::default(),
            last_id: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// Opens a port on the thread of another, or on the one with the fewest.
    pub(super) fn open(
        self: &Arc<Self>,
        bind: IpAddr,
        near: Option<PortId>,
        sink: EventSink,
    ) -> Result<Handle, MediaError> {
        if self.is_stopping() {
            return Err(MediaError::Stopping);
        }
        let pair = self.range.bind(bind)?;
        let local = pair.local;
        let near = near.and_then(|near| self.find(near.0)).map(|near| near.thread.load(Ordering::Acquire));
        let thread = near.unwrap_or_else(|| self.least_loaded());
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let shared = Arc::new(Shared::new(id, thread, sink));
        self.directory().insert(id, Arc::clone(&shared));
        shared.keep_waiting(Box::new(Port::new(Arc::clone(&shared), pair, self.clock.now())));
        Ok(Handle { shared, engine: Arc::clone(self), local })
    }

    pub(super) fn open_ports(&self) -> usize {
        self.range.open()
    }

    pub(super) fn find(&self, id: u64) -> Option<Arc<Shared>> {
        self.directory().get(&id).cloned()
    }

    /// Takes a port out of the directory.
    pub(super) fn forget(&self, id: u64) {
        self.directory().remove(&id);
    }

    /// Has a thread look at a port.
    pub(super) fn notify(&self, thread: usize, id: u64, urgency: Urgency) {
        if let Some(mailbox) = self.mailboxes.get(thread) {
            mailbox.put(Letter::Notice(id), urgency);
        }
    }

    /// A thread that has a letter already is not to leave it lying.
    pub(super) fn urge(&self, thread: usize) {
        if let Some(mailbox) = self.mailboxes.get(thread) {
            mailbox.letters().wake(mailbox);
        }
    }

    /// Gives a port to a thread.
    pub(super) fn hand_to(&self, thread: usize, port: Box<Port>) {
        let Some(mailbox) = self.mailboxes.get(thread) else { return };
        mailbox.load.fetch_add(1, Ordering::Relaxed);
        if let Some(Letter::Adopt(port)) = mailbox.put(Letter::Adopt(port), Urgency::Now) {
            self.forget(port.shared.id);
            port.shared.close();
        }
    }

    /// Has a thread woken by the packets of a port that it does not have yet.
    pub(super) fn watch(&self, thread: usize, port: &Port) -> io::Result<()> {
        let Some(mailbox) = self.mailboxes.get(thread) else { return Ok(()) };
        mailbox.watch(port)?;
        mailbox.load.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A port left a thread.
    pub(super) fn unload(&self, thread: usize) {
        if let Some(mailbox) = self.mailboxes.get(thread) {
            mailbox.load.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Has all threads end.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.loader.end();
        for mailbox in &self.mailboxes {
            mailbox.letters().wake(mailbox);
        }
    }

    fn least_loaded(&self) -> usize {
        let loads = self.mailboxes.iter().map(|mailbox| mailbox.load.load(Ordering::Relaxed));
        loads.enumerate().min_by_key(|(_, load)| *load).map_or(0, |(thread, _)| thread)
    }

    fn directory(&self) -> MutexGuard<'_, HashMap<u64, Arc<Shared>>> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(MAILBOX), epoll::EventFlags::IN)?;
        Ok(Self { letters: Mutex::default(), epoll, wake, load: AtomicUsize::new(0) })
    }

    /// Has the thread woken by the packets of a port.
    pub(super) fn watch(&self, port: &Port) -> io::Result<()> {
        let token = |rtcp: u64| epoll::EventData::new_u64(port.shared.id * 2 + rtcp);
        epoll::add(&self.epoll, &port.pair.rtp, token(0), epoll::EventFlags::IN)?;
        if let Some(rtcp) = port.pair.rtcp() {
            epoll::add(&self.epoll, rtcp, token(1), epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    /// Opens the RTCP of a port that carries audio, and has its packets wake the thread.
    pub(super) fn open_rtcp(&self, port: &mut Port) -> io::Result<()> {
        let id = port.shared.id;
        let Some(rtcp) = port.pair.open_rtcp() else { return Ok(()) };
        Ok(epoll::add(&self.epoll, rtcp, epoll::EventData::new_u64(id * 2 + 1), epoll::EventFlags::IN)?)
    }

    /// Whether the audio of a port wakes the thread.
    pub(super) fn set_waking(&self, port: &Port, waking: bool) -> io::Result<()> {
        let flags = if waking { epoll::EventFlags::IN } else { epoll::EventFlags::empty() };
        Ok(epoll::modify(&self.epoll, &port.pair.rtp, epoll::EventData::new_u64(port.shared.id * 2), flags)?)
    }

    /// Takes all letters.
    pub(super) fn take(&self) -> Vec<Letter> {
        let mut letters = self.letters();
        if std::mem::take(&mut letters.woken) {
            let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        }
        std::mem::take(&mut letters.waiting)
    }

    /// Takes all letters, and there will be no more.
    pub(super) fn close(&self) -> Vec<Letter> {
        let mut letters = self.letters();
        letters.closed = true;
        std::mem::take(&mut letters.waiting)
    }

    /// Gives the letter back when the thread is gone.
    fn put(&self, letter: Letter, urgency: Urgency) -> Option<Letter> {
        let mut letters = self.letters();
        if letters.closed {
            return Some(letter);
        }
        letters.waiting.push(letter);
        if urgency == Urgency::Now || letters.waiting.len() > MOST_QUIET {
            letters.wake(self);
        }
        None
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Letters {
    fn wake(&mut self, mailbox: &Mailbox) {
        if !std::mem::replace(&mut self.woken, true) {
            // Fails only when a wake-up is pending already.
            let _ = rustix::io::write(&mailbox.wake, &1_u64.to_ne_bytes());
        }
    }
}
