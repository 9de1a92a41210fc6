//! Who watches whom: subscriptions to `message-summary` (RFC 3842) and `dialog` (RFC 4235), and the bodies that they are
//! told. Pure: the time is an argument, tags and Call-IDs come from the stack.

mod state;
mod table;

pub use state::{Dialog, DialogState, States, Waiting};
pub use table::{Asked, Notice, Reason, Refused, Subscriber, Watchers};

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Package {
    /// Messages of a mailbox.
    MessageSummary,
    /// Calls of a user.
    Dialog,
}

impl Package {
    /// All, as `Allow-Events` lists them.
    pub const ALLOW: &str = "dialog, message-summary";

    /// By the value of Event, parameters left out.
    pub fn of(event: &str) -> Option<Self> {
        let name = event.split(';').next().unwrap_or_default().trim();
        [Self::MessageSummary, Self::Dialog].into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// Value of Event.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessageSummary => "message-summary",
            Self::Dialog => "dialog",
        }
    }

    /// Content-Type of its bodies.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::MessageSummary => "application/simple-message-summary",
            Self::Dialog => "application/dialog-info+xml",
        }
    }
}
