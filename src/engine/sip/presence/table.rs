//! The subscriptions of one shard, and which of them are to be told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::command::LegId;
use super::super::flow::Target;
use super::Package;

/// Longest time of a subscription, seconds; also what is granted when nothing is asked for.
const LONGEST: u32 = 3600;
/// Subscriptions of one shard.
const MOST: usize = 50_000;
/// Subscriptions to one subject.
const MOST_OF_SUBJECT: usize = 1_000;

/// The watching side of a subscription: its dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Their tag.
    pub remote_tag: String,
    /// Our address: To of the SUBSCRIBE without tag.
    pub local: String,
    /// Their address: From with its tag.
    pub remote: String,
    /// URI of their Contact.
    pub contact: String,
    /// Record-Route values, as they came.
    pub route: Vec<String>,
    /// Where it came from; NOTIFYs go there.
    pub target: Target,
    /// Value of Event.
    pub event: String,
}

/// What a SUBSCRIBE asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// To what.
    pub package: Package,
    /// Of whom: `user@domain`.
    pub subject: String,
    /// For how long, seconds; 0 ends it, none is up to us.
    pub expires: Option<u32>,
    /// Its CSeq.
    pub cseq: u32,
}

impl Asked {
    /// Seconds that are granted.
    pub fn granted(&self) -> u32 {
        self.expires.unwrap_or(LONGEST).min(LONGEST)
    }
}

/// Why a SUBSCRIBE is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A refresh of what is not there (any more): 481.
    #[error("no such subscription")]
    Unknown,
    /// An older CSeq than the last: 500.
    #[error("out of order")]
    OutOfOrder,
    /// There are too many: 503.
    #[error("too many subscriptions")]
    Full,
}

/// Why a subscription ends, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It goes on for so many seconds.
    Active(u32),
    /// Its time is over, or it was ended by the watcher.
    Timeout,
}

/// One NOTIFY to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Number of the subscription; the answer is reported with it.
    pub id: u64,
    /// To whom.
    pub to: Subscriber,
    /// Of what.
    pub package: Package,
    /// Of whom.
    pub subject: String,
    /// CSeq number.
    pub cseq: u32,
    /// Count of the notices before, for `version`.
    pub version: u32,
    /// A call of the subject that has just ended.
    pub ended: Option<LegId>,
    /// Value of Subscription-State.
    pub reason: Reason,
}

#[derive(Debug)]
struct Entry {
    subscriber: Subscriber,
    asked: Asked,
    until: Instant,
    cseq: u32,
    version: u32,
    /// A NOTIFY is out: the next waits for its answer, so that they cannot overtake each other.
    out: bool,
    /// Something changed since the last NOTIFY.
    due: bool,
    ended: Option<LegId>,
    last: bool,
}

/// The subscriptions of one shard.
#[derive(Debug, Default)]
pub struct Watchers {
    entries: HashMap<u64, Entry>,
    dialogs: HashMap<(String, String), u64>,
    subjects: HashMap<(Package, String), Vec<u64>>,
    /// Those that became due since the last look.
    pending: Vec<u64>,
    next: u64,
}

impl Watchers {
    /// Takes a SUBSCRIBE: a new one, or the refresh of the one with these tags (`inside`). A NOTIFY is due in any case.
    pub fn subscribe(
        &mut self,
        now: Instant,
        subscriber: Subscriber,
        asked: Asked,
        inside: bool,
    ) -> Result<u64, Refused> {
        let key = (subscriber.call_id.clone(), subscriber.local_tag.clone());
        let until = now + Duration::from_secs(u64::from(asked.granted()));
        let last = asked.granted() == 0;
        if inside {
            let id = *self.dialogs.get(&key).ok_or(Refused::Unknown)?;
            let entry = self.entries.get_mut(&id).ok_or(Refused::Unknown)?;
            let same = entry.subscriber.remote_tag == subscriber.remote_tag && entry.asked.package == asked.package;
            if !same || entry.last {
                return Err(Refused::Unknown);
            }
            if asked.cseq <= entry.asked.cseq {
                return Err(Refused::OutOfOrder);
            }
            let route = std::mem::take(&mut entry.subscriber.route);
            entry.subscriber = Subscriber { route, ..subscriber };
            (entry.asked.cseq, entry.asked.expires) = (asked.cseq, asked.expires);
            (entry.until, entry.due, entry.last) = (until, true, last);
            self.pending.push(id);
            return Ok(id);
        }
        let subject = (asked.package, asked.subject.to_lowercase());
        let of_subject = self.subjects.get(&subject).map_or(0, Vec::len);
        if self.entries.len() >= MOST || of_subject >= MOST_OF_SUBJECT {
            return Err(Refused::Full);
        }
        self.next = self.next.wrapping_add(1);
        let id = self.next;
        self.subjects.entry(subject).or_default().push(id);
        self.dialogs.insert(key, id);
        let entry = Entry { subscriber, asked, until, cseq: 0, version: 0, out: false, due: true, ended: None, last };
        self.entries.insert(id, entry);
        self.pending.push(id);
        Ok(id)
    }

    /// A subject changed: its watchers are due.
    pub fn changed(&mut self, package: Package, subject: &str, ended: Option<LegId>) {
        let key = (package, subject.to_lowercase());
        for id in self.subjects.get(&key).into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(id) {
                if !std::mem::replace(&mut entry.due, true) {
                    self.pending.push(*id);
                }
                entry.ended = ended;
            }
        }
    }

    /// Subscriptions whose time is over get a last NOTIFY.
    pub fn expire(&mut self, now: Instant) {
        for (id, entry) in self.entries.iter_mut().filter(|(_, entry)| entry.until <= now && !entry.last) {
            (entry.due, entry.last) = (true, true);
            self.pending.push(*id);
        }
    }

    /// What is to be sent now; it counts as sent.
    pub fn due(&mut self, now: Instant) -> Vec<Notice> {
        let mut notices = Vec::new();
        for id in std::mem::take(&mut self.pending) {
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.due && !entry.out) else { continue };
            (entry.due, entry.out) = (false, true);
            entry.cseq = entry.cseq.wrapping_add(1);
            let left = entry.until.saturating_duration_since(now).as_secs();
            notices.push(Notice {
                id,
                to: entry.subscriber.clone(),
                package: entry.asked.package,
                subject: entry.asked.subject.clone(),
                cseq: entry.cseq,
                version: entry.version,
                ended: entry.ended.take(),
                reason: if entry.last {
                    Reason::Timeout
                } else {
                    Reason::Active(u32::try_from(left).unwrap_or(LONGEST))
                },
            });
            entry.version = entry.version.wrapping_add(1);
        }
        notices
    }

    /// A NOTIFY was answered. A watcher that refuses it, or says nothing, is gone (RFC 6665 4.2.2).
    pub fn answered(&mut self, id: u64, status: u16) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.out = false;
        if entry.due {
            self.pending.push(id);
        }
        let over = entry.last && !entry.due;
        if over || !(200..300).contains(&status) {
            self.remove(id);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn remove(&mut self, id: u64) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.dialogs.remove(&(entry.subscriber.call_id, entry.subscriber.local_tag));
        let subject = (entry.asked.package, entry.asked.subject.to_lowercase());
        if let Some(ids) = self.subjects.get_mut(&subject) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.subjects.remove(&subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::flow::Transport;
    use super::*;

    fn subscriber(tag: &str) -> Subscriber {
        let address = "127.0.0.1:5060".parse().unwrap();
        Subscriber {
            call_id: "c".to_owned(),
            local_tag: tag.to_owned(),
            remote_tag: "r".to_owned(),
            local: "<sip:1@d>".to_owned(),
            remote: "<sip:2@d>;tag=r".to_owned(),
            contact: "sip:2@h".to_owned(),
            route: vec!["<sip:p;lr>".to_owned()],
            target: Target { transport: Transport::Udp, destination: address, local: address, flow: None },
            event: "dialog".to_owned(),
        }
    }

    fn asked(expires: Option<u32>, cseq: u32) -> Asked {
        Asked { package: Package::Dialog, subject: "1@d".to_owned(), expires, cseq }
    }

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn a_watcher_hears_each_change_one_after_the_other() {
        let (mut watchers, now) = (Watchers::default(), start());
        let id = watchers.subscribe(now, subscriber("a"), asked(Some(100_000), 1), false).unwrap();
        let first = watchers.due(now);
        assert_eq!((first[0].cseq, first[0].version, first[0].reason), (1, 0, Reason::Active(LONGEST)));
        assert!(watchers.due(now).is_empty());
        watchers.changed(Package::Dialog, "1@D", None);
        watchers.changed(Package::Dialog, "1@d", Some(LegId(7)));
        watchers.changed(Package::MessageSummary, "1@d", None);
        assert!(watchers.due(now).is_empty(), "the first is not answered");
        watchers.answered(id, 200);
        let second = watchers.due(now);
        assert_eq!((second.len(), second[0].cseq, second[0].version, second[0].ended), (1, 2, 1, Some(LegId(7))));
        watchers.answered(id, 481);
        assert!(watchers.is_empty() && watchers.subjects.is_empty() && watchers.dialogs.is_empty());
    }

    #[test]
    fn refreshes_and_ends() {
        let (mut watchers, now) = (Watchers::default(), start());
        let id = watchers.subscribe(now, subscriber("a"), asked(Some(10), 1), false).unwrap();
        watchers.due(now);
        watchers.answered(id, 200);
        let refresh = |watchers: &mut Watchers, tag: &str, cseq, expires| {
            watchers.subscribe(now, Subscriber { route: Vec::new(), ..subscriber(tag) }, asked(expires, cseq), true)
        };
        assert_eq!(refresh(&mut watchers, "b", 2, None), Err(Refused::Unknown));
        assert_eq!(refresh(&mut watchers, "a", 1, None), Err(Refused::OutOfOrder));
        assert_eq!(refresh(&mut watchers, "a", 2, Some(20)), Ok(id));
        let notice = watchers.due(now).remove(0);
        assert_eq!((notice.to.route.len(), notice.reason), (1, Reason::Active(20)), "the route set stays");
        watchers.answered(id, 200);
        watchers.expire(now + Duration::from_secs(19));
        assert!(watchers.due(now).is_empty());
        watchers.expire(now + Duration::from_secs(20));
        assert_eq!(watchers.due(now)[0].reason, Reason::Timeout);
        assert_eq!(refresh(&mut watchers, "a", 3, None), Err(Refused::Unknown), "too late");
        watchers.answered(id, 200);
        assert!(watchers.is_empty());
    }

    #[test]
    fn fetches_and_limits() {
        let (mut watchers, now) = (Watchers::default(), start());
        let id = watchers.subscribe(now, subscriber("a"), asked(Some(0), 1), false).unwrap();
        assert_eq!(watchers.due(now)[0].reason, Reason::Timeout);
        watchers.answered(id, 200);
        assert_eq!(watchers.len(), 0);
        for number in 0..MOST_OF_SUBJECT {
            watchers.subscribe(now, subscriber(&number.to_string()), asked(None, 1), false).unwrap();
        }
        assert_eq!(watchers.subscribe(now, subscriber("x"), asked(None, 1), false), Err(Refused::Full));
    }
}
