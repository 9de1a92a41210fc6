//! `uuid_dump`: everything about a channel.

use std::fmt::Write as _;

use super::{Command, GONE, dump, usage, words};
use crate::call::registry::Seen;

/// The commands of this file.
pub(super) const COMMANDS: &[Command] =
    &[Command::new("uuid_dump", SYNTAX, "Shows everything about a channel", |services, args| {
        Box::pin(async move {
            let words = words(args, 2);
            let Some(uuid) = words.first() else { return usage(SYNTAX) };
            let Some(Seen { event, .. }) = dump(services, uuid).await else { return GONE.to_owned() };
            match words.get(1).map(|format| format.to_ascii_lowercase()).as_deref() {
                Some("json") => event.json().to_string(),
                Some("xml") => event.xml(),
                Some("plain") => {
                    let mut text = String::new();
                    for (name, value) in event.headers() {
                        let _ = writeln!(text, "{name}: [{value}]");
                    }
                    text.push('\n');
                    text
                }
                _ => event.plain(),
            }
        })
    })];

const SYNTAX: &str = "<uuid> [format]";
