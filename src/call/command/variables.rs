//! Variables of channels, several at once, and what is known of users: `uuid_setvar_multi`, `list_users`, `domain_data`.

use std::fmt::Write as _;

use super::{Command, GONE, order, run, usage, words};
use crate::call::api::UserField;
use crate::call::control::Order;

const MULTI: &str = "<uuid> <var>=<value>;<var>=<value>...";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "list_users",
        "[group <group>] [domain <domain>] [user <user>] [context <context>]",
        "Lists users",
        |services, args| {
            Box::pin(async move {
                let wanted = words(args, 9);
                let option = |name: &str| {
                    let at = wanted.iter().position(|word| word.eq_ignore_ascii_case(name))?;
                    wanted.get(at.checked_add(1)?).cloned()
                };
                let snapshot = services.snapshot.load_full();
                let directory = &snapshot.directory;
                let mut text =
                "userid|context|domain|group|contact|callgroup|effective_caller_id_name|effective_caller_id_number\n"
                    .to_owned();
                for (user, domain, group) in directory.users() {
                    let field = |kind, name: &str| directory.user_field(&user, &domain, kind, name).unwrap_or_default();
                    let variable = |name: &str| field(UserField::Variable, name);
                    let context = variable("user_context");
                    let unwanted = |name: &str, value: &str| option(name).is_some_and(|wanted| wanted != value);
                    if unwanted("group", &group)
                        || unwanted("domain", &domain)
                        || unwanted("user", &user)
                        || unwanted("context", &context)
                    {
                        continue;
                    }
                    let contact = run(services, "sofia_contact", &format!("{user}@{domain}")).await.unwrap_or_default();
                    let _ = writeln!(
                        text,
                        "{user}|{context}|{domain}|{group}|{contact}|{}|{}|{}",
                        variable("callgroup"),
                        variable("effective_caller_id_name"),
                        variable("effective_caller_id_number")
                    );
                }
                text.push_str("\n+OK\n");
                text
            })
        },
    ),
    Command::new("uuid_setvar_multi", MULTI, "Sets variables of a channel", |services, args| {
        Box::pin(async move {
            let Some((uuid, list)) = args.split_once(' ') else { return usage(MULTI) };
            let pairs = list.split(';').filter_map(|pair| pair.split_once('='));
            let set = pairs.map(|(name, value)| (name.trim().to_owned(), value.to_owned())).collect();
            if order(services, uuid, Order::Set(set)).await.is_some() {
                "+OK\n".to_owned()
            } else {
                format!("{GONE}{}", usage(MULTI))
            }
        })
    }),
];
