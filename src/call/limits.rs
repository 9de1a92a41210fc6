//! Counts of channels per resource: `limit`, `uuid_limit` (spec: apps, 8). Held in memory, whatever the backend is called.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Resources that may be counted at a time; beyond, a new one is refused.
const MOST_RESOURCES: usize = 100_000;

/// What a channel asks of a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rule {
    /// Most channels, or with an interval most new ones within it; none: count only.
    pub max: Option<u32>,
    /// Seconds; 0: no interval.
    pub interval_s: u64,
}

impl Rule {
    /// `max`, `max/interval`; a negative or missing number only counts.
    pub fn parse(text: &str) -> Self {
        let (max, interval) = text.split_once('/').unwrap_or((text, ""));
        Self { max: max.trim().parse().ok(), interval_s: interval.trim().parse().unwrap_or(0) }
    }
}

/// How far a resource is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Channels that hold it.
    pub usage: u32,
    /// Channels that asked within the present interval.
    pub rate: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Resource {
    usage: Usage,
    /// When the present interval began, seconds since 1970.
    since_s: u64,
}

/// The resources of a switch. Locked while one is looked at.
#[derive(Debug, Default)]
pub struct Limits(Mutex<HashMap<String, Resource>>);

impl Limits {
    fn resources(&self) -> MutexGuard<'_, HashMap<String, Resource>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; `held`: the channel has one already. The usage after that, or, refused, the present one.
    pub fn take(&self, key: &str, held: bool, rule: Rule, now_s: u64) -> Result<Usage, Usage> {
        let mut resources = self.resources();
        if resources.len() >= MOST_RESOURCES && !resources.contains_key(key) {
            tracing::error!(key, "too many resources are counted");
            return Err(Usage::default());
        }
        let resource = resources.entry(key.to_owned()).or_default();
        if rule.interval_s > 0 {
            if now_s.saturating_sub(resource.since_s) >= rule.interval_s {
                resource.since_s = now_s;
                resource.usage.rate = 0;
            }
            if rule.max.is_some_and(|max| resource.usage.rate >= max) {
                return Err(resource.usage);
            }
            resource.usage.rate = resource.usage.rate.saturating_add(1);
        } else if !held && rule.max.is_some_and(|max| resource.usage.usage >= max) {
            return Err(resource.usage);
        }
        if !held {
            resource.usage.usage = resource.usage.usage.saturating_add(1);
        }
        Ok(resource.usage)
    }

    /// Gives a place back.
    pub fn release(&self, key: &str) {
        let mut resources = self.resources();
        if let Some(resource) = resources.get_mut(key) {
            resource.usage.usage = resource.usage.usage.saturating_sub(1);
            if resource.usage.usage == 0 && resource.since_s == 0 {
                resources.remove(key);
            }
        }
    }

    /// How far a resource is used.
    pub fn usage(&self, key: &str) -> Usage {
        self.resources().get(key).map(|resource| resource.usage).unwrap_or_default()
    }

    /// Begins the interval of a resource anew.
    pub fn reset_interval(&self, key: &str) {
        if let Some(resource) = self.resources().get_mut(key) {
            resource.since_s = 0;
            resource.usage.rate = 0;
        }
    }
}

/// The name of a resource.
pub fn key(realm: &str, id: &str) -> String {
    format!("{realm}_{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted() {
        let limits = Limits::default();
        let rule = Rule::parse("2");
        assert_eq!(limits.take("k", false, rule, 1).map(|usage| usage.usage), Ok(1));
        assert_eq!(limits.take("k", true, rule, 1).map(|usage| usage.usage), Ok(1), "a channel counts once");
        assert!(limits.take("k", false, rule, 1).is_ok() && limits.take("k", false, rule, 1).is_err());
        assert!(limits.take("k", false, Rule::parse("-1"), 1).is_ok(), "count only");
        for _ in 0..9 {
            limits.release("k");
        }
        assert_eq!(limits.usage("k"), Usage::default());
    }

    #[test]
    fn rates_are_counted_within_an_interval() {
        let limits = Limits::default();
        let rule = Rule::parse("2/10");
        let asked = [100, 101, 102, 109, 110, 111, 112].map(|at| limits.take("k", at > 100, rule, at).is_ok());
        assert_eq!(asked, [true, true, false, false, true, true, false]);
        limits.reset_interval("k");
        assert!(limits.take("k", true, rule, 113).is_ok());
    }
}
