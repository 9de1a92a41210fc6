//! The switch as a program: `fsctl`, `load`, `unload`, `reload`, `log`, `help`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::{Command, hang_up_all, usage, words};
use crate::call::api;
use crate::call::channel::MODULES;
use crate::call::services::Services;
use crate::words::model::Cause;

const FSCTL: &str = "[hupall|last_sps [reset]|loglevel [level]|max_sessions [num]|pause [inbound|outbound]|\
                     pause_check [inbound|outbound]|ready_check|resume [inbound|outbound]|send_sighup|\
                     shutdown [asap|elegant|now]|shutdown_check|sps [num]]";
const LEVELS: &[&str] = &["CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("fsctl", FSCTL, "Pauses, resumes, limits, stops the switch", |services, args| {
        Box::pin(async move { control(services, args) })
    }),
    Command::new("help", "[<command>]", "Lists the commands", |_, args| {
        Box::pin(async move {
            let mut text = if args.is_empty() { "\nValid Commands:\n\n".to_owned() } else { String::new() };
            for (name, syntax, doc) in listed() {
                let _ = writeln!(text, "{name},{syntax},{doc},mod_commands");
            }
            text
        })
    }),
    Command::new("load", "<mod_name>", "Answers for FreeSWITCH's modules: what is here is always loaded", |_, args| {
        Box::pin(async move {
            match args {
                "" => usage("<mod_name>"),
                name if MODULES.contains(&name) => "+OK Reloading XML\n-ERR [Module already loaded]\n".to_owned(),
                _ => "+OK Reloading XML\n-ERR [module load file routine returned an error]\n".to_owned(),
            }
        })
    }),
    Command::new("log", "<level> <message>", "Writes a line into the log", |_, args| {
        Box::pin(async move {
            let (level, text) = args.split_once(' ').unwrap_or((args, ""));
            match level_of(level) {
                Some(0..=3) => tracing::error!("{text}"),
                Some(4) => tracing::warn!("{text}"),
                Some(5 | 6) => tracing::info!("{text}"),
                _ => tracing::debug!("{text}"),
            }
            "+OK\n".to_owned()
        })
    }),
    Command::new(
        "reload",
        "<mod_name>",
        "Loads the configuration anew; what is here cannot be unloaded",
        |services, args| {
            Box::pin(async move {
                if args.is_empty() {
                    return usage("<mod_name>");
                }
                if !MODULES.contains(&args) {
                    return "+OK Reloading XML\n-ERR [No such module!]\n".to_owned();
                }
                match services.administration.reload().await {
                    Ok(Ok(())) => "+OK Reloading XML\n+OK module unloaded\n+OK module loaded\n".to_owned(),
                    Ok(Err(error)) => format!("-ERR [{}]\n", error.trim()),
                    Err(_) => "-ERR not available here\n".to_owned(),
                }
            })
        },
    ),
    Command::new("unload", "<mod_name>", "What is here cannot be unloaded", |_, args| {
        Box::pin(async move {
            match args {
                "" => usage("<mod_name>"),
                name if MODULES.contains(&name) => "-ERR [Module is not unloadable]\n".to_owned(),
                _ => "-ERR [No such module!]\n".to_owned(),
            }
        })
    }),
];

/// Name, arguments and purpose of every command, sorted by name.
pub(super) fn listed() -> Vec<(&'static str, &'static str, &'static str)> {
    let now = api::all().iter().map(|function| (function.name(), function.syntax(), function.doc()));
    let waiting = super::all().iter().map(|command| (command.name, command.syntax, command.doc));
    let mut all: Vec<_> = now.chain(waiting).collect();
    all.sort_unstable();
    all
}

/// The number of a log level: a name, or digits.
pub fn level_of(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let place = LEVELS.iter().position(|name| name.eq_ignore_ascii_case(text))?;
    u8::try_from(place).ok()
}

fn control(services: &Services, args: &str) -> String {
    let words = words(args, 3);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let status = &services.status;
    let both = |value: bool| {
        for (name, flag) in [("inbound", &status.paused_inbound), ("outbound", &status.paused_outbound)] {
            if word(1).is_empty() || word(1).eq_ignore_ascii_case(name) {
                flag.store(value, Ordering::Relaxed);
            }
        }
        "+OK\n".to_owned()
    };
    let paused = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
    match word(0).to_ascii_lowercase().as_str() {
        "pause" => both(true),
        "resume" => both(false),
        "pause_check" => match word(1).to_ascii_lowercase().as_str() {
            "inbound" => paused(&status.paused_inbound),
            "outbound" => paused(&status.paused_outbound),
            _ => paused(&status.paused_inbound) && paused(&status.paused_outbound),
        }
        .to_string(),
        "ready_check" => (!paused(&status.paused_inbound)).to_string(),
        "shutdown_check" => status.stopping.load(Ordering::Relaxed).to_string(),
        "send_sighup" => {
            services.administration.rotate();
            drop(services.administration.reload());
            "+OK\n".to_owned()
        }
        "hupall" => {
            let cause = if word(1).is_empty() { Cause::MANAGER_REQUEST } else { Cause::parse(word(1)) };
            hang_up_all(services, cause);
            "+OK\n".to_owned()
        }
        "max_sessions" => setting(services, &status.max_sessions, word(1), "max sessions"),
        "sps" => setting(services, &status.sessions_per_second, word(1), "sessions per second"),
        "last_sps" => format!("+OK last sessions per second: {}\n", status.per_second((services.now_us)()).0),
        "loglevel" => {
            let wanted = level_of(word(1)).map(|level| level.min(7));
            if !word(1).is_empty() && !wanted.is_some_and(|level| services.administration.set_log_level(level)) {
                return "-ERR syntax error, log level not set!\n".to_owned();
            }
            let level = services.administration.log_level();
            format!("+OK log level: {} [{level}]\n", LEVELS.get(usize::from(level)).copied().unwrap_or("DEBUG"))
        }
        "shutdown" => {
            let at_once = match (word(1).to_ascii_lowercase().as_str(), word(2)) {
                ("" | "now", "") => true,
                ("elegant" | "asap", "") => false,
                _ => return "-ERR only now, asap and elegant are available in this version\n".to_owned(),
            };
            status.stopping.store(true, Ordering::Relaxed);
            services.administration.shutdown(at_once);
            "+OK\n".to_owned()
        }
        _ => format!("-ERR Invalid command\nUSAGE: fsctl {FSCTL}\n"),
    }
}

fn setting(services: &Services, place: &AtomicU32, text: &str, name: &str) -> String {
    if let Ok(number) = text.parse::<u32>()
        && number > 0
    {
        place.store(number, Ordering::Relaxed);
        services.status.limited.store(true, Ordering::Relaxed);
    }
    format!("+OK {name}: {}\n", place.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::level_of;

    #[test]
    fn levels() {
        for (text, level) in [("debug", Some(7)), ("ERR", Some(3)), ("9", Some(9)), ("", None), ("x", None)] {
            assert_eq!(level_of(text), level, "{text}");
        }
    }
}
