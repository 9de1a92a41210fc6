//! Commands that tell one channel one thing: a row each.

use super::{Command, GONE, Running, dump, order, usage, words};
use crate::call::control::{Execution, Order};
use crate::call::services::Services;
use std::sync::Arc;

const ANSWER: &str = "<uuid>";
const BRIDGE: &str = "<uuid> <other_uuid>";
const BROADCAST: &str = "<uuid> <path> [aleg|bleg|holdb|both]";
const DIGITS: &str = "<uuid> <dtmf_data>";
const RING: &str = "<uuid> [queued]";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("uuid_answer", ANSWER, "Answers a channel", |services, args| tell(services, args, Order::Answer)),
    Command::new(
        "uuid_broadcast",
        BROADCAST,
        "Runs an application, or plays a file, on a channel",
        |services, args| Box::pin(broadcast(services, args)),
    ),
    Command::new("uuid_bridge", BRIDGE, "Joins two channels", |services, args| {
        Box::pin(async move {
            let words = words(args, 2);
            let [uuid, other] = words.as_slice() else { return usage(BRIDGE) };
            if !services.calls.exists(uuid) || !services.calls.exists(other) {
                return "-ERR Invalid uuid\n".to_owned();
            }
            match order(services, uuid, Order::Bridge(other.clone())).await {
                Some(true) => format!("+OK {other}\n"),
                _ => "-ERR Invalid uuid\n".to_owned(),
            }
        })
    }),
    Command::new("uuid_flush_dtmf", ANSWER, "Forgets the digits that wait on a channel", |services, args| {
        Box::pin(async move {
            let done = order(services, args, Order::FlushDigits).await;
            (if done == Some(true) { "+OK\n" } else { "-ERR No such session\n" }).to_owned()
        })
    }),
    Command::new("uuid_park", ANSWER, "Parks a channel", |services, args| {
        Box::pin(async move {
            if args.is_empty() {
                return usage(ANSWER);
            }
            plain(order(services, args, Order::Park).await)
        })
    }),
    Command::new("uuid_pre_answer", ANSWER, "Starts the early media of a channel", |services, args| {
        tell(services, args, Order::PreAnswer)
    }),
    Command::new("uuid_recv_dtmf", DIGITS, "Digits as though the far end had sent them", |services, args| {
        digits(services, args, "received", Order::ReceiveDigits)
    }),
    Command::new("uuid_ring_ready", RING, "Tells the caller of a channel that it rings", |services, args| {
        if args.is_empty() {
            return Box::pin(async { usage(RING) });
        }
        tell(services, args, Order::RingReady)
    }),
    Command::new("uuid_send_dtmf", DIGITS, "Sends digits to the far end of a channel", |services, args| {
        digits(services, args, "sent", Order::SendDigits)
    }),
];

/// `+OK`, or the error of a channel that is gone or does not obey.
pub(super) fn plain(done: Option<bool>) -> String {
    match done {
        Some(true) => "+OK\n",
        Some(false) => "-ERR Operation failed\n",
        None => GONE,
    }
    .to_owned()
}

fn tell<'a>(services: &'a Arc<Services>, args: &'a str, what: Order) -> Running<'a> {
    Box::pin(async move {
        let uuid = args.split_whitespace().next().unwrap_or_default();
        let done = order(services, uuid, what).await;
        (if done == Some(true) { "+OK\n" } else { "-ERROR\n" }).to_owned()
    })
}

fn digits<'a>(
    services: &'a Arc<Services>,
    args: &'a str,
    verb: &'static str,
    what: fn(String) -> Order,
) -> Running<'a> {
    Box::pin(async move {
        let words = words(args, 2);
        let [uuid, digits] = words.as_slice() else { return usage(DIGITS) };
        match order(services, uuid, what(digits.clone())).await {
            Some(true) => format!("+OK {uuid} {verb} DTMF {digits}.\n"),
            Some(false) => "-ERR Operation failed\n".to_owned(),
            None => "-ERR Cannot locate session!\n".to_owned(),
        }
    })
}

async fn broadcast(services: &Arc<Services>, args: &str) -> String {
    let words = words(args, 3);
    let [uuid, path, legs @ ..] = words.as_slice() else { return usage(BROADCAST) };
    let Some(seen) = dump(services, uuid).await else { return "-ERR invalid uuid\n".to_owned() };
    let (own, other) = match legs.first().map_or("aleg", String::as_str) {
        "both" => (true, true),
        "bleg" => (false, true),
        "holdb" => return "-ERR holdb is not available in this version\n".to_owned(),
        _ => (true, false),
    };
    let own = own.then_some(uuid.as_str());
    for uuid in own.into_iter().chain(seen.partner.as_deref().filter(|_| other)) {
        order(services, uuid, execution(path)).await;
    }
    "+OK Message sent\n".to_owned()
}

/// What a path of `uuid_broadcast` means: `app::data`, or `app!cause::data`, else a file.
pub(super) fn execution(path: &str) -> Order {
    let (application, data) = path.split_once("::").unwrap_or(("playback", path));
    let application = application.split('!').next().unwrap_or_default();
    Order::Execute(Execution::once(application, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_broadcast() {
        assert_eq!(execution("set::a=b"), Order::Execute(Execution::once("set", "a=b")));
        assert_eq!(execution("tone_stream://x"), Order::Execute(Execution::once("playback", "tone_stream://x")));
    }
}
