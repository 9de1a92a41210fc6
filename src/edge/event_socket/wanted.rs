//! What a client wants to hear: names of events, subclasses, and filters over headers.

use std::collections::BTreeSet;

use crate::call::event::{Event, EventName, Filter};
use crate::words::pattern::Pattern;

/// Filters one client may have.
const MOST_FILTERS: usize = 1000;
/// Events of `myevents`.
const OWN: &[&str] = &[
    "CHANNEL_ANSWER",
    "CHANNEL_APPLICATION",
    "CHANNEL_BRIDGE",
    "CHANNEL_CREATE",
    "CHANNEL_DATA",
    "CHANNEL_DESTROY",
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_ORIGINATE",
    "CHANNEL_UUID",
    "CHANNEL_OUTGOING",
    "CHANNEL_PARK",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_STATE",
    "CHANNEL_UNBRIDGE",
    "CHANNEL_UNPARK",
    "DETECTED_SPEECH",
    "DTMF",
    "TALK",
    "NOTALK",
];

/// One filter over a header.
#[derive(Debug)]
struct HeaderFilter {
    header: String,
    /// As it was given.
    value: String,
    /// `-`: whoever has it is refused.
    refuses: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equal(String),
    Pattern(Pattern),
}

/// The wishes of one client.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    all: bool,
    names: BTreeSet<EventName>,
    subclasses: BTreeSet<String>,
    filters: Vec<HeaderFilter>,
}

impl Wanted {
    /// Takes names from words: known ones, then subclasses behind `CUSTOM`. False: there was none.
    pub(super) fn add<'w>(&mut self, words: impl Iterator<Item = &'w str>) -> bool {
        let (mut any, mut custom) = (false, false);
        for word in words {
            if custom {
                self.subclasses.insert(word.to_owned());
                continue;
            }
            let Some(name) = EventName::parse(word) else { continue };
            any = true;
            custom = name == EventName::CUSTOM;
            if name.is_all() {
                self.all = true;
            } else {
                self.names.insert(name);
            }
        }
        any
    }

    /// Takes names back. False: there was none.
    pub(super) fn remove<'w>(&mut self, words: impl Iterator<Item = &'w str>) -> bool {
        let (mut any, mut custom) = (false, false);
        for word in words {
            if custom {
                self.subclasses.remove(word);
                continue;
            }
            let Some(name) = EventName::parse(word) else { continue };
            any = true;
            custom = name == EventName::CUSTOM;
            if name.is_all() {
                self.clear();
                return true;
            }
            if self.all {
                self.all = false;
                self.names.extend(EventName::every());
            }
            if !custom {
                self.names.remove(&name);
            }
        }
        any
    }

    /// Forgets the names; filters stay.
    pub(super) fn clear(&mut self) {
        self.all = false;
        self.names.clear();
        self.subclasses.clear();
    }

    /// The names of `myevents`.
    pub(super) fn add_own(&mut self) {
        self.names.extend(OWN.iter().filter_map(|name| EventName::parse(name)));
    }

    /// Whether there is any wish.
    pub(super) fn is_empty(&self) -> bool {
        !self.all && self.names.is_empty()
    }

    /// What the bus has to send.
    pub(super) fn bus_filters(&self) -> Vec<Filter> {
        if self.all {
            return vec![Filter { name: EventName::ALL, subclass: None }];
        }
        let custom = self.subclasses.iter().map(|subclass| (EventName::CUSTOM, Some(subclass.clone())));
        let names = self.names.iter().filter(|name| **name != EventName::CUSTOM).map(|name| (*name, None));
        names.chain(custom).map(|(name, subclass)| Filter { name, subclass }).collect()
    }

    /// Whether an event was subscribed to.
    pub(super) fn takes(&self, event: &Event) -> bool {
        let name = event.name();
        self.all
            || if name == EventName::CUSTOM {
                event.subclass().is_some_and(|subclass| self.subclasses.contains(subclass))
            } else {
                self.names.contains(&name)
            }
    }

    /// Adds a filter; false: there are too many, or its pattern cannot be read.
    pub(super) fn filter(&mut self, header: &str, value: &str) -> bool {
        let (refuses, text) = match value.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, value.strip_prefix('+').unwrap_or(value)),
        };
        let test = match text.strip_prefix('/') {
            Some(pattern) => {
                let pattern = pattern.rsplit_once('/').map_or(pattern, |(pattern, _)| pattern);
                let pattern = Pattern::new(pattern);
                if pattern.compile().is_err() {
                    return false;
                }
                Test::Pattern(pattern)
            }
            None => Test::Equal(text.to_owned()),
        };
        let fits = self.filters.len() < MOST_FILTERS;
        if fits {
            self.filters.push(HeaderFilter { header: header.to_owned(), value: value.to_owned(), refuses, test });
        }
        fits
    }

    /// Removes the filters of a header, or the one of this value; `all` removes every one.
    pub(super) fn unfilter(&mut self, header: &str, value: &str) {
        let all = header.eq_ignore_ascii_case("all") && value.is_empty();
        self.filters.retain(|filter| {
            !all && !(filter.header.eq_ignore_ascii_case(header) && (value.is_empty() || filter.value == value))
        });
    }

    /// Whether the filters let an event pass: the first that decides counts.
    pub(super) fn passes(&self, event: &Event) -> bool {
        let mut accepted = self.filters.is_empty();
        for filter in &self.filters {
            let Some(value) = event.get(&filter.header) else { continue };
            let hit = match &filter.test {
                Test::Equal(text) => text.eq_ignore_ascii_case(value),
                Test::Pattern(pattern) => pattern.is_match(value).unwrap_or(false),
            };
            if hit && filter.refuses {
                return false;
            }
            accepted |= hit;
        }
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(pairs: &[(&str, &str)]) -> Event {
        let mut event = Event::bare(EventName::CUSTOM);
        for (name, value) in pairs {
            event.add(name, value);
        }
        event
    }

    #[test]
    fn names_and_subclasses() {
        let mut wanted = Wanted::default();
        assert!(!wanted.add("NO_SUCH".split(' ')) && wanted.is_empty());
        assert!(wanted.add("api NO_SUCH CUSTOM a::b c::d".split(' ')));
        assert_eq!(wanted.bus_filters().len(), 3);
        assert!(wanted.takes(&event(&[("Event-Subclass", "a::b")])) && !wanted.takes(&event(&[])));
        assert!(wanted.remove("CUSTOM c::d".split(' ')));
        assert_eq!(wanted.bus_filters().len(), 2);
        assert!(wanted.add("ALL".split(' ')) && wanted.bus_filters().len() == 1);
        assert!(wanted.remove("API".split(' ')));
        assert!(!wanted.bus_filters().iter().any(|filter| filter.name == EventName::API));
        assert!(wanted.bus_filters().len() > 50);
        assert!(wanted.remove("all".split(' ')) && wanted.is_empty());
    }

    #[test]
    fn filters_over_headers() {
        let (red, blue) = (event(&[("Colour", "Red")]), event(&[("Colour", "Blue Sky")]));
        for (filters, passes) in [
            (&[][..], [true, true, true]),
            (&[("Colour", "red")], [true, false, false]),
            (&[("colour", "/^Blue/")], [false, true, false]),
            (&[("Colour", "red"), ("Colour", "Blue Sky")], [true, true, false]),
            (&[("Colour", "/./"), ("Colour", "-red")], [false, true, false]),
        ] {
            let mut wanted = Wanted::default();
            for (name, value) in filters {
                assert!(wanted.filter(name, value));
            }
            let seen = [&red, &blue, &event(&[])].map(|event| wanted.passes(event));
            assert_eq!(seen, passes, "{filters:?}");
        }
        let mut wanted = Wanted::default();
        assert!(!wanted.filter("A", "/(/"), "a pattern that cannot be read");
    }
}
