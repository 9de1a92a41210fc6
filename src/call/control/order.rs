//! What an API command tells a channel to do, of whichever call.

use crate::words::model::Cause;

/// One order. It is carried out when the channel's task comes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Hangs the channel up (`uuid_kill`).
    Hangup(Cause),
    /// Transfers the channel (`uuid_transfer`).
    Transfer {
        /// Destination.
        extension: String,
        /// None: the present one.
        dialplan: Option<String>,
        /// None: the present one.
        context: Option<String>,
    },
    /// Breaks what plays or waits (`uuid_break`).
    Break,
}
