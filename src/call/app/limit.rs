//! `limit`: counts the channel among those that use a resource.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static LIMIT: Application = Application {
    name: "limit",
    doc: "Counts the channel among those that use a resource, and sends it elsewhere when they are too many",
    syntax: "<backend> <realm> <id> [<max>[/<interval>] [<exten>|!<cause> [<dialplan> [<context>]]]]",
    media: false,
    inline: true,
    zombie: false,
    run: Run::Now(Call::limit),
};
