//! Resources: `limit_usage`, `limit_hash_usage`, `limit_reset`, `limit_status`, `limit_interval_reset`, `uuid_limit`,
//! `uuid_limit_release`.

use super::{Command, order, words};
use crate::call::control::Order;
use crate::call::limits::{Rule, key};

const TAKE: &str = "<uuid> <backend> <realm> <resource> [<max>[/interval]] [number [dialplan [context]]]";
const RELEASE: &str = "<uuid> <backend> [realm] [resource]";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("limit_hash_usage", "<realm> <id>", "Channels that use a resource", |services, args| {
        Box::pin(async move {
            let words = words(args, 2);
            let word = |at: usize| words.get(at).map_or("", String::as_str);
            services.limits.usage(&key(word(0), word(1))).usage.to_string()
        })
    }),
    Command::new(
        "limit_interval_reset",
        "<backend> <realm> <resource>",
        "Begins an interval anew",
        |services, args| {
            Box::pin(async move {
                let words = words(args, 3);
                let word = |at: usize| words.get(at).map_or("", String::as_str);
                services.limits.reset_interval(&key(word(1), word(2)));
                "+OK".to_owned()
            })
        },
    ),
    Command::new("limit_reset", "<backend>", "As the hash backend of FreeSWITCH: it cannot", |_, _| {
        Box::pin(async move { "-ERR".to_owned() })
    }),
    Command::new("limit_status", "<backend>", "As the hash backend of FreeSWITCH: it cannot", |_, _| {
        Box::pin(async move { "-ERR not supported yet (locking problems).".to_owned() })
    }),
    Command::new("limit_usage", "<backend> <realm> <id> [rate]", "Channels that use a resource", |services, args| {
        Box::pin(async move {
            let words = words(args, 4);
            let word = |at: usize| words.get(at).map_or("", String::as_str);
            let found = services.limits.usage(&key(word(1), word(2)));
            if word(3) == "rate" { found.rate } else { found.usage }.to_string()
        })
    }),
    Command::new("uuid_limit", TAKE, "Counts a channel among those that use a resource", |services, args| {
        Box::pin(async move {
            let words = words(args, 8);
            let [uuid, _, realm, id, rest @ ..] = words.as_slice() else {
                return format!("USAGE: uuid_limit {TAKE}\n");
            };
            let rule = rest.first().map(|text| Rule::parse(text)).unwrap_or_default();
            let order_given =
                Order::TakePlace { realm: realm.clone(), id: id.clone(), max: rule.max, interval_s: rule.interval_s };
            match order(services, uuid, order_given).await {
                Some(true) => "+OK".to_owned(),
                Some(false) => "-ERR limit exceeded".to_owned(),
                None => format!("-ERR Cannot find session with uuid {uuid}\n"),
            }
        })
    }),
    Command::new("uuid_limit_release", RELEASE, "Gives a place of a resource back", |services, args| {
        Box::pin(async move {
            let words = words(args, 4);
            let [uuid, _, rest @ ..] = words.as_slice() else {
                return format!("USAGE: uuid_limit_release {RELEASE}\n");
            };
            let name = match rest {
                [realm, id] => Some(key(realm, id)),
                _ => None,
            };
            match order(services, uuid, Order::ReleasePlaces(name)).await {
                Some(_) => "+OK".to_owned(),
                None => format!("-ERR Cannot find session with uuid {uuid}\n"),
            }
        })
    }),
];
