//! `queue_dtmf`: digits as though the far end had sent them.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static QUEUE_DTMF: Application = Application {
    name: "queue_dtmf",
    doc: "Puts digits among those that were received",
    syntax: "<digits>[@<ms>][+<digits>[@<ms>]...]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(Call::receive_digits),
};
