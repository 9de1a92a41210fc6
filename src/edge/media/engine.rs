//! What the threads share: the mailboxes, the directory of ports, the range of ports, the prompts.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::call::leg::EventSink;
use crate::call::media::{MediaError, PortId};

use super::clock::Clock;
use super::pair::PairRange;
use super::port::Port;
use super::prompt::Loader;
use super::shared::{Handle, Shared};

/// Shared by all threads of the engine and the handles of ports.
pub(super) struct Engine {
    pub(super) clock: Clock,
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) loader: Loader,
    range: Arc<PairRange>,
    directory: Mutex<HashMap<u64, Arc<Shared>>>,
    last_id: AtomicU64,
    stopping: AtomicBool,
}

/// The way into a thread. Bounded by the number of ports: each has at most one notice and one move under way.
pub(super) struct Mailbox {
    letters: Mutex<Letters>,
    /// Readable when there are letters.
    pub(super) wake: OwnedFd,
    /// Ports that the thread has or is to get.
    load: AtomicUsize,
}

#[derive(Default)]
struct Letters {
    waiting: Vec<Letter>,
    /// The thread is gone.
    closed: bool,
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
            mailboxes: (0..threads).map(|_| Mailbox::new()).collect::<io::Result<_>>()?,
            loader,
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

    pub(super) fn notify(&self, thread: usize, id: u64) {
        self.send(thread, Letter::Notice(id));
    }

    pub(super) fn send(&self, thread: usize, letter: Letter) {
        if let Some(mailbox) = self.mailboxes.get(thread) {
            if matches!(letter, Letter::Adopt(_)) {
                mailbox.load.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(Letter::Adopt(port)) = mailbox.put(letter) {
                self.forget(port.shared.id);
                port.shared.close();
            }
        }
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
            mailbox.wake();
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
        Ok(Self { letters: Mutex::default(), wake, load: AtomicUsize::new(0) })
    }

    /// Takes all letters.
    pub(super) fn take(&self) -> Vec<Letter> {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        std::mem::take(&mut self.letters().waiting)
    }

    /// Takes all letters, and there will be no more.
    pub(super) fn close(&self) -> Vec<Letter> {
        let mut letters = self.letters();
        letters.closed = true;
        std::mem::take(&mut letters.waiting)
    }

    /// Gives the letter back when the thread is gone.
    fn put(&self, letter: Letter) -> Option<Letter> {
        let mut letters = self.letters();
        if letters.closed {
            return Some(letter);
        }
        letters.waiting.push(letter);
        let first = letters.waiting.len() == 1;
        drop(letters);
        if first {
            self.wake();
        }
        None
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // Fails only when a wake-up is pending already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}
