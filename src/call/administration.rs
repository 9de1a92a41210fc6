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

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayState {
    /// Name.
    pub name: String,
    /// Its profile.
    pub profile: String,
    /// Realm of its challenges.
    pub realm: String,
    /// User.
    pub username: String,
    /// Whether there is a password.
    pub has_password: bool,
    /// Our From there.
    pub from: String,
    /// Our Contact there.
    pub contact: String,
    /// Where its calls go.
    pub extension: String,
    /// Where requests go.
    pub proxy: String,
    /// Context of its calls.
    pub context: String,
    /// Time of a registration, seconds.
    pub expires_s: u32,
    /// Between two pings, seconds; 0: none.
    pub ping_s: u32,
    /// `NOREG`, `UNREGED`, `TRYING`, `REGED` or `FAIL_WAIT`.
    pub state: &'static str,
    /// Whether calls may go there.
    pub up: bool,
}

/// What is to be shown of SIP, or no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceOrder<'a> {
    /// Every message in the log.
    Everything(bool),
    /// Every message of a profile in the log.
    Profile(&'a str, bool),
    /// The call of this Call-ID, and legs that it dials from now on, in a file of the data folder.
    Call {
        /// Call-ID of one of its dialogs.
        call_id: &'a str,
        /// Name of the file, `.pcap` or `.txt`.
        file: &'a str,
    },
    /// The next call to a number, or from it, in a file.
    Next {
        /// User of the Request-URI or of From.
        number: &'a str,
        /// Name of the file.
        file: &'a str,
    },
    /// The call of this Call-ID is not traced any more.
    EndCall(&'a str),
    /// Nothing goes into this file any more.
    EndFile(&'a str),
}

/// The switch as its operator sees it. Nothing here waits; a dropped sender counts as a failure.
pub trait Administration: Send + Sync {
    /// Loads the configuration anew, but for SIP profiles. The error says what is wrong; the present configuration stays in
    /// force.
    fn reload(&self) -> oneshot::Receiver<Result<(), String>>;

    /// Does so with this SIP profile and its gateways. What of it waits for the next start of the switch is told, a
    /// sentence each.
    fn rescan(&self, profile: &str) -> oneshot::Receiver<Result<Vec<String>, String>>;

    /// An element of a section of the configuration as its files say now, in FreeSWITCH's layout; of the section itself
    /// without `tag`. `tag` is the element's name, an attribute of it, and the attribute's value.
    fn locate(&self, section: &str, tag: Option<(&str, &str, &str)>) -> oneshot::Receiver<Option<String>>;

    /// Whether there is a file of this name.
    fn file_exists(&self, path: &str) -> oneshot::Receiver<bool>;

    /// Begins new record files where the configuration wants that.
    fn rotate(&self);

    /// Telephones that are registered.
    fn registrations(&self) -> Vec<Registration>;

    /// Listeners of SIP.
    fn profiles(&self) -> Vec<ProfileState>;

    /// Gateways of all profiles.
    fn gateways(&self) -> Vec<GatewayState>;

    /// Traces SIP, or ends a trace. The error says why not.
    fn trace(&self, order: TraceOrder<'_>) -> Result<(), String>;

    /// FreeSWITCH's number of the level that the log is written at.
    fn log_level(&self) -> u8;

    /// Writes the log at another level. False: it cannot be steered.
    fn set_log_level(&self, level: u8) -> bool;

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

    fn rescan(&self, _: &str) -> oneshot::Receiver<Result<Vec<String>, String>> {
        oneshot::channel().1
    }

    fn locate(&self, _: &str, _: Option<(&str, &str, &str)>) -> oneshot::Receiver<Option<String>> {
        oneshot::channel().1
    }

    fn file_exists(&self, _: &str) -> oneshot::Receiver<bool> {
        oneshot::channel().1
    }

    fn rotate(&self) {}

    fn registrations(&self) -> Vec<Registration> {
        Vec::new()
    }

    fn profiles(&self) -> Vec<ProfileState> {
        Vec::new()
    }

    fn gateways(&self) -> Vec<GatewayState> {
        Vec::new()
    }

    fn trace(&self, _: TraceOrder<'_>) -> Result<(), String> {
        Err("there is no SIP here".to_owned())
    }

    fn log_level(&self) -> u8 {
        6
    }

    fn set_log_level(&self, _: u8) -> bool {
        false
    }

    fn shutdown(&self, _: bool) {}
}
