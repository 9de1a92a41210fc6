//! Sources that guess passwords or flood are shut out for a while. Pure: the time is an argument.
//!
//! Before the ban a scanner hears the same answers for known and unknown users; during it, nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// When a source is banned. A count of 0 never bans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BanRules {
    /// Failed authentications within [`BanRules::window`].
    pub failures: u32,
    /// The time in which they are counted.
    pub window: Duration,
    /// Requests without credentials within one second.
    pub requests: u32,
    /// How long a ban lasts.
    pub duration: Duration,
}

impl Default for BanRules {
    fn default() -> Self {
        Self { failures: 20, window: Duration::from_mins(1), requests: 100, duration: Duration::from_mins(10) }
    }
}

/// What a source did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// Credentials that prove nothing.
    Failure,
    /// A request without credentials where some are wanted.
    Unauthenticated,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    failures: (Instant, u32),
    requests: (Instant, u32),
    banned_until: Option<Instant>,
}

/// Sources and what they did.
#[derive(Debug)]
pub struct Bans {
    limit: usize,
    sources: HashMap<IpAddr, Source>,
    banned: usize,
}

impl Bans {
    /// At most `limit` sources are watched; those that did least lately give way.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), sources: HashMap::new(), banned: 0 }
    }

    /// Counts; true when the source is banned by this.
    pub fn note(&mut self, now: Instant, ip: IpAddr, offence: Offence, rules: &BanRules) -> bool {
        if self.sources.len() >= self.limit && !self.sources.contains_key(&ip) {
            self.forget(now);
            if self.sources.len() >= self.limit {
                return false;
            }
        }
        let fresh = Source { failures: (now, 0), requests: (now, 0), banned_until: None };
        let source = self.sources.entry(ip).or_insert(fresh);
        let (counted, window, most) = match offence {
            Offence::Failure => (&mut source.failures, rules.window, rules.failures),
            Offence::Unauthenticated => (&mut source.requests, Duration::from_secs(1), rules.requests),
        };
        if now.saturating_duration_since(counted.0) >= window {
            *counted = (now, 0);
        }
        counted.1 = counted.1.saturating_add(1);
        let over = match offence {
            Offence::Failure => counted.1 >= most,
            Offence::Unauthenticated => counted.1 > most,
        };
        if most == 0 || !over || source.banned_until.is_some() {
            return false;
        }
        source.banned_until = Some(now + rules.duration);
        self.banned = self.banned.saturating_add(1);
        true
    }

    /// Whether a source is banned. Cheap while nobody is.
    pub fn is_banned(&mut self, now: Instant, ip: IpAddr) -> bool {
        if self.banned == 0 {
            return false;
        }
        match self.sources.get(&ip).and_then(|source| source.banned_until) {
            Some(until) if until > now => true,
            Some(_) => {
                self.sources.remove(&ip);
                self.banned = self.banned.saturating_sub(1);
                false
            }
            None => false,
        }
    }

    /// How many are banned.
    pub fn banned(&self) -> usize {
        self.banned
    }

    /// Forgets who did nothing for a while.
    pub fn forget(&mut self, now: Instant) {
        let idle = Duration::from_mins(1);
        self.sources.retain(|_, source| {
            let last = source.failures.0.max(source.requests.0);
            source.banned_until.map_or(now.saturating_duration_since(last) < idle, |until| until > now)
        });
        self.banned = self.sources.values().filter(|source| source.banned_until.is_some()).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    /// Any instant.
    #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn guessing_is_banned_for_a_while() {
        let (mut bans, now, rules) = (Bans::new(10), start(), BanRules::default());
        for _ in 0..19 {
            assert!(!bans.note(now, ip(1), Offence::Failure, &rules) && !bans.is_banned(now, ip(1)));
        }
        assert!(bans.note(now, ip(1), Offence::Failure, &rules));
        assert!(bans.is_banned(now, ip(1)) && !bans.is_banned(now, ip(2)));
        let later = now + rules.duration;
        assert!(!bans.is_banned(later, ip(1)));
        assert_eq!(bans.banned(), 0);
    }

    #[test]
    fn slow_failures_are_forgiven() {
        let (mut bans, now, rules) = (Bans::new(10), start(), BanRules::default());
        for n in 0..60 {
            assert!(!bans.note(now + Duration::from_secs(n * 10), ip(1), Offence::Failure, &rules));
        }
    }

    #[test]
    fn floods_are_banned() {
        let (mut bans, now, rules) = (Bans::new(10), start(), BanRules::default());
        let mut banned = (0..101).map(|_| bans.note(now, ip(1), Offence::Unauthenticated, &rules));
        assert_eq!(banned.position(|banned| banned), Some(100));
        let off = BanRules { failures: 0, requests: 0, ..rules };
        assert!((0..1000).all(|_| !bans.note(now, ip(2), Offence::Unauthenticated, &off)));
    }

    #[test]
    fn what_is_watched_is_bounded() {
        let (mut bans, now, rules) = (Bans::new(2), start(), BanRules::default());
        for last in 0..9 {
            bans.note(now, ip(last), Offence::Failure, &rules);
        }
        assert_eq!(bans.sources.len(), 2);
        bans.note(now + Duration::from_mins(2), ip(9), Offence::Failure, &rules);
        assert_eq!(bans.sources.len(), 1);
    }
}
