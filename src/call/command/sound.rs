//! Commands about the sound of a channel: its volume, the file that plays, where its media flows.

use std::sync::Arc;

use super::{Command, GONE, dump, order, usage, words};
use crate::call::app::lane;
use crate::call::control::{Execution, Order};
use crate::call::media::{Lane, Level};
use crate::call::services::Services;

const AUDIO: &str = "<uuid> [start [read|write] [mute|level <level>]|stop]";
const CHAT: &str = "<uuid> <text>";
const DEBUG: &str = "<uuid> <read|write|both|vread|vwrite|vboth|all> <on|off>";
const FILEMAN: &str = "<uuid> <cmd>:<val>";
const MEDIA: &str = "[off] <uuid>";
const TONE: &str = "<uuid> <key> <tone_spec> [<flags> <timeout> <app> <args> <hits>]";
const SIMPLIFY: &str = "<uuid>";

const DONE: &str = "+OK Success\n";
const FAILED: &str = "-ERR Operation failed\n";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("tone_detect", TONE, "Waits for a tone on a channel", |services, args| {
        Box::pin(async move {
            // As in FreeSWITCH nothing is said of words that are missing.
            let Some((uuid, data)) = args.trim().split_once(' ') else { return String::new() };
            let order = order(services, uuid, Order::Execute(Execution::once("tone_detect", data))).await;
            (if order == Some(true) { "+OK\n" } else { GONE }).to_owned()
        })
    }),
    Command::new("uuid_audio", AUDIO, "The volume of what a channel hears or is told", |services, args| {
        Box::pin(audio(services, args))
    }),
    Command::new("uuid_chat", CHAT, "Sends a MESSAGE within the call", |services, args| {
        Box::pin(async move {
            let Some((uuid, text)) = args.split_once(' ') else { return usage(CHAT) };
            match order(services, uuid, Order::Chat(text.to_owned())).await {
                None => format!("-ERR No such channel {uuid}!\n"),
                Some(done) => (if done { "+OK\n" } else { "-ERR Send failed\n" }).to_owned(),
            }
        })
    }),
    Command::new("uuid_debug_media", DEBUG, "Off only: packets are not written into the log", |services, args| {
        Box::pin(async move {
            let words = words(args, 3);
            let [uuid, _, more @ ..] = words.as_slice() else { return usage(DEBUG) };
            if !services.calls.exists(uuid) {
                return FAILED.to_owned();
            }
            let off = more.first().is_some_and(|word| word.eq_ignore_ascii_case("off"));
            (if off { DONE } else { "-ERR packets are not written into the log in this version\n" }).to_owned()
        })
    }),
    Command::new(
        "uuid_fileman",
        FILEMAN,
        "Steers the file that plays: pause, restart, seek, speed, volume, stop",
        |services, args| Box::pin(fileman(services, args)),
    ),
    Command::new(
        "uuid_media",
        MEDIA,
        "Has the media of a bridge flow through the switch again, or directly between the two",
        |services, args| Box::pin(media(services, args)),
    ),
    Command::new(
        "uuid_simplify",
        SIMPLIFY,
        "Of a channel without a partner: there is nothing to do",
        |services, args| {
            Box::pin(async move {
                let uuid = args.split_whitespace().next().unwrap_or_default();
                if uuid.is_empty() {
                    return usage(SIMPLIFY);
                }
                match dump(services, uuid).await {
                    None => FAILED,
                    Some(seen) if seen.partner.is_none() => DONE,
                    Some(_) => "-ERR a bridge cannot be simplified in this version\n",
                }
                .to_owned()
            })
        },
    ),
];

async fn audio(services: &Arc<Services>, args: &str) -> String {
    let words = words(args, 5);
    let Some((uuid, rest)) = words.split_first().filter(|(_, rest)| !rest.is_empty()) else { return usage(AUDIO) };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let levels = match rest.as_slice() {
        ["stop", ..] => vec![(Lane::Heard, Level::Plain), (Lane::Told, Level::Plain)],
        ["start", direction, what, more @ ..] => {
            let value = more.first().and_then(|text| text.parse::<i8>().ok());
            let level = match *what {
                "mute" => Some(if value == Some(0) { Level::Plain } else { Level::Mute }),
                "level" => value.map(Level::Step),
                _ => None,
            };
            let (Some(lane), Some(level)) = (lane(direction), level) else { return usage(AUDIO) };
            vec![(lane, level)]
        }
        _ => return usage(AUDIO),
    };
    for (lane, level) in levels {
        if order(services, uuid, Order::Level(lane, level)).await.is_none() {
            return GONE.to_owned();
        }
    }
    "+OK\n".to_owned()
}

async fn fileman(services: &Arc<Services>, args: &str) -> String {
    let Some((uuid, what)) = args.split_once(' ') else { return usage(FILEMAN) };
    let what = what.trim().to_ascii_lowercase();
    if !services.calls.exists(uuid) {
        return GONE.to_owned();
    }
    if !["pause", "restart", "stop", "seek:", "speed:", "volume:"].iter().any(|known| what.starts_with(known)) {
        return format!("-ERR {what} is not available in this version\n");
    }
    let done = order(services, uuid, Order::SteerFile(what)).await;
    (if done == Some(true) { "+OK\n" } else { "-ERR No file handle!\n" }).to_owned()
}

async fn media(services: &Arc<Services>, args: &str) -> String {
    let words = words(args, 2);
    let (off, uuid) = match words.as_slice() {
        [word, uuid] if word.eq_ignore_ascii_case("off") => (true, uuid),
        [uuid, ..] => (false, uuid),
        [] => return format!("{}{FAILED}", usage(MEDIA)),
    };
    let moved = order(services, uuid, Order::MoveMedia { away: off }).await;
    (if moved == Some(true) { DONE } else { FAILED }).to_owned()
}
