//! Commands of FreeSWITCH that this version knows by name: they answer their usage and an unknown channel as FreeSWITCH
//! does, and say of a live channel that they are not available.

use super::{Command, GONE, Running, usage};
use crate::call::services::Services;
use std::sync::Arc;

/// What a command says of a channel that is gone.
#[derive(Clone, Copy)]
enum Missing {
    Channel,
    Named,
    Text(&'static str),
}

macro_rules! rows {
    ($($name:literal, $syntax:literal, $missing:expr;)*) => {
        &[$(Command::new($name, $syntax, "Not available in this version", |services, args| {
            answer($name, $missing, services, args)
        })),*]
    };
}

const FAILED: Missing = Missing::Text("-ERR Operation failed\n");

/// Commands about one channel.
pub(super) const COMMANDS: &[Command] = rows![
    "uuid_dual_transfer", "<uuid> <A-dest-exten>[/<A-dialplan>][/<A-context>] <B-dest-exten>[/<B-dialplan>][/<B-context>]", Missing::Channel;
    "uuid_jitterbuffer", "<uuid> [0|<min_msec>[:<max_msec>]]", FAILED;
    "uuid_loglevel", "<uuid> <level>", Missing::Named;
    "uuid_preprocess", "<>", Missing::Channel;
];

fn answer<'a>(name: &'static str, missing: Missing, services: &'a Arc<Services>, args: &'a str) -> Running<'a> {
    Box::pin(async move {
        let syntax = super::find(name).map_or("", |command| command.syntax);
        let mut words = args.split_whitespace();
        let uuid = words.next().unwrap_or_default();
        if uuid.is_empty() || words.next().is_none() {
            return usage(syntax);
        }
        if !services.calls.exists(uuid) {
            return match missing {
                Missing::Channel => GONE.to_owned(),
                Missing::Named => format!("-ERR No such channel {uuid}!\n"),
                Missing::Text(text) => text.to_owned(),
            };
        }
        tracing::error!(command = name, uuid, "not available in this version");
        format!("-ERR {name} is not available in this version\n")
    })
}
