//! One output of records and its thread: a slow one delays no other, and no call.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::spool::{Item, Spool, append};
use crate::call::cdr::CallRecord;

/// Records that may wait for the thread. Beyond, records are dropped and counted: calls never wait for a disk.
const QUEUE: usize = 16_384;
/// How long records are gathered before they are written together: one wake-up and one write for many.
const GATHER: Duration = Duration::from_millis(100);
/// Items of the spool that are tried at a time.
const BATCH: usize = 256;
/// Time for items of the spool before the queue is looked at again.
const TURN: Duration = Duration::from_millis(500);
/// Time for the threads to end.
const LAST: Duration = Duration::from_secs(2);

/// Why items were not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing can be delivered now; later perhaps.
    Away(String),
    /// This item will never be taken.
    Refused(String),
}

/// Where records go.
pub(super) trait Output: Send {
    /// The output's texts of a record.
    fn items(&mut self, record: &CallRecord) -> Vec<Item>;

    /// Delivers items in order: how many are done, and why the next one is not.
    fn deliver(&mut self, items: &[Item]) -> (usize, Result<(), Failure>);

    /// How long to wait after a failure.
    fn pause(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Items are written down before they are tried: for outputs that may take long.
    fn writes_ahead(&self) -> bool {
        false
    }

    /// Begins new files.
    fn rotate(&mut self) {}
}

enum Order {
    Record(Arc<CallRecord>),
    Rotate,
}

/// What is known of an output.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Records that were lost.
    pub(super) lost: AtomicU64,
    /// Items that were delivered.
    pub(super) delivered: AtomicU64,
    /// Octets that wait in the spool.
    pub(super) spooled: AtomicU64,
    /// The output does not take anything now.
    pub(super) away: AtomicBool,
    /// Records in the queue.
    pub(super) queued: AtomicU64,
}

/// A running output.
pub(super) struct Lane {
    pub(super) name: &'static str,
    pub(super) figures: Arc<Figures>,
    queue: Mutex<Option<SyncSender<Order>>>,
    closing: Arc<AtomicBool>,
    thread: Mutex<Option<Thread>>,
}

/// A thread that can be waited for with a deadline: its end closes the channel.
pub(super) struct Thread {
    handle: JoinHandle<()>,
    ended: Receiver<()>,
}

#[expect(clippy::disallowed_methods, reason = "the clock of a thread that waits for the outside")]
fn now() -> Instant {
    Instant::now()
}

impl Lane {
    /// Starts the thread. With `after` it begins when the thread that comes that way has ended: it takes its spool over.
    pub(super) fn start(
        name: &'static str,
        spool: &Path,
        output: impl FnOnce() -> Box<dyn Output> + Send + 'static,
        after: Option<Receiver<Thread>>,
    ) -> std::io::Result<Self> {
        let (queue, orders) = sync_channel(QUEUE);
        let (figures, closing) = (Arc::new(Figures::default()), Arc::new(AtomicBool::new(false)));
        let (folder, counted, ends) = (spool.to_path_buf(), Arc::clone(&figures), Arc::clone(&closing));
        let (alive, ended) = channel::<()>();
        let handle = std::thread::Builder::new().name(format!("cdr-{name}")).spawn(move || {
            let _alive = alive;
            if let Some(former) = after.and_then(|after| after.recv().ok()) {
                let _ = former.handle.join();
            }
            let spool = Spool::open(&folder, name);
            let refused = folder.join(format!("{name}.refused.jsonl"));
            Worker { name, output: output(), spool, refused, figures: counted, closing: ends, again: now() }
                .run(&orders);
        })?;
        let thread = Mutex::new(Some(Thread { handle, ended }));
        Ok(Self { name, figures, queue: Mutex::new(Some(queue)), closing, thread })
    }

    /// Takes a record. False: the output has ended.
    pub(super) fn record(&self, record: Arc<CallRecord>) -> bool {
        self.figures.queued.fetch_add(1, Ordering::Relaxed);
        let sent = self.send(Order::Record(record));
        if sent.is_err() {
            self.figures.queued.fetch_sub(1, Ordering::Relaxed);
        }
        if let Err(TrySendError::Full(Order::Record(record))) = &sent {
            self.figures.lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!(uuid = record.uuid, output = self.name, "a call record is lost: the output is too slow");
        }
        !matches!(sent, Err(TrySendError::Disconnected(_)))
    }

    pub(super) fn rotate(&self) {
        if self.send(Order::Rotate).is_err() {
            tracing::error!(output = self.name, "the record files are not rotated: the output is too slow");
        }
    }

    fn send(&self, order: Order) -> Result<(), TrySendError<Order>> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref() {
            Some(queue) => queue.try_send(order),
            None => Err(TrySendError::Disconnected(order)),
        }
    }

    /// Has the thread write what waits and end; gives it to be waited for.
    pub(super) fn end(&self) -> Option<Thread> {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.inspect(|thread| thread.handle.thread().unpark())
    }

    /// Has all threads write what waits and end; blocks, two seconds at most.
    pub(super) fn close(lanes: &[Arc<Self>]) {
        let until = now() + LAST;
        let threads: Vec<(&str, Thread)> = lanes.iter().filter_map(|lane| Some((lane.name, lane.end()?))).collect();
        for (output, thread) in threads {
            let left = until.saturating_duration_since(now());
            if thread.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(output, "the output still waits for its other end; its records stay in the spool");
            } else if thread.handle.join().is_err() {
                tracing::error!(output, "the thread of the output panicked");
            }
        }
    }
}

/// The thread's side.
struct Worker {
    name: &'static str,
    output: Box<dyn Output>,
    spool: Spool,
    refused: std::path::PathBuf,
    figures: Arc<Figures>,
    closing: Arc<AtomicBool>,
    /// When the output is tried again.
    again: Instant,
}

impl Worker {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let first = if self.spool.is_empty() {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(self.again.saturating_duration_since(now()))
            };
            let ended = matches!(first, Err(RecvTimeoutError::Disconnected));
            if let Ok(first) = first {
                let mut items = Vec::new();
                self.take(first, &mut items);
                if self.spool.is_empty() {
                    // Nobody waits in the queue meanwhile, so records that come cost no wake-up. Closing ends the pause.
                    std::thread::park_timeout(GATHER);
                }
                for order in orders.try_iter().take(QUEUE) {
                    self.take(order, &mut items);
                }
                self.deliver(items);
            }
            if now() >= self.again {
                self.drain();
            }
            self.figures.spooled.store(self.spool.octets(), Ordering::Relaxed);
            if ended {
                break;
            }
        }
        self.spool.settle();
        let left = self.spool.in_memory();
        if left > 0 {
            self.lost(left, "neither its output nor the spool can be written");
        }
    }

    fn take(&mut self, order: Order, items: &mut Vec<Item>) {
        match order {
            Order::Record(record) => {
                self.figures.queued.fetch_sub(1, Ordering::Relaxed);
                items.extend(self.output.items(&record));
            }
            Order::Rotate => {
                self.deliver(std::mem::take(items));
                self.output.rotate();
            }
        }
    }

    /// New items.
    fn deliver(&mut self, mut items: Vec<Item>) {
        if items.is_empty() {
            return;
        }
        if self.spool.is_empty() && !self.output.writes_ahead() {
            let done = self.attempt(&items);
            items.drain(..done);
        }
        let lost = self.spool.put(items);
        if lost > 0 {
            self.lost(lost, "its output is away and the spool is full");
        }
    }

    fn lost(&self, count: usize, why: &str) {
        self.figures.lost.fetch_add(count as u64, Ordering::Relaxed);
        tracing::error!(output = self.name, count, "call records are lost: {why}");
    }

    /// Items that wait, as far as they are taken, and for a while: the queue must not run over meanwhile.
    fn drain(&mut self) {
        self.spool.settle();
        let until = now() + TURN;
        while !self.spool.is_empty() && now() >= self.again && now() < until {
            // A server that does not answer must not keep the switch from ending.
            if self.output.writes_ahead() && self.closing.load(Ordering::Relaxed) {
                return;
            }
            let batch = if self.output.writes_ahead() { 1 } else { BATCH };
            let front = self.spool.front(batch);
            if front.items.is_empty() {
                self.again = now() + self.output.pause();
                continue;
            }
            let done = self.attempt(&front.items);
            self.spool.taken(&front, done);
        }
    }

    /// Tries items in order and gives how many are over with.
    fn attempt(&mut self, items: &[Item]) -> usize {
        let mut done = 0;
        while let Some(rest) = items.get(done..).filter(|rest| !rest.is_empty()) {
            let (taken, result) = self.output.deliver(rest);
            done += taken;
            self.figures.delivered.fetch_add(taken as u64, Ordering::Relaxed);
            let was_away = self.figures.away.swap(matches!(result, Err(Failure::Away(_))), Ordering::Relaxed);
            match result {
                Ok(()) => {
                    if was_away {
                        tracing::info!(output = self.name, "call records are taken again");
                    }
                    break;
                }
                Err(Failure::Away(error)) => {
                    if !was_away {
                        tracing::error!(output = self.name, error, "call records cannot be written and wait");
                    }
                    self.again = now() + self.output.pause();
                    break;
                }
                Err(Failure::Refused(error)) => {
                    self.set_aside(items.get(done), &error);
                    done += 1;
                }
            }
        }
        done
    }

    /// An item that nobody will ever take is kept for a person to look at.
    fn set_aside(&self, item: Option<&Item>, error: &str) {
        let Some(item) = item else { return };
        let line = serde_json::to_string(item).unwrap_or_default();
        let path = self.refused.display();
        match append(&self.refused, format!("{line}\n").as_bytes()) {
            Ok(_) => tracing::error!(output = self.name, error, "a call record is refused; it lies in {path}"),
            Err(also) => {
                tracing::error!(output = self.name, error, %also, "a call record is refused and lost");
                self.figures.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an output has taken, and what it does next.
    #[derive(Default)]
    struct Far {
        taken: Mutex<Vec<String>>,
        away: AtomicBool,
        tries: AtomicU64,
        /// Milliseconds for an item.
        slow: AtomicU64,
    }

    struct Fake(Arc<Far>, bool);

    impl Output for Fake {
        fn items(&mut self, record: &CallRecord) -> Vec<Item> {
            vec![Item { target: String::new(), body: record.uuid.clone() }]
        }

        fn deliver(&mut self, items: &[Item]) -> (usize, Result<(), Failure>) {
            self.0.tries.fetch_add(1, Ordering::Relaxed);
            for (done, item) in items.iter().enumerate() {
                if self.0.away.load(Ordering::Relaxed) {
                    return (done, Err(Failure::Away("away".to_owned())));
                }
                if item.body == "bad" {
                    return (done, Err(Failure::Refused("bad".to_owned())));
                }
                match self.0.slow.load(Ordering::Relaxed) {
                    0 => {}
                    slow => std::thread::park_timeout(Duration::from_millis(slow)),
                }
                self.0.taken.lock().unwrap().push(item.body.clone());
            }
            (items.len(), Ok(()))
        }

        fn pause(&self) -> Duration {
            Duration::from_millis(5)
        }

        fn writes_ahead(&self) -> bool {
            self.1
        }
    }

    fn start(folder: &Path, far: &Arc<Far>, ahead: bool) -> Arc<Lane> {
        let far = Arc::clone(far);
        Arc::new(Lane::start("x", folder, move || Box::new(Fake(far, ahead)), None).unwrap())
    }

    fn record(lane: &Lane, uuid: &str) {
        lane.record(Arc::new(CallRecord { uuid: uuid.to_owned(), ..CallRecord::default() }));
    }

    fn until(mut done: impl FnMut() -> bool) {
        for _ in 0..10_000 {
            if done() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        panic!("too long");
    }

    #[test]
    fn records_of_an_output_that_was_away_come_in_order() {
        for ahead in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let far = Arc::new(Far::default());
            far.away.store(true, Ordering::Relaxed);
            let lane = start(folder.path(), &far, ahead);
            record(&lane, "1");
            until(|| far.tries.load(Ordering::Relaxed) >= 3);
            record(&lane, "bad");
            record(&lane, "2");
            far.away.store(false, Ordering::Relaxed);
            until(|| far.taken.lock().unwrap().len() == 2);
            record(&lane, "3");
            until(|| far.taken.lock().unwrap().len() == 3);
            Lane::close(std::slice::from_ref(&lane));
            assert_eq!(*far.taken.lock().unwrap(), ["1", "2", "3"]);
            assert_eq!(lane.figures.lost.load(Ordering::Relaxed), 0);
            let refused = std::fs::read_to_string(folder.path().join("x.refused.jsonl")).unwrap();
            assert!(refused.contains("bad") && refused.lines().count() == 1);
        }
    }

    #[test]
    fn records_survive_a_restart() {
        for ahead in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let far = Arc::new(Far::default());
            far.away.store(true, Ordering::Relaxed);
            let lane = start(folder.path(), &far, ahead);
            record(&lane, "1");
            record(&lane, "2");
            Lane::close(std::slice::from_ref(&lane));
            assert!(far.taken.lock().unwrap().is_empty());
            far.away.store(false, Ordering::Relaxed);
            let lane = start(folder.path(), &far, ahead);
            until(|| far.taken.lock().unwrap().len() == 2);
            Lane::close(std::slice::from_ref(&lane));
            assert_eq!(*far.taken.lock().unwrap(), ["1", "2"]);
        }
    }

    #[test]
    fn a_long_backlog_does_not_hold_up_the_queue() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), "x");
        spool.put((0..200).map(|n| Item { target: String::new(), body: n.to_string() }));
        let far = Arc::new(Far::default());
        far.slow.store(20, Ordering::Relaxed);
        let lane = start(folder.path(), &far, true);
        until(|| !far.taken.lock().unwrap().is_empty());
        record(&lane, "new");
        until(|| lane.figures.queued.load(Ordering::Relaxed) == 0);
        assert!(far.taken.lock().unwrap().len() < 150, "the backlog takes four seconds");
        far.slow.store(0, Ordering::Relaxed);
        until(|| far.taken.lock().unwrap().last().is_some_and(|last| last == "new"));
        assert_eq!(far.taken.lock().unwrap().len(), 201);
        Lane::close(std::slice::from_ref(&lane));
    }

    #[test]
    fn what_nothing_can_keep_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("spool");
        std::fs::write(&place, "in the way").unwrap();
        let far = Arc::new(Far::default());
        far.away.store(true, Ordering::Relaxed);
        let lane = start(&place, &far, false);
        record(&lane, "1");
        Lane::close(std::slice::from_ref(&lane));
        assert_eq!(lane.figures.lost.load(Ordering::Relaxed), 1);
    }
}
