//! `freeswitch.EventConsumer`: events of the switch for a script that waits for them.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mlua::{UserData, UserDataRegistry};

use super::arguments::{Arguments, Kind};
use super::event::Event;
use super::log::{self, Level};
use super::objects;
use super::policy::Handle;
use super::run::Run;
use super::table::{Answer, Method, Step};
use crate::call::event::{EventName, Filter, Subscription};

use Kind::{Consumer as Object, Int, Text};

/// Events that may wait in a queue when the script names no number, and at most.
const QUEUE: u32 = 5000;
const LONGEST_QUEUE: u32 = 100_000;

/// Virtual time of a wait without an end.
const FOR_EVER: Duration = Duration::from_hours(1);

/// A listener; none after `cleanup`.
#[derive(Clone)]
pub(super) struct EventConsumer(Arc<std::sync::Mutex<Option<Open>>>);

/// Its subscription, counted among what the run holds open.
type Open = (Arc<tokio::sync::Mutex<Subscription>>, Handle);

impl EventConsumer {
    fn subscription(&self) -> Option<Arc<tokio::sync::Mutex<Subscription>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|open| Arc::clone(&open.0))
    }
}

impl UserData for EventConsumer {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "EventConsumer");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor("EventConsumer", &[Text, Text, Int], 0, new).overloaded(),
    Method::of("EventConsumer", "bind", &[Object, Text, Text], 2, bind),
    Method::of("EventConsumer", "pop", &[Object, Int, Int], 1, pop).overloaded(),
    Method::of("EventConsumer", "cleanup", &[Object], 1, cleanup),
];

fn new(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let length = match arguments.unsigned(2, QUEUE) {
        0 => QUEUE,
        length => length.min(LONGEST_QUEUE),
    };
    let handle = match run.handles.open() {
        Ok(handle) => handle,
        Err(why) => return Step::Fail(why),
    };
    let Some(subscription) = run.host.events().subscribe(length as usize) else {
        return Step::Fail("EventConsumer: too many consumers at one time".to_owned());
    };
    if let Some(name) = arguments.text(0).filter(|name| !name.is_empty()) {
        bind_to(run, &subscription, &name, arguments.text(1));
    }
    let subscription = Arc::new(tokio::sync::Mutex::new(subscription));
    Step::Now(Answer::Consumer(EventConsumer(Arc::new(std::sync::Mutex::new(Some((subscription, handle)))))))
}

fn bind_to(run: &Run, subscription: &Subscription, name: &str, subclass: Option<String>) -> bool {
    let Some(known) = EventName::parse(name) else {
        log::write(run, Level::Err, &format!("EventConsumer: there is no event {name}"));
        return false;
    };
    subscription.bind(Filter { name: known, subclass: subclass.filter(|text| !text.is_empty()) });
    true
}

/// 1, or 0 for an unknown name.
fn bind(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let subscription = arguments.with(0, EventConsumer::subscription).flatten();
    let (name, subclass) = (arguments.text_or_empty(1), arguments.text(2));
    let run = Arc::clone(run);
    Step::wait(async move {
        let Some(subscription) = subscription else { return Ok(Answer::Integer(0)) };
        let bound = bind_to(&run, &*subscription.lock().await, &name, subclass);
        Ok(Answer::Integer(bound.into()))
    })
}

/// The next event or nil; it waits when told to, without a time until the run ends.
fn pop(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(subscription) = arguments.with(0, EventConsumer::subscription).flatten() else {
        return Step::Now(Answer::Nil);
    };
    let (waits, ms) = (arguments.integer(1, 0) != 0, arguments.unsigned(2, 0));
    let host = Arc::clone(&run.host);
    Step::wait(async move {
        let mut subscription = subscription.lock().await;
        let event = match (waits, ms) {
            (false, _) => subscription.pop(),
            // In virtual time nothing comes that is not there: whoever could fire an event waits here.
            (true, ms) if host.pace().is_some() => match subscription.pop() {
                None => {
                    let time = if ms == 0 { FOR_EVER } else { Duration::from_millis(ms.into()) };
                    host.sleep(time).await;
                    subscription.pop()
                }
                there => there,
            },
            (true, 0) => subscription.next().await,
            (true, ms) => {
                let time = Duration::from_millis(ms.into());
                tokio::time::timeout(time, subscription.next()).await.ok().flatten()
            }
        };
        Ok(event.map_or(Answer::Nil, |event| Answer::Event(Event::given((*event).clone()))))
    })
}

fn cleanup(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let end = |consumer: &EventConsumer| drop(consumer.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    arguments.with(0, end);
    Step::Now(Answer::Nothing)
}
