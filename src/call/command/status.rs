//! `status`, `version`, `uptime`.

use std::sync::atomic::Ordering;

use super::Command;
use crate::call::services::Services;

/// What clients are told of the version: they look for FreeSWITCH's number to know what they may ask.
const COMPATIBLE: &str = "1.11.3-dev";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("status", "", "Says since when the switch runs, and what it does", |services, _| {
        Box::pin(async move { status(services) })
    }),
    Command::new("uptime", "[s|ms|us|m|h|d]", "Time since the start", |services, args| {
        Box::pin(async move {
            let us = (services.now_us)().saturating_sub(services.status.started_us);
            let unit = match args {
                "ms" => 1_000,
                "us" => 1,
                "m" => 60_000_000,
                "h" => 3_600_000_000,
                "d" => 86_400_000_000,
                _ => 1_000_000,
            };
            format!("{}\n", us / unit)
        })
    }),
    Command::new("version", "[short]", "The version that clients may count on, and our own", |_, args| {
        Box::pin(async move {
            if args == "short" {
                return format!("{COMPATIBLE}\n");
            }
            format!("FreeSWITCH Version {COMPATIBLE}+switch~{}~64bit (switch {})\n", own(), own())
        })
    }),
];

const fn own() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn status(services: &Services) -> String {
    let (state, now) = (&services.status, (services.now_us)());
    let us = now.saturating_sub(state.started_us);
    let paused = state.paused_inbound.load(Ordering::Relaxed);
    let (last, most) = state.per_second(now);
    let alive = services.calls.count();
    let peak = state.peak.load(Ordering::Relaxed);
    format!(
        "UP {}\nFreeSWITCH (Version {COMPATIBLE} switch {} 64bit) is {}\n{} session(s) since startup\n\
         {alive} session(s) - peak {peak}, last 5min {peak} \n\
         {last} session(s) per Sec out of max {}, peak {most}, last 5min {most} \n\
         {} session(s) max\nmin idle cpu 0.00/100.00\nCurrent Stack Size/Max 240K/8192K\n",
        lasting(us),
        own(),
        if paused { "not ready" } else { "ready" },
        state.sessions.load(Ordering::Relaxed),
        state.sessions_per_second.load(Ordering::Relaxed),
        state.max_sessions.load(Ordering::Relaxed),
    )
}

/// `0 years, 0 days, 0 hours, 1 minute, 12 seconds, 456 milliseconds, 843 microseconds`.
fn lasting(us: u64) -> String {
    let seconds = us / 1_000_000;
    let parts = [
        ("year", seconds / 31_536_000),
        ("day", seconds / 86_400 % 365),
        ("hour", seconds / 3600 % 24),
        ("minute", seconds / 60 % 60),
        ("second", seconds % 60),
        ("millisecond", us / 1000 % 1000),
        ("microsecond", us % 1000),
    ];
    parts.map(|(unit, count)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" })).join(", ")
}

#[cfg(test)]
mod tests {
    use super::lasting;

    #[test]
    fn durations_in_words() {
        assert_eq!(lasting(61_002_003), "0 years, 0 days, 0 hours, 1 minute, 1 second, 2 milliseconds, 3 microseconds");
        assert!(lasting(u64::MAX).starts_with("584942 years, "));
    }
}
