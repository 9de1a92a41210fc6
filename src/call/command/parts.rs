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
    Command::new(
        "sofia_count_reg",
        "[profile/]<user>@<domain>",
        "Counts the registrations of a user",
        |services, args| {
            Box::pin(async move {
                let count = registrations(services, args).len();
                // As in FreeSWITCH a user without a registration counts as -1.
                if count == 0 { "-1".to_owned() } else { count.to_string() }
            })
        },
    ),
    Command::new(
        "sofia_username_of",
        "[profile/]<user>@<domain>",
        "The name a user has registered with",
        |services, args| {
            Box::pin(async move {
                let found = registrations(services, args).into_iter().next();
                found.map(|found| found.user).unwrap_or_default()
            })
        },
    ),
    Command::new("valet_info", "[<lot name>]", "Parking lots: there are none in this version", |_, _| {
        Box::pin(async move { "<lots>\n</lots>\n".to_owned() })
    }),
];

fn registrations(
    services: &crate::call::services::Services,
    args: &str,
) -> Vec<crate::call::administration::Registration> {
    let account = args.rsplit('/').next().unwrap_or_default();
    let Some((user, domain)) = account.split_once('@') else { return Vec::new() };
    let mut all = services.administration.registrations();
    all.retain(|found| found.user.eq_ignore_ascii_case(user) && found.realm.eq_ignore_ascii_case(domain));
    all
}
