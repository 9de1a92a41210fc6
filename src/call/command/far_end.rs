//! Commands that reach the far end of a channel: hold, display, REFER, INFO, NOTIFY; and the heartbeat of a channel.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Command, order, usage, words};
use crate::call::control::Order;
use crate::call::registry::Question;
use crate::call::services::Services;
use crate::words::expand::split;
use crate::words::model::Cause;

/// Time for a far end to say what became of a REFER.
const REFER_PATIENCE: Duration = Duration::from_secs(10);

const CHAT: &str = "<proto>|<from>|<to>|<message>|[<content-type>]";
const DEFLECT: &str = "<uuid> <uri>";
const DISPLAY: &str = "<uuid> <display>";
const HEARTBEAT: &str = "uuid_session_heartbeat <uuid> [sched] [0|<seconds>]";
const HOLD: &str = "[off|toggle] <uuid>";
const INFO: &str = "<uuid> [<mime_type> <mime_subtype>] <message>";
const PHONE: &str = "<uuid>";

const DONE: &str = "+OK Success\n";
const FAILED: &str = "-ERR Operation failed\n";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("chat", CHAT, "Not available: telephones write to one another by MESSAGE", |_, args| {
        Box::pin(async move {
            if split(args, '|', 5).len() < 4 {
                return "Invalid".to_owned();
            }
            tracing::error!("chat: messages of the switch itself are not available in this version");
            "Error! Message Not Sent\n".to_owned()
        })
    }),
    Command::new("uuid_deflect", DEFLECT, "Asks the far end to call somebody else (REFER)", |services, args| {
        Box::pin(deflect(services, args))
    }),
    Command::new("uuid_display", DISPLAY, "Tells the far end a name and number to show", |services, args| {
        Box::pin(async move {
            let Some((uuid, text)) = args.split_once(' ') else { return usage(DISPLAY) };
            success(order(services, uuid, Order::Display(text.trim().to_owned())).await)
        })
    }),
    Command::new("uuid_hold", HOLD, "Holds the far end of a channel, or lets it go on", |services, args| {
        Box::pin(hold(services, args))
    }),
    Command::new("uuid_phone_event", PHONE, "Sends a NOTIFY: `talk`, or the event named after it", |services, args| {
        Box::pin(async move {
            let words = words(args, 2);
            let [uuid, more @ ..] = words.as_slice() else { return format!("{}{FAILED}", usage(PHONE)) };
            let event = more.first().map_or("talk", String::as_str).to_owned();
            success(order(services, uuid, Order::PhoneEvent(event)).await)
        })
    }),
    Command::new("uuid_send_info", INFO, "Sends an INFO to the far end", |services, args| {
        Box::pin(send_info(services, args))
    }),
    Command::new("uuid_session_heartbeat", HEARTBEAT, "Events about a channel, again and again", |services, args| {
        Box::pin(heartbeat(services, args))
    }),
];

fn success(done: Option<bool>) -> String {
    (if done == Some(true) { DONE } else { FAILED }).to_owned()
}

async fn hold(services: &Services, args: &str) -> String {
    let words = words(args, 2);
    let (wanted, uuid) = match words.as_slice() {
        [word, uuid] if word.eq_ignore_ascii_case("off") => (Some(false), uuid),
        [word, uuid] if word.eq_ignore_ascii_case("toggle") => (None, uuid),
        [uuid, ..] => (Some(true), uuid),
        [] => return format!("{}{FAILED}", usage(HOLD)),
    };
    // As in FreeSWITCH an unknown channel is no error.
    success(order(services, uuid, Order::Hold(wanted)).await.or(Some(!services.calls.exists(uuid))))
}

async fn send_info(services: &Services, args: &str) -> String {
    const FAILED: &str = "-ERR Operation Failed\n";
    let parts = split(args, ' ', 4);
    let (uuid, content_type, body) = match parts.as_slice() {
        [uuid, kind, subtype, body] => (uuid, format!("{kind}/{subtype}"), body.clone()),
        [uuid, rest @ ..] if !uuid.is_empty() => (uuid, "text/plain".to_owned(), rest.join(" ")),
        _ => return format!("{}{FAILED}", usage(INFO)),
    };
    let done = order(services, uuid, Order::SendInfo { content_type, body }).await;
    (if done == Some(true) { DONE } else { FAILED }).to_owned()
}

async fn deflect(services: &Services, args: &str) -> String {
    let words = words(args, 2);
    let [uuid, uri] = words.as_slice() else { return usage(DEFLECT) };
    let Some((channel, sink)) = services.calls.find(uuid) else { return format!("-ERR No such channel {uuid}!\n") };
    let (reply, answer) = oneshot::channel();
    sink.ask(Question::Deflect { uuid: Arc::clone(&channel), uri: uri.clone(), reply });
    match timeout(REFER_PATIENCE, answer).await {
        Ok(Ok(status)) => format!("+OK:{status}\n"),
        // It was never asked, or is gone.
        Ok(Err(_)) => "-ERR the channel is not answered\n".to_owned(),
        Err(_) => {
            order(services, uuid, Order::Hangup(Cause::BLIND_TRANSFER)).await;
            "+OK:no reply\n".to_owned()
        }
    }
}

async fn heartbeat(services: &Services, args: &str) -> String {
    let words = words(args, 3);
    let [uuid, more @ ..] = words.as_slice() else { return usage(HEARTBEAT) };
    let late = more.first().is_some_and(|word| word.eq_ignore_ascii_case("sched"));
    let seconds = more.get(usize::from(late)).map_or(60, |text| text.parse().unwrap_or(0));
    match order(services, uuid, Order::Heartbeat { seconds, late }).await {
        Some(true) => "+OK\n".to_owned(),
        _ => format!("-ERR Cannot locate session. USAGE: {HEARTBEAT}\n"),
    }
}
