//! `uuid_record` and `uuid_buglist`.

use super::{Command, dump, order, usage};
use crate::call::control::{Order, RecordOrder};
use crate::call::services::Services;
use crate::engine::xml::escaped;
use crate::words::expand::split;

const RECORD: &str = "<uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("uuid_buglist", "<uuid>", "What listens to a channel: its recordings, as XML", |services, args| {
        Box::pin(listeners(services, args))
    }),
    Command::new("uuid_record", RECORD, "Records a channel, or ends that", |services, args| {
        Box::pin(record(services, args))
    }),
];

async fn listeners(services: &Services, args: &str) -> String {
    if args.is_empty() {
        return usage("<uuid>");
    }
    let Some(seen) = dump(services, args).await else { return String::new() };
    let mut out = "<media-bugs>\n".to_owned();
    for file in &seen.recordings {
        let target = escaped(file);
        out.push_str(" <media-bug>\n  <function>session_record</function>\n");
        out.push_str("  <target>");
        out.push_str(&target);
        out.push_str("</target>\n  <thread-locked>0</thread-locked>\n </media-bug>\n");
    }
    out.push_str("</media-bugs>\n");
    out
}

async fn record(services: &Services, args: &str) -> String {
    let words = split(args, ' ', 5);
    let [uuid, action, path, more @ ..] = words.as_slice() else { return usage(RECORD) };
    if dump(services, uuid).await.is_none() {
        return "-ERR Cannot locate session!\n".to_owned();
    }
    let path = path.clone();
    let what = match action.to_ascii_lowercase().as_str() {
        "start" => {
            let limit_s = more.first().and_then(|limit| limit.trim_start_matches('+').parse().ok()).unwrap_or(0);
            let text = more.last().filter(|text| text.starts_with('{')).map_or("", String::as_str);
            let settings = crate::call::app::record_settings(text);
            RecordOrder::Start { name: path, limit_s, settings }
        }
        "stop" => RecordOrder::Stop(path),
        "mask" => RecordOrder::Mask(path, true),
        "unmask" => RecordOrder::Mask(path, false),
        _ => return usage(RECORD),
    };
    let failure = match what {
        RecordOrder::Stop(_) => "-ERR Cannot stop record session!\n",
        RecordOrder::Mask(..) => "-ERR Cannot mask recording session!\n",
        _ => "-ERR Cannot record session!\n",
    };
    match order(services, uuid, Order::Record(what)).await {
        Some(true) => "+OK Success\n",
        _ => failure,
    }
    .to_owned()
}
