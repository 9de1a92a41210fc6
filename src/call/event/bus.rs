//! Takes events to who listens.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::sync::mpsc;

use super::{Event, EventName};

/// Most listeners at one time.
const MOST_LISTENERS: usize = 4096;

/// What a listener wants: an event, of it one subclass or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its name; `ALL` any.
    pub name: EventName,
    /// None: any.
    pub subclass: Option<String>,
}

impl Filter {
    fn takes(&self, name: EventName, subclass: Option<&str>) -> bool {
        (self.name.is_all() || self.name == name)
            && self.subclass.as_deref().is_none_or(|wanted| subclass.is_some_and(|own| own == wanted))
    }
}

/// A listener's end at the bus.
struct Listener {
    filters: RwLock<Vec<Filter>>,
    queue: mpsc::Sender<Arc<Event>>,
    lost: AtomicU64,
    /// It takes what others fire, and is no reason to make events.
    aside: bool,
}

impl Listener {
    fn filters(&self) -> std::sync::RwLockReadGuard<'_, Vec<Filter>> {
        self.filters.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn takes(&self, name: EventName, subclass: Option<&str>) -> bool {
        self.filters().iter().any(|filter| filter.takes(name, subclass))
    }
}

/// Names of events that are wanted, a bit each. All bits: any.
#[derive(Default)]
struct Names([AtomicU64; 2]);

impl Names {
    fn set(&self, wanted: u128) {
        let [low, high] = &self.0;
        #[expect(clippy::cast_possible_truncation, reason = "the halves of the number")]
        low.store(wanted as u64, Ordering::Relaxed);
        high.store((wanted >> 64) as u64, Ordering::Relaxed);
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|half| half.load(Ordering::Relaxed) == 0)
    }

    fn has(&self, name: EventName) -> bool {
        let [low, high] = &self.0;
        let bit = name.bit();
        let half = if bit < 64 { low } else { high };
        half.load(Ordering::Relaxed) >> (bit % 64) & 1 == 1
    }
}

/// What the bus and its subscriptions share.
#[derive(Default)]
struct Shared {
    listeners: Mutex<Vec<Weak<Listener>>>,
    /// What listeners want that are a reason to make events. It changes when a listener does, not per event.
    names: Names,
    /// All listeners.
    total: AtomicUsize,
}

impl Shared {
    fn listeners(&self) -> MutexGuard<'_, Vec<Weak<Listener>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A listener came, left, or wants something else.
    fn measure(&self) {
        let mut listeners = self.listeners();
        listeners.retain(|listener| listener.strong_count() > 0);
        let mut wanted = 0u128;
        for listener in listeners.iter().filter_map(Weak::upgrade).filter(|listener| !listener.aside) {
            for filter in listener.filters().iter() {
                wanted |= if filter.name.is_all() { u128::MAX } else { 1 << filter.name.bit() };
            }
        }
        self.names.set(wanted);
        self.total.store(listeners.len(), Ordering::Relaxed);
    }
}

/// The bus of a switch. Publishing never waits: a listener whose queue is full loses the event.
#[derive(Default)]
pub struct Bus {
    shared: Arc<Shared>,
    sequence: AtomicU64,
}

impl Bus {
    /// Whether nobody listens to anything.
    pub fn is_quiet(&self) -> bool {
        self.shared.names.is_empty()
    }

    /// Whether anybody listens to such events. No lock, unless it is a matter of subclasses.
    pub fn wants(&self, name: EventName, subclass: Option<&str>) -> bool {
        let wanted = self.shared.names.has(name);
        if !wanted || subclass.is_none() {
            return wanted;
        }
        self.shared.listeners().iter().filter_map(Weak::upgrade).any(|listener| listener.takes(name, subclass))
    }

    /// Whether anybody listens to this subclass by its name: for events so many that listening to all is no reason to make
    /// them.
    pub fn asks_for(&self, name: EventName, subclass: &str) -> bool {
        let exact = |filter: &Filter| {
            filter.name == name && filter.subclass.as_deref().is_some_and(|wanted| wanted == subclass)
        };
        self.shared.names.has(name)
            && self
                .shared
                .listeners()
                .iter()
                .filter_map(Weak::upgrade)
                .any(|listener| listener.filters().iter().any(exact))
    }

    /// The number of the next event.
    pub fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Gives an event to all who want it.
    pub fn publish(&self, event: Event) {
        if self.shared.total.load(Ordering::Relaxed) == 0 {
            return;
        }
        let event = Arc::new(event);
        let subclass = event.subclass();
        for listener in self.shared.listeners().iter().filter_map(Weak::upgrade) {
            if listener.takes(event.name(), subclass)
                && listener.queue.try_send(Arc::clone(&event)).is_err()
                && !listener.queue.is_closed()
            {
                let lost = listener.lost.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                // One that never reads must not fill the log as well.
                if lost.is_power_of_two() {
                    tracing::error!(event = event.name().as_str(), lost, "a listener's queue is full: events are lost");
                }
            }
        }
    }

    /// A listener without filters yet; none: there are too many.
    pub fn subscribe(&self, queue: usize) -> Option<Subscription> {
        self.add(queue, false)
    }

    /// The same for a part of the switch that takes what scripts and clients fire: calls make no events for it.
    pub fn subscribe_aside(&self, queue: usize) -> Option<Subscription> {
        self.add(queue, true)
    }

    fn add(&self, queue: usize, aside: bool) -> Option<Subscription> {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let listener = Arc::new(Listener { filters: RwLock::default(), queue: sender, lost: AtomicU64::new(0), aside });
        {
            let mut listeners = self.shared.listeners();
            listeners.retain(|listener| listener.strong_count() > 0);
            if listeners.len() >= MOST_LISTENERS {
                return None;
            }
            listeners.push(Arc::downgrade(&listener));
        }
        self.shared.measure();
        Some(Subscription { listener: Some(listener), receiver, shared: Arc::clone(&self.shared) })
    }
}

/// A listener's own end. Dropping it ends the subscription.
pub struct Subscription {
    /// Only gone while it is dropped.
    listener: Option<Arc<Listener>>,
    receiver: mpsc::Receiver<Arc<Event>>,
    shared: Arc<Shared>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        drop(self.listener.take());
        self.shared.measure();
    }
}

impl Subscription {
    fn change(&self, change: impl FnOnce(&mut Vec<Filter>)) {
        if let Some(listener) = &self.listener {
            change(&mut listener.filters.write().unwrap_or_else(PoisonError::into_inner));
        }
        self.shared.measure();
    }

    /// Listens to these events as well.
    pub fn bind(&self, filter: Filter) {
        self.change(|filters| filters.push(filter));
    }

    /// Listens to these events instead.
    pub fn set(&self, filters: Vec<Filter>) {
        self.change(|present| *present = filters);
    }

    /// The oldest event that waits.
    pub fn pop(&mut self) -> Option<Arc<Event>> {
        self.receiver.try_recv().ok()
    }

    /// The next event; none when the bus is gone.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        self.receiver.recv().await
    }

    /// Events that were lost because the queue was full.
    pub fn lost(&self) -> u64 {
        self.listener.as_ref().map_or(0, |listener| listener.lost.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(subclass: &str) -> Event {
        let mut event = Event::bare(EventName::CUSTOM);
        event.add("Event-Subclass", subclass);
        event
    }

    fn name(text: &str) -> EventName {
        EventName::parse(text).unwrap()
    }

    #[test]
    fn who_listens_aside_is_no_reason_to_make_events() {
        let bus = Bus::default();
        let mut aside = bus.subscribe_aside(2).unwrap();
        aside.bind(Filter { name: EventName::CUSTOM, subclass: None });
        assert!(bus.is_quiet() && !bus.wants(EventName::CUSTOM, None));
        bus.publish(custom("a"));
        assert!(aside.pop().is_some());
        let other = bus.subscribe(1).unwrap();
        assert!(bus.is_quiet(), "it wants nothing yet");
        other.bind(Filter { name: EventName::CUSTOM, subclass: None });
        assert!(!bus.is_quiet() && bus.wants(EventName::CUSTOM, None) && !bus.wants(EventName::API, None));
        drop(other);
        assert!(bus.is_quiet(), "at once");
        bus.publish(custom("a"));
        assert!(aside.pop().is_some());
    }

    #[test]
    fn listeners_get_what_they_bound() {
        let bus = Bus::default();
        assert!(!bus.wants(EventName::CUSTOM, Some("a")));
        let mut one = bus.subscribe(2).unwrap();
        one.bind(Filter { name: EventName::CUSTOM, subclass: Some("a".to_owned()) });
        let mut all = bus.subscribe(10).unwrap();
        all.bind(Filter { name: name("all"), subclass: None });
        drop(bus.subscribe(1));
        assert!(bus.wants(name("DTMF"), None));
        assert!(bus.wants(EventName::CUSTOM, Some("b")) && !bus.asks_for(EventName::CUSTOM, "b"), "by name nobody");
        assert!(bus.asks_for(EventName::CUSTOM, "a") && !bus.asks_for(EventName::API, "a"));
        for subclass in ["a", "b", "a", "a"] {
            bus.publish(custom(subclass));
        }
        bus.publish(Event::bare(name("DTMF")));
        assert_eq!((one.lost(), all.lost()), (1, 0));
        let count = |subscription: &mut Subscription| std::iter::from_fn(|| subscription.pop()).count();
        assert_eq!((count(&mut one), count(&mut all)), (2, 5));
        drop(all);
        assert!(!bus.wants(name("DTMF"), None) && bus.wants(EventName::CUSTOM, Some("a")));
        drop(one);
        bus.publish(custom("a"));
        assert!(bus.is_quiet(), "who has left is no reason to make events");
        let aside = bus.subscribe_aside(1).unwrap();
        aside.bind(Filter { name: EventName::ALL, subclass: None });
        assert!(bus.is_quiet() && !bus.wants(EventName::CUSTOM, None));
    }
}
