//! What the hunt must be told: by the caller at the start, by the channel on the way, by the application table at load.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use crate::words::civil::Zones;
use crate::words::expand::Lookup;

/// What the dialplan may know of the applications.
pub trait AppCatalog {
    /// Facts of an application; names ignore case. `None`: no such application.
    fn application(&self, name: &str) -> Option<AppFacts>;
}

/// Facts of one application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppFacts {
    /// Its registered spelling.
    pub name: &'static str,
    /// It may run during the hunt (`inline="true"`).
    pub inline: bool,
}

/// What a hunt is asked for.
#[derive(Debug, Clone)]
pub struct HuntRequest {
    /// The dialplan string: comma-separated `name[:argument]`, the caller profile's field `dialplan`.
    pub dialplan: String,
    /// The caller profile's context; empty: `default`.
    pub context: String,
    /// The number hunted for.
    pub destination: String,
    /// True for `execute_extension`: the dialplan string is taken unexpanded, unknown names are skipped silently.
    pub nested: bool,
    /// Look at every extension in turn, also at those whose first condition is known to fail. Same outcome, more
    /// decisions recorded.
    pub exhaustive: bool,
    /// Zones for date and time attributes.
    pub zones: Arc<Zones>,
}

impl HuntRequest {
    /// A request with the dialplan `XML`, the server's zone UTC and nothing special.
    pub fn new(context: &str, destination: &str) -> Self {
        Self {
            dialplan: "XML".to_owned(),
            context: context.to_owned(),
            destination: destination.to_owned(),
            nested: false,
            exhaustive: false,
            zones: Arc::default(),
        }
    }
}

/// The channel as the hunt sees it.
pub trait HuntFacts: Lookup {
    /// A field of the caller profile, names ignoring case; `None` reads as empty. This is what `field="name"` tests,
    /// never a variable.
    fn profile_field(&self, name: &str) -> Option<Cow<'_, str>>;

    /// Sets a channel variable; an empty value removes it.
    fn set_variable(&mut self, name: &str, value: &str);

    /// Removes all channel variables whose name begins with `prefix`, ignoring case.
    fn clear_variables_with_prefix(&mut self, prefix: &str);

    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Who wants to be told of each decision.
    fn recorder(&mut self) -> Option<&mut dyn super::Recorder> {
        None
    }
}
