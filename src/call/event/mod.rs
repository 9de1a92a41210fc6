//! Events: a name, headers in order, a body; their texts; and the bus that takes them to who listens.
//!
//! Nothing is built for an event that nobody listens to: ask [`Bus::wants`] first.

mod block;
mod bus;
mod format;
mod name;
mod source;

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use block::Block;
pub use bus::{Bus, Filter, Subscription};
pub use format::{json_string, url_encoded};
pub use name::EventName;
pub use source::Events;

use crate::words::model::variables::{ARRAY_PREFIX, ARRAY_SEPARATOR};

/// Headers one event may hold; beyond, new ones are refused.
const MOST_HEADERS: usize = 4096;

/// One event. Its headers are blocks: some its own, some shared with other events.
#[derive(Clone)]
pub struct Event {
    name: EventName,
    parts: Vec<Part>,
    count: usize,
    body: Option<Body>,
    /// Its JSON text, once somebody asked.
    json: OnceLock<Arc<str>>,
}

/// Headers of an event.
#[derive(Clone)]
enum Part {
    Own(Block),
    /// The first so many of a block.
    Shared(Arc<Block>, usize),
}

impl Part {
    /// The block, and how many of its headers count.
    fn block(&self) -> (&Block, usize) {
        match self {
            Self::Own(block) => (block, block.len()),
            Self::Shared(block, count) => (block, *count),
        }
    }
}

#[derive(Clone)]
struct Body {
    text: String,
    /// Its length in bytes, as the headers say it.
    length: String,
}

/// Who makes events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Identifier of the running switch.
    pub core_uuid: String,
    /// Name of the machine.
    pub hostname: String,
    /// Name of the switch.
    pub switchname: String,
    /// Its address.
    pub address: String,
    /// The present instant.
    pub now: Timestamp,
    /// Running number of the event.
    pub sequence: u64,
}

/// What events of one second have in common: who makes them, and the dates.
fn common(origin: &Origin) -> Block {
    let date = |zone: TimeZone, form: &str| origin.now.to_zoned(zone).strftime(form).to_string();
    let mut block = Block::with_capacity(7);
    for (name, value) in [
        ("Core-UUID", origin.core_uuid.as_str()),
        ("FreeSWITCH-Hostname", &origin.hostname),
        ("FreeSWITCH-Switchname", &origin.switchname),
        ("FreeSWITCH-IPv4", &origin.address),
        ("FreeSWITCH-IPv6", "::1"),
        ("Event-Date-Local", &date(TimeZone::system(), "%Y-%m-%d %H:%M:%S")),
        ("Event-Date-GMT", &date(TimeZone::UTC, "%a, %d %b %Y %H:%M:%S GMT")),
    ] {
        block.push(name, value);
    }
    block
}

impl Event {
    /// An event without headers.
    pub fn bare(name: EventName) -> Self {
        Self { name, parts: Vec::new(), count: 0, body: None, json: OnceLock::new() }
    }

    /// An event with the headers all events have (`spec: common headers`), the subclass first as in FreeSWITCH.
    pub fn new(name: EventName, subclass: Option<&str>, origin: &Origin) -> Self {
        Self::of_second(name, subclass, &Arc::new(common(origin)), origin.now, origin.sequence)
    }

    /// As [`Event::new`], with what the events of this second have in common.
    fn of_second(name: EventName, subclass: Option<&str>, common: &Arc<Block>, now: Timestamp, sequence: u64) -> Self {
        let mut event = Self { parts: Vec::with_capacity(8), ..Self::bare(name) };
        if let Some(subclass) = subclass {
            event.add("Event-Subclass", subclass);
        }
        event.add("Event-Name", name.as_str());
        event.share(common, common.len());
        event.add_number("", "Event-Date-Timestamp", now.as_microsecond());
        // FreeSWITCH names the line of its source; clients want the headers to be there.
        event.add("Event-Calling-File", "switch");
        event.add("Event-Calling-Function", "fire");
        event.add("Event-Calling-Line-Number", "0");
        event.add_number("", "Event-Sequence", sequence);
        event
    }

    /// Its name.
    pub fn name(&self) -> EventName {
        self.name
    }

    /// What follows `CUSTOM`; other events have none.
    pub fn subclass(&self) -> Option<&str> {
        if self.name == EventName::CUSTOM { self.get("Event-Subclass") } else { None }
    }

    /// The first header of a name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parts.iter().find_map(|part| {
            let (block, count) = part.block();
            block.get(name, count)
        })
    }

    /// Adds a header behind the others; false: there are too many.
    pub fn add(&mut self, name: &str, value: &str) -> bool {
        self.own(|block| block.push(name, value))
    }

    /// Adds a header whose name has two parts.
    pub fn add_joined(&mut self, prefix: &str, name: &str, value: &str) -> bool {
        self.own(|block| block.push_joined(prefix, name, value))
    }

    /// Adds a header whose name has two parts and whose value is a number.
    pub fn add_number(&mut self, prefix: &str, name: &str, value: impl Into<i128>) -> bool {
        self.own(|block| block.push_number(prefix, name, value))
    }

    fn own(&mut self, push: impl FnOnce(&mut Block) -> bool) -> bool {
        if self.count >= MOST_HEADERS {
            return false;
        }
        self.json.take();
        if !matches!(self.parts.last(), Some(Part::Own(_))) {
            self.parts.push(Part::Own(Block::with_capacity(24)));
        }
        let Some(Part::Own(block)) = self.parts.last_mut() else { return false };
        let fits = push(block);
        self.count = self.count.saturating_add(usize::from(fits));
        fits
    }

    /// Adds the first headers of a block that others have as well; false: there are too many, and the last are left out.
    pub fn share(&mut self, block: &Arc<Block>, count: usize) -> bool {
        let count = count.min(block.len());
        let fitting = count.min(MOST_HEADERS.saturating_sub(self.count));
        if fitting > 0 {
            self.json.take();
            self.count = self.count.saturating_add(fitting);
            self.parts.push(Part::Shared(Arc::clone(block), fitting));
        }
        fitting == count
    }

    /// Removes all headers of a name; false when there is none.
    pub fn remove(&mut self, name: &str) -> bool {
        if self.get(name).is_none() {
            return false;
        }
        let mut rest = Block::with_capacity(self.count);
        for (known, value) in self.headers().filter(|(known, _)| !known.eq_ignore_ascii_case(name)) {
            rest.push(known, value);
        }
        self.json.take();
        self.count = rest.len();
        self.parts = vec![Part::Own(rest)];
        true
    }

    /// The headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.parts.iter().flat_map(|part| {
            let (block, count) = part.block();
            block.iter().take(count)
        })
    }

    /// The lines of the headers, in pieces.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| {
            let (block, count) = part.block();
            block.lines(count)
        })
    }

    /// The body.
    pub fn body(&self) -> Option<&str> {
        self.body.as_ref().map(|body| body.text.as_str())
    }

    fn body_length(&self) -> Option<&str> {
        self.body.as_ref().map(|body| body.length.as_str())
    }

    fn kept_json(&self) -> &OnceLock<Arc<str>> {
        &self.json
    }

    /// Sets the body in place of one it has.
    pub fn set_body(&mut self, text: &str) {
        self.json.take();
        self.body = Some(Body { text: text.to_owned(), length: text.len().to_string() });
    }

    /// Adds the headers of another event behind its own.
    pub fn merge(&mut self, other: &Self) {
        for (name, value) in other.headers() {
            self.add(name, value);
        }
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.headers().eq(other.headers()) && self.body() == other.body()
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("name", &self.name)
            .field("headers", &self.headers().collect::<Vec<_>>())
            .field("body", &self.body())
            .finish_non_exhaustive()
    }
}

/// The items of a value: several of an array, else the one.
fn items(value: &str) -> impl Iterator<Item = &str> {
    value.strip_prefix(ARRAY_PREFIX).unwrap_or(value).split(ARRAY_SEPARATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_and_ignore_case() {
        let mut event = Event::bare(EventName::CUSTOM);
        assert!(event.add("A", "1") && event.add("a", "2") && event.add("B", ""));
        assert_eq!((event.get("a"), event.get("b"), event.get("c")), (Some("1"), Some(""), None));
        assert!(event.remove("A") && !event.remove("A"));
        assert_eq!(event.headers().collect::<Vec<_>>(), [("B", "")]);
        for number in 1..MOST_HEADERS {
            assert!(event.add("X", &number.to_string()));
        }
        assert!(!event.add("X", "one too many"));
    }

    #[test]
    fn shared_blocks_are_headers_like_others() {
        let mut block = Block::default();
        for (name, value) in [("S", "1 2"), ("T", "3"), ("U", "4")] {
            block.push(name, value);
        }
        let block = Arc::new(block);
        let mut event = Event::bare(EventName::API);
        event.add("A", "x");
        assert!(event.share(&block, 2) && event.share(&block, 0));
        event.add("B", "y");
        let mut same = Event::bare(EventName::API);
        for (name, value) in [("A", "x"), ("S", "1 2"), ("T", "3"), ("B", "y")] {
            same.add(name, value);
        }
        assert_eq!(event, same);
        assert_eq!(event.plain(), "A: x\nS: 1%202\nT: 3\nB: y\n\n");
        assert_eq!(event.plain_length(), event.plain().len());
        assert_eq!((event.get("s"), event.get("U")), (Some("1 2"), None));
        assert_eq!(&*event.json(), "{\"A\":\"x\",\"S\":\"1 2\",\"T\":\"3\",\"B\":\"y\"}");
        assert!(event.remove("t") && !event.remove("t"));
        assert_eq!(&*event.json(), "{\"A\":\"x\",\"S\":\"1 2\",\"B\":\"y\"}", "the old text is forgotten");
        assert_eq!(block.len(), 3, "what is shared is not touched");
        while event.share(&block, 3) {}
        assert_eq!(event.headers().count(), MOST_HEADERS);
    }

    #[test]
    fn common_headers() {
        let now = Timestamp::from_microsecond(1_700_000_000_123_456).unwrap();
        let origin = Origin { core_uuid: "u".into(), hostname: "h".into(), now, sequence: 7, ..Origin::default() };
        let event = Event::new(EventName::CUSTOM, Some("a::b"), &origin);
        let first: Vec<_> = event.headers().take(2).collect();
        assert_eq!(first, [("Event-Subclass", "a::b"), ("Event-Name", "CUSTOM")]);
        assert_eq!(event.get("event-date-gmt"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert_eq!(event.get("Event-Date-Timestamp"), Some("1700000000123456"));
        assert_eq!((event.get("Event-Sequence"), event.subclass()), (Some("7"), Some("a::b")));
    }
}
