//! Dial-string prefixes, one file each, and the table that finds them by name.

mod error;
mod group;
mod loopback;
mod null;
mod pickup;
pub mod sip;
mod user;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::call::leg::{ContactQuery, DialRequest, Incoming, LegFactory, Prepared};
use crate::words::model::Cause;

pub use error::ErrorEndpoint;
pub use group::GroupEndpoint;
pub use loopback::LoopbackEndpoint;
pub use null::NullEndpoint;
pub use pickup::PickupEndpoint;
pub use user::{Globals, UserEndpoint};

/// Starts the task of a new call. Called on the thread that owns the call's signalling, inside its runtime, so an
/// implementation may `tokio::spawn`; it must not wait.
pub trait CallStarter: Send + Sync {
    /// A call came in.
    fn start(&self, incoming: Incoming);

    /// Whether one more inbound call is taken while `legs` legs exist; asked before anything is done for it.
    fn admits(&self, legs: usize) -> bool {
        let _ = legs;
        true
    }

    /// Something happened that listeners to events of this subclass (`sofia::register`) want to know.
    fn tell(&self, subclass: &'static str, headers: &[(&str, &str)]) {
        tracing::trace!(subclass, ?headers, "nobody is told");
    }
}

/// The endpoints by name: dials through the one that the dial string names.
#[derive(Default)]
pub struct Endpoints {
    /// Sorted by name.
    table: Vec<(&'static str, Arc<dyn LegFactory>)>,
}

impl Endpoints {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an endpoint; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: &'static str, factory: Arc<dyn LegFactory>) -> Self {
        match self.table.binary_search_by_key(&name, |(known, _)| known) {
            Ok(at) => {
                if let Some(entry) = self.table.get_mut(at) {
                    entry.1 = factory;
                }
            }
            Err(at) => self.table.insert(at, (name, factory)),
        }
        self
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.table.iter().map(|(name, _)| *name)
    }
}

impl LegFactory for Endpoints {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        let at = self.table.binary_search_by(|(known, _)| (*known).cmp(request.endpoint));
        match at.ok().and_then(|at| self.table.get(at)) {
            Some((_, factory)) => factory.prepare(request),
            None => Err(Cause::CHAN_NOT_IMPLEMENTED),
        }
    }

    fn contacts(&self, query: &ContactQuery<'_>) -> Vec<String> {
        self.table.iter().flat_map(|(_, factory)| factory.contacts(query)).collect()
    }
}

/// Microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the edge is where the clock is read")]
pub(crate) fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

/// Dial requests for the tests of the endpoints.
#[cfg(test)]
pub(crate) mod test_request {
    use super::*;
    use crate::call::leg::PreparedLeg;
    use crate::words::model::Variables;

    /// The leg that was prepared.
    pub(crate) fn leg_of(prepared: Result<Prepared, Cause>) -> Box<dyn PreparedLeg> {
        match prepared {
            Ok(Prepared::Leg(leg)) => leg,
            Ok(Prepared::Nested { .. }) => panic!("a dial string"),
            Err(cause) => panic!("{cause}"),
        }
    }

    /// Dials `endpoint/destination` with these variables.
    pub(crate) fn dial(
        factory: &dyn LegFactory,
        endpoint: &str,
        destination: &str,
        variables: &[(&str, &str)],
    ) -> Result<Prepared, Cause> {
        let variables: Variables = variables.iter().copied().collect();
        factory.prepare(&DialRequest {
            endpoint,
            destination,
            variables: &variables,
            a_profile: None,
            a_variables: None,
            uuid: "00000000-0000-4000-8000-000000000001",
            max_forwards: 69,
            caller_id_name: "Alice",
            caller_id_number: "1000",
        })
    }

    /// As [`dial`], for a destination that yields a leg.
    pub(crate) fn leg(
        factory: &dyn LegFactory,
        endpoint: &str,
        destination: &str,
        variables: &[(&str, &str)],
    ) -> Box<dyn PreparedLeg> {
        match dial(factory, endpoint, destination, variables) {
            Ok(Prepared::Leg(leg)) => leg,
            Ok(Prepared::Nested { dial_string, .. }) => panic!("nested {dial_string}"),
            Err(cause) => panic!("{}", cause.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::test_request::dial;
    use super::*;

    #[test]
    fn the_table_dials_by_name() {
        let endpoints = Endpoints::new().with("null", Arc::new(NullEndpoint)).with("error", Arc::new(ErrorEndpoint));
        assert_eq!(endpoints.names().collect::<Vec<_>>(), ["error", "null"]);
        assert_eq!(dial(&endpoints, "error", "USER_BUSY", &[]).err(), Some(Cause::USER_BUSY));
        assert_eq!(dial(&endpoints, "nosuch", "1", &[]).err(), Some(Cause::CHAN_NOT_IMPLEMENTED));
        assert!(dial(&endpoints, "null", "1", &[]).is_ok());
    }
}
