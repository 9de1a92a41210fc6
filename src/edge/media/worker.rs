//! A media thread: waits for packets, letters and times, and does what they ask for.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::clock::{MS, Micros};
use super::engine::{Engine, Letter, MAILBOX, Mailbox, Urgency};
use super::port::{Kind, Port};
use crate::engine::audio::Lane;

/// Bytes of the receive buffer: more than any packet that does not fragment.
const BUFFER: usize = 2048;
/// Sockets that are looked at in one turn.
const EVENTS: usize = 256;
/// Datagrams of one port that are read at one of its frames; the usual number is one.
const MOST_DRAINED: usize = 16;
/// After this time at the latest a thread reads its letters.
pub(super) const LONGEST_SLEEP: Micros = 1000 * MS;

/// The state of a thread.
pub(super) struct Worker {
    engine: Arc<Engine>,
    index: usize,
    slots: Vec<Option<Box<Port>>>,
    free: Vec<usize>,
    by_id: HashMap<u64, usize>,
    /// Time, slot and port. An entry that is not the port's `armed` any more is passed over.
    times: BinaryHeap<Reverse<(Micros, usize, u64)>>,
    scratch: Vec<u8>,
    /// Read once per turn.
    now: Micros,
}

impl Worker {
    pub(super) fn new(engine: Arc<Engine>, index: usize) -> Self {
        let now = engine.clock.now();
        Self {
            engine,
            index,
            slots: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            times: BinaryHeap::new(),
            scratch: Vec::with_capacity(BUFFER),
            now,
        }
    }

    /// Runs until the engine stops.
    pub(super) fn run(mut self) {
        let engine = Arc::clone(&self.engine);
        let Some(mailbox) = engine.mailboxes.get(self.index) else { return };
        let mut events = Vec::with_capacity(EVENTS);
        let mut buffer = [0; BUFFER];
        while !engine.is_stopping() {
            events.clear();
            let timeout = self.timeout();
            if epoll::wait(&mailbox.epoll, spare_capacity(&mut events), Some(&timeout)).is_err() {
                // Interrupted: nothing is lost, all is looked at again.
                continue;
            }
            self.now = engine.clock.now();
            engine.beats.beat(self.index, engine.clock.instant(self.now));
            // Before the packets: what a call said holds for those that come after it.
            self.open_mail(mailbox);
            for event in &events {
                let token = event.data.u64();
                if token != MAILBOX
                    && let Some(slot) = self.by_id.get(&(token / 2)).copied()
                {
                    self.read(slot, token % 2 == 1, &mut buffer);
                }
            }
            self.run_times();
        }
        self.close_all(mailbox);
    }

    /// Time until the next entry; the kernel counts in ms and rounds up.
    fn timeout(&self) -> Timespec {
        let due = self.times.peek().map(|Reverse((due, ..))| due.saturating_sub(self.engine.clock.now()));
        let left = due.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
        let ms = left.div_ceil(MS) as i64;
        Timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 }
    }

    /// Reads what arrived for a port whose packets wake nobody, as far as it is not a flood.
    fn drain(&mut self, slot: usize) {
        let mut buffer = [0; BUFFER];
        for _ in 0..MOST_DRAINED {
            let now = self.now;
            let Some(port) = self.port(slot) else { return };
            let Some((len, from)) = port.read(false, &mut buffer) else { return };
            if let Some(datagram) = buffer.get_mut(..len) {
                port.receive(datagram, from, now);
            }
        }
    }

    /// While a port sends by its own clock and nobody waits for what it receives, its packets need not wake the thread:
    /// they are read when the next frame is sent.
    fn choose_waking(&mut self, slot: usize) {
        let engine = Arc::clone(&self.engine);
        let (Some(mailbox), Some(port)) = (engine.mailboxes.get(self.index), self.port(slot)) else { return };
        if port.wants_quiet() == port.quiet {
            return;
        }
        match mailbox.set_waking(port, port.quiet) {
            Ok(()) => port.quiet = !port.quiet,
            Err(error) => tracing::error!(%error, "a media port cannot be watched"),
        }
    }

    /// Opens a port's RTCP with its first audio.
    fn mind_rtcp(&mut self, slot: usize) {
        if !self.port(slot).is_some_and(|port| port.lacks_rtcp()) {
            return;
        }
        let engine = Arc::clone(&self.engine);
        let (Some(mailbox), Some(port)) = (engine.mailboxes.get(self.index), self.port(slot)) else { return };
        if let Err(error) = mailbox.open_rtcp(port) {
            tracing::error!(%error, "the RTCP of a media port cannot be watched");
        }
    }

    /// Reads one datagram: when more wait, the next turn begins at once.
    fn read(&mut self, slot: usize, rtcp: bool, buffer: &mut [u8; BUFFER]) {
        let now = self.now;
        let Some(port) = self.port(slot) else { return };
        let Some((len, from)) = port.read(rtcp, buffer) else { return };
        let Some(datagram) = buffer.get_mut(..len) else { return };
        if rtcp {
            if !port.takes_raw(from) {
                return port.receive_rtcp(datagram, from, now);
            }
            let target = port.target(slot);
            if let Some(other) = target.and_then(|target| self.port(target)) {
                other.relay_rtcp(datagram);
            }
            return;
        }
        let forward = port.receive(datagram, from, now);
        if let Some(forward) = forward.as_ref().filter(|forward| forward.kind == Kind::Audio) {
            port.displace_heard(datagram, forward.payload.clone(), now);
            port.scale(Lane::Heard, datagram, forward.payload.clone());
        }
        let target = port.target(slot);
        self.mind_rtcp(slot);
        self.arm(slot);
        if let (Some(forward), Some(port)) = (forward, target.and_then(|target| self.port(target))) {
            port.relay(datagram, &forward, now);
        }
    }

    fn open_mail(&mut self, mailbox: &Mailbox) {
        for letter in mailbox.take() {
            match letter {
                Letter::Adopt(port) => {
                    if let Err(error) = mailbox.watch(&port) {
                        tracing::error!(%error, "a media port cannot be watched");
                    }
                    self.adopt(port);
                }
                Letter::Notice(id) => self.notice(id),
            }
        }
    }

    /// Takes over a port: a new one, or one of another thread.
    fn adopt(&mut self, port: Box<Port>) {
        let id = port.shared.id;
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(port);
        }
        self.by_id.insert(id, slot);
        self.attend(slot);
    }

    fn notice(&mut self, id: u64) {
        if let Some(slot) = self.by_id.get(&id) {
            return self.attend(*slot);
        }
        let Some(shared) = self.engine.find(id) else { return };
        let thread = shared.thread.load(Ordering::Acquire);
        if thread != self.index {
            // It moved on. If it is to come here, its orders are looked at when it does.
            self.engine.notify(thread, id, Urgency::Now);
        } else if let Some(port) = shared.take_watched(&self.engine) {
            self.adopt(port);
        }
    }

    /// Looks at what a port was told.
    fn attend(&mut self, slot: usize) {
        let (engine, now) = (Arc::clone(&self.engine), self.now);
        let Some(port) = self.port(slot) else { return };
        let (orders, dropped) = port.shared.take_orders();
        let any = !orders.is_empty();
        for order in orders {
            port.obey(order, &engine, now);
        }
        if dropped {
            return self.close(slot);
        }
        if any {
            self.route(slot);
        }
        self.settle(slot);
        if self.port(slot).is_some() {
            // What is due at once is not kept waiting for the others' letters.
            self.run_port(slot);
        }
    }

    /// Brings about the join that the port and its partner want, and ends any other.
    fn settle(&mut self, slot: usize) {
        let Some(port) = self.port(slot) else { return };
        let (shared, peer) = (Arc::clone(&port.shared), port.peer);
        let partner = shared.partner().and_then(|id| self.engine.find(id));
        let partner = partner.filter(|partner| partner.partner() == Some(shared.id));
        let joined = peer.and_then(|peer| self.port(peer)).map(|peer| peer.shared.id);
        if joined == partner.as_ref().map(|partner| partner.id) {
            return;
        }
        self.unjoin(slot);
        let Some(partner) = partner else { return };
        let thread = partner.thread.load(Ordering::Acquire);
        if let Some(other) = self.by_id.get(&partner.id).copied() {
            self.unjoin(other);
            self.join(slot, other);
        } else if thread == self.index {
            // It settles the join itself when it comes.
            if let Some(port) = partner.take_watched(&self.engine) {
                self.adopt(port);
            }
        } else if shared.id > partner.id {
            // The younger moves: both threads decide alike, whoever hears of it first.
            self.hand_over(slot, thread);
        } else {
            partner.notify(&self.engine, Urgency::Now);
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        let now = self.now;
        let Ok([Some(one), Some(two)]) = self.slots.get_disjoint_mut([a, b]) else { return };
        one.join(b, two, now);
        two.join(a, one, now);
        for slot in [a, b] {
            self.choose_waking(slot);
            self.arm(slot);
        }
    }

    fn unjoin(&mut self, slot: usize) {
        let now = self.now;
        let Some(port) = self.port(slot) else { return };
        let peer = port.peer;
        port.part(now);
        if let Some((peer, port)) = peer.and_then(|peer| Some((peer, self.port(peer)?))) {
            port.part(now);
            self.arm(peer);
        }
    }

    /// Computes anew how the audio of two joined ports becomes each other's.
    fn route(&mut self, slot: usize) {
        let Some(peer) = self.port(slot).and_then(|port| port.peer) else { return };
        if let Ok([Some(one), Some(two)]) = self.slots.get_disjoint_mut([slot, peer]) {
            one.route_from(two);
            two.route_from(one);
        }
    }

    /// Gives a port to another thread. Packets wait in its sockets meanwhile.
    fn hand_over(&mut self, slot: usize, thread: usize) {
        if let Some(port) = self.take(slot) {
            port.shared.thread.store(thread, Ordering::Release);
            self.engine.hand_to(thread, port);
        }
    }

    fn close(&mut self, slot: usize) {
        self.unjoin(slot);
        if let Some(mut port) = self.take(slot) {
            self.engine.forget(port.shared.id);
            port.close(self.now);
        }
    }

    /// Takes a port out of the thread.
    fn take(&mut self, slot: usize) -> Option<Box<Port>> {
        let mut port = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        self.by_id.remove(&port.shared.id);
        self.engine.unload(self.index);
        let mailbox = self.engine.mailboxes.get(self.index)?;
        for socket in [Some(&port.pair.rtp), port.pair.rtcp()].into_iter().flatten() {
            if let Err(error) = epoll::delete(&mailbox.epoll, socket) {
                tracing::error!(%error, "a media port cannot be left");
            }
        }
        (port.armed, port.quiet) = (None, false);
        Some(port)
    }

    fn run_times(&mut self) {
        while let Some(Reverse((due, slot, id))) = self.times.peek().copied() {
            if due > self.now {
                break;
            }
            self.times.pop();
            let known = self.port(slot).filter(|port| port.shared.id == id && port.armed == Some(due));
            if let Some(port) = known {
                port.armed = None;
                self.run_port(slot);
            }
        }
    }

    fn run_port(&mut self, slot: usize) {
        let now = self.now;
        if self.port(slot).is_some_and(|port| port.quiet) {
            self.drain(slot);
        }
        self.mind_rtcp(slot);
        let Some(port) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        port.run(now, &mut self.scratch);
        self.choose_waking(slot);
        self.arm(slot);
    }

    /// Puts a port's next time into the list, unless an earlier one is there.
    fn arm(&mut self, slot: usize) {
        let Some(port) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if let Some(due) = port.next_due()
            && port.armed.is_none_or(|armed| due < armed)
        {
            port.armed = Some(due);
            self.times.push(Reverse((due, slot, port.shared.id)));
        }
    }

    fn close_all(mut self, mailbox: &Mailbox) {
        for slot in 0..self.slots.len() {
            self.close(slot);
        }
        for letter in mailbox.close() {
            if let Letter::Adopt(mut port) = letter {
                self.engine.forget(port.shared.id);
                port.close(self.now);
            }
        }
    }

    fn port(&mut self, slot: usize) -> Option<&mut Port> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }
}
