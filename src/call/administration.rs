//! What an operator asks of the switch as a whole, through API commands.

use tokio::sync::oneshot;

/// A telephone that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// User.
    pub user: String,
    /// Domain.
    pub realm: String,
    /// Call-ID of the REGISTER.
    pub call_id: String,
    /// What dials it.
    pub url: String,
    /// When it expires, seconds since 1970.
    pub expires: u64,
    /// Where the REGISTER came from.
    pub ip: String,
    /// Its port.
    pub port: u16,
    /// `udp` or `tcp`.
    pub transport: &'static str,
    /// User-Agent.
    pub agent: String,
}

/// A listener of SIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileState {
    /// Name.
    pub name: String,
    /// `sip:mod_sofia@address:port`.
    pub url: String,
    /// Legs.
    pub calls: usize,
    /// Context of its callers.
    pub context: String,
}

/// The switch as its operator sees it. Nothing here waits; a dropped sender counts as a failure.
pub trait Administration: Send + Sync {
    /// Loads the configuration anew. The error says what is wrong; the present configuration stays in force.
    fn reload(&self) -> oneshot::Receiver<Result<(), String>>;

    /// An element of a section of the configuration as its files say now, in FreeSWITCH's layout; of the section itself
    /// without `tag`. `tag` is the element's name, an attribute of it, and the attribute's value.
    fn locate(&self, section: &str, tag: Option<(&str, &str, &str)>) -> oneshot::Receiver<Option<String>>;

    /// Whether there is a file of this name.
    fn file_exists(&self, path: &str) -> oneshot::Receiver<bool>;

    /// Telephones that are registered.
    fn registrations(&self) -> Vec<Registration>;

    /// Listeners of SIP.
    fn profiles(&self) -> Vec<ProfileState>;

    /// Ends the switch: at once, or when the last call is over.
    fn shutdown(&self, at_once: bool);
}

/// Nobody administers: the switch of a rehearsal.
#[derive(Debug, Default)]
pub struct Unattended;

impl Administration for Unattended {
    fn reload(&self) -> oneshot::Receiver<Result<(), String>> {
        oneshot::channel().1
    }

    fn locate(&self, _: &str, _: Option<(&str, &str, &str)>) -> oneshot::Receiver<Option<String>> {
        oneshot::channel().1
    }

    fn file_exists(&self, _: &str) -> oneshot::Receiver<bool> {
        oneshot::channel().1
    }

    fn registrations(&self) -> Vec<Registration> {
        Vec::new()
    }

    fn profiles(&self) -> Vec<ProfileState> {
        Vec::new()
    }

    fn shutdown(&self, _: bool) {}
}
