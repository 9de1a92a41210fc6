//! Parts of FreeSWITCH that are not here: what their commands say of rooms and lots when there are none, which is always.

use super::Command;

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "conference",
        "<name>|list|json_list ...",
        "Conferences: there are none in this version",
        |_, args| {
            Box::pin(async move {
                match args.split_whitespace().next() {
                    Some("list" | "xml_list") => "+OK No active conferences.\n".to_owned(),
                    Some("json_list") => "[]".to_owned(),
                    Some(name) => format!("-ERR Conference {name} not found\n"),
                    None => "-USAGE: conference <name>|list|json_list ...\n".to_owned(),
                }
            })
        },
    ),
    Command::new("valet_info", "[<lot name>]", "Parking lots: there are none in this version", |_, _| {
        Box::pin(async move { "<lots>\n</lots>\n".to_owned() })
    }),
];
