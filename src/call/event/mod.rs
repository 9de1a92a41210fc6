//! Events: a name, headers in order, a body; their texts; and the bus that takes them to who listens.
//!
//! Nothing is built for an event that nobody listens to: ask [`Bus::wants`] first.

mod bus;
mod format;
mod name;
mod source;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use bus::{Bus, Filter, Subscription};
pub use format::url_encoded;
pub use name::EventName;
pub use source::Events;

use crate::words::model::variables::{ARRAY_PREFIX, ARRAY_SEPARATOR};

/// Headers one event may hold; beyond, new ones are refused.
const MOST_HEADERS: usize = 4096;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    name: EventName,
    headers: Vec<(String, String)>,
    body: Option<String>,
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

/// The dates of an event: they change once a second.
#[derive(Debug, Clone)]
struct Dates {
    local: String,
    gmt: String,
}

impl Dates {
    fn of(now: Timestamp) -> Self {
        Self {
            local: now.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            gmt: now.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }
}

impl Event {
    /// An event without headers.
    pub fn bare(name: EventName) -> Self {
        Self { name, headers: Vec::new(), body: None }
    }

    /// An event with the headers all events have (`spec: common headers`), the subclass first as in FreeSWITCH.
    pub fn new(name: EventName, subclass: Option<&str>, origin: &Origin) -> Self {
        Self::dated(name, subclass, origin, &Dates::of(origin.now))
    }

    /// As [`Event::new`], with dates that are known already.
    fn dated(name: EventName, subclass: Option<&str>, origin: &Origin, dates: &Dates) -> Self {
        let mut event = Self::bare(name);
        if let Some(subclass) = subclass {
            event.add("Event-Subclass", subclass);
        }
        for (name, value) in [
            ("Event-Name", name.as_str().to_owned()),
            ("Core-UUID", origin.core_uuid.clone()),
            ("FreeSWITCH-Hostname", origin.hostname.clone()),
            ("FreeSWITCH-Switchname", origin.switchname.clone()),
            ("FreeSWITCH-IPv4", origin.address.clone()),
            ("FreeSWITCH-IPv6", "::1".to_owned()),
            ("Event-Date-Local", dates.local.clone()),
            ("Event-Date-GMT", dates.gmt.clone()),
            ("Event-Date-Timestamp", origin.now.as_microsecond().to_string()),
            // FreeSWITCH names the line of its source; clients want the headers to be there.
            ("Event-Calling-File", "switch".to_owned()),
            ("Event-Calling-Function", "fire".to_owned()),
            ("Event-Calling-Line-Number", "0".to_owned()),
            ("Event-Sequence", origin.sequence.to_string()),
        ] {
            event.add(name, &value);
        }
        event
    }

    /// Its name.
    pub fn name(&self) -> EventName {
        self.name
    }

    /// What follows `CUSTOM`.
    pub fn subclass(&self) -> Option<&str> {
        self.get("Event-Subclass")
    }

    /// The first header of a name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Adds a header behind the others; false: there are too many.
    pub fn add(&mut self, name: &str, value: &str) -> bool {
        let fits = self.headers.len() < MOST_HEADERS;
        if fits {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        fits
    }

    /// Removes all headers of a name; false when there is none.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.headers.len();
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.len() < before
    }

    /// The headers in order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// Sets the body in place of one it has.
    pub fn set_body(&mut self, text: &str) {
        self.body = Some(text.to_owned());
    }

    /// Adds the headers of another event behind its own.
    pub fn merge(&mut self, other: &Self) {
        for (name, value) in &other.headers {
            self.add(name, value);
        }
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
        assert_eq!(event.headers(), [("B".to_owned(), String::new())]);
        for number in 1..MOST_HEADERS {
            assert!(event.add("X", &number.to_string()));
        }
        assert!(!event.add("X", "one too many"));
    }

    #[test]
    fn common_headers() {
        let now = Timestamp::from_microsecond(1_700_000_000_123_456).unwrap();
        let origin = Origin { core_uuid: "u".into(), hostname: "h".into(), now, sequence: 7, ..Origin::default() };
        let event = Event::new(EventName::CUSTOM, Some("a::b"), &origin);
        assert_eq!(event.headers()[0], ("Event-Subclass".to_owned(), "a::b".to_owned()));
        assert_eq!(event.headers()[1], ("Event-Name".to_owned(), "CUSTOM".to_owned()));
        assert_eq!(event.get("event-date-gmt"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert_eq!(event.get("Event-Date-Timestamp"), Some("1700000000123456"));
        assert_eq!((event.get("Event-Sequence"), event.subclass()), (Some("7"), Some("a::b")));
    }
}
