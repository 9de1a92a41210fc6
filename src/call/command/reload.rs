//! The configuration: `reloadxml`, `reloadacl`, `xml_locate`.

use super::{Command, words};
use crate::call::event::EventName;

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("reloadacl", "", "Loads the access lists anew, with the whole configuration", |services, _| {
        Box::pin(async move {
            match services.administration.reload().await {
                Ok(Ok(())) => "+OK acl reloaded\n".to_owned(),
                Ok(Err(error)) => format!("-ERR {error}\n"),
                Err(_) => "-ERR not available here\n".to_owned(),
            }
        })
    }),
    Command::new("reloadxml", "", "Loads the configuration anew", |services, _| {
        Box::pin(async move {
            match services.administration.reload().await {
                Ok(Ok(())) => {
                    services.events.fire(EventName::RELOADXML, None, &[]);
                    "+OK [Success]\n".to_owned()
                }
                // As in FreeSWITCH an error begins with +OK as well: clients look at the brackets.
                Ok(Err(error)) => format!("+OK [[error {}]]\n", error.trim().replace('\n', "; ")),
                Err(_) => "-ERR not available here\n".to_owned(),
            }
        })
    }),
    Command::new(
        "xml_locate",
        "[root | <section> | <section> <tag> <tag_attr_name> <tag_attr_val>]",
        "Shows an element of the configuration as its files say now",
        |services, args| {
            Box::pin(async move {
                let words = words(args, 4);
                let section = words.first().map_or("", String::as_str);
                let tag = match words.as_slice() {
                    [_, tag, name, value] => Some((tag.as_str(), name.as_str(), value.as_str())),
                    _ => None,
                };
                let found = services.administration.locate(section, tag).await;
                found.ok().flatten().unwrap_or_else(|| "can't find anything\n".to_owned())
            })
        },
    ),
];
