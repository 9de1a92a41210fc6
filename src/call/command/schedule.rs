//! Commands for later: `sched_api`, `sched_broadcast`, `sched_hangup`, `sched_transfer`, `sched_del`, `unsched_api`.

use std::sync::Arc;
use std::time::Duration;

use super::{Command, GONE, now_s, run, usage, words};
use crate::call::event::EventName;
use crate::call::scheduler::Task;
use crate::call::services::Services;

/// Longest time ahead, seconds.
const LONGEST_DELAY: u64 = 10 * 365 * 86_400;
const HANGUP: &str = "[+]<time> <uuid> [<cause>]";
const TRANSFER: &str = "[+]<time> <uuid> <extension> [<dialplan>] [<context>]";
const BROADCAST: &str = "[[+]<time>|@time] <uuid> <path> [aleg|bleg|both]";
const API: &str = "[+@]<time> <group_name> <command_string>[&]";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("sched_api", API, "Runs a command later", |services, args| {
        Box::pin(async move {
            let words: Vec<&str> = args.splitn(3, ' ').collect();
            let [time, group, line] = words.as_slice() else { return format!("-ERR Invalid syntax. USAGE: {API}\n") };
            let Some((at, _)) = instant(services, time) else { return "-ERR Invalid time\n".to_owned() };
            let line = line.trim_end_matches('&');
            match later(services, at, "sched_api_function", group, line.to_owned()) {
                Some(task) => format!("+OK Added: {}\n", task.id),
                None => "-ERR too many commands wait\n".to_owned(),
            }
        })
    }),
    Command::new("sched_broadcast", BROADCAST, "Plays a file, or runs an application, later", |services, args| {
        Box::pin(async move {
            let words = words(args, 4);
            let [time, uuid, path, legs @ ..] = words.as_slice() else { return usage(BROADCAST) };
            let Some((at, _)) = instant(services, time) else { return usage(BROADCAST) };
            let line = format!("uuid_broadcast {uuid} '{path}' {}", legs.join(" "));
            let done = later(services, at, "switch_ivr_schedule_broadcast", uuid, line).is_some();
            (if done { "+OK Message scheduled\n" } else { "-ERR too many commands wait\n" }).to_owned()
        })
    }),
    Command::new("sched_del", "<task_id>|<group_id>", "Deletes commands that wait", |services, args| {
        Box::pin(async move { format!("+OK Deleted: {}\n", delete(services, args.trim())) })
    }),
    Command::new("sched_hangup", HANGUP, "Hangs a channel up later", |services, args| {
        Box::pin(async move {
            let words = words(args, 3);
            let [time, uuid, cause @ ..] = words.as_slice() else { return usage(HANGUP) };
            let Some((at, _)) = instant(services, time) else { return usage(HANGUP) };
            let line = format!("uuid_kill {uuid} {}", cause.first().map_or("ALLOTTED_TIMEOUT", String::as_str));
            on_channel(services, uuid, at, "switch_ivr_schedule_hangup", line)
        })
    }),
    Command::new("sched_transfer", TRANSFER, "Transfers a channel later", |services, args| {
        Box::pin(async move {
            let words = words(args, 5);
            let [time, uuid, rest @ ..] = words.as_slice() else { return usage(TRANSFER) };
            let Some((at, _)) = instant(services, time).filter(|_| !rest.is_empty()) else { return usage(TRANSFER) };
            let line = format!("uuid_transfer {uuid} {}", rest.join(" "));
            on_channel(services, uuid, at, "switch_ivr_schedule_transfer", line)
        })
    }),
    Command::new("unsched_api", "<task_id>", "Deletes a command that waits", |services, args| {
        Box::pin(async move {
            let id = args.trim();
            if id.is_empty() {
                return usage("<task_id>");
            }
            // A task that was deleted a moment ago is still known to FreeSWITCH, so its number is no error.
            let known = id.parse::<u64>().is_ok_and(|id| services.scheduler.was_given(id));
            delete(services, id);
            (if known { "+OK\n" } else { "-ERR No such id\n" }).to_owned()
        })
    }),
];

/// `+n` seconds from now, `@n` or `n` seconds since 1970; and whether it is from now.
fn instant(services: &Services, text: &str) -> Option<(u64, bool)> {
    let now = now_s(services);
    let (at, relative) = match text.strip_prefix('+') {
        Some(seconds) => (now.checked_add(seconds.parse().ok()?)?, true),
        None => (text.trim_start_matches('@').parse::<u64>().ok()?, false),
    };
    Some((at, relative)).filter(|(at, _)| at.saturating_sub(now) <= LONGEST_DELAY)
}

fn on_channel(services: &Arc<Services>, uuid: &str, at: u64, description: &str, line: String) -> String {
    if !services.calls.exists(uuid) {
        return GONE.to_owned();
    }
    let done = later(services, at, description, uuid, line).is_some();
    (if done { "+OK\n" } else { "-ERR too many commands wait\n" }).to_owned()
}

fn tell(services: &Services, name: EventName, task: &Task) {
    let (id, at) = (task.id.to_string(), task.at.to_string());
    let headers = [
        ("Task-ID", id.as_str()),
        ("Task-Desc", &task.description),
        ("Task-Group", &task.group),
        ("Task-Runtime", &at),
    ];
    services.events.fire(name, None, &headers);
}

/// Runs a line at an instant, seconds since 1970.
fn later(services: &Arc<Services>, at: u64, description: &str, group: &str, line: String) -> Option<Task> {
    let task = services.scheduler.add(description, group, at)?;
    tell(services, EventName::ADD_SCHEDULE, &task);
    let delay = Duration::from_micros(at.saturating_mul(1_000_000).saturating_sub((services.now_us)()));
    let (owned, waiting) = (Arc::downgrade(services), task.clone());
    let handle = tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        let Some(services) = owned.upgrade() else { return };
        if !services.scheduler.due(waiting.id) {
            return;
        }
        tell(&services, EventName::EXE_SCHEDULE, &waiting);
        let (name, args) = line.split_once(' ').unwrap_or((&line, ""));
        if run(&services, name, args).await.is_none() {
            tracing::error!(command = name, "a scheduled command is unknown");
        }
        tell(&services, EventName::DEL_SCHEDULE, &waiting);
    });
    services.scheduler.started(task.id, handle.abort_handle());
    Some(task)
}

fn delete(services: &Services, which: &str) -> usize {
    let deleted = services.scheduler.delete(which);
    for task in &deleted {
        tell(services, EventName::DEL_SCHEDULE, task);
    }
    deleted.len()
}
