//! Zones by name.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;

/// Finds a zone that `timezones.conf` does not name, in the system's zone files; `None` for an unknown name.
pub type SystemZones = dyn Fn(&str) -> Option<TimeZone> + Send + Sync;

/// The zones of a switch: its own, and others by name.
#[derive(Clone)]
pub struct Zones {
    server: TimeZone,
    named: HashMap<String, TimeZone>,
    system: Option<Arc<SystemZones>>,
}

impl Zones {
    /// Only the server's own zone.
    pub fn new(server: TimeZone) -> Self {
        Self { server, named: HashMap::new(), system: None }
    }

    /// Adds the search in the system's zone files.
    #[must_use]
    pub fn with_system(mut self, system: Arc<SystemZones>) -> Self {
        self.system = Some(system);
        self
    }

    /// Adds a zone of `timezones.conf`; false when the value is no POSIX TZ string.
    pub fn add(&mut self, name: &str, posix: &str) -> bool {
        match TimeZone::posix(posix) {
            Ok(zone) => {
                self.named.insert(name.to_owned(), zone);
                true
            }
            Err(_) => false,
        }
    }

    /// The server's own zone.
    pub fn server(&self) -> &TimeZone {
        &self.server
    }

    /// A zone by its name; names are case-sensitive.
    pub fn named(&self, name: &str) -> Option<TimeZone> {
        if let Some(zone) = self.named.get(name) {
            return Some(zone.clone());
        }
        self.system.as_ref().and_then(|find| find(name))
    }
}

impl fmt::Debug for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zones")
            .field("server", &self.server)
            .field("named", &self.named.len())
            .field("system", &self.system.is_some())
            .finish()
    }
}

impl Default for Zones {
    fn default() -> Self {
        Self::new(TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_values_posix() {
        let mut zones = Zones::default();
        assert!(zones.add("America/New_York", "EST5EDT,M3.2.0,M11.1.0"));
        assert!(zones.add("America/Godthab", "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1"));
        assert!(zones.add("Asia/Kolkata", "IST-5:30"));
        assert!(!zones.add("bad", "nonsense of a zone"));
        assert!(zones.named("America/New_York").is_some());
        assert!(zones.named("america/new_york").is_none());
    }
}
