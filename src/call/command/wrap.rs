//! Commands around other commands, and small ones that clients ask: `bgapi`, `xml_wrap`, `msleep`, `console_complete` ….

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use super::{Command, run, run_job, settings};

/// Longest `msleep`, milliseconds.
const LONGEST_SLEEP: u64 = 60_000;

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("bgapi", "<command>[ <arg>]", "Runs a command; its output is an event", |services, args| {
        Box::pin(async move {
            if args.is_empty() {
                return "-ERR Invalid syntax\n".to_owned();
            }
            let job = (services.new_uuid)();
            run_job(services, job.clone(), None, args.to_owned());
            format!("+OK Job-UUID: {job}\n")
        })
    }),
    Command::new("console_complete", "<line>", "How a line that was begun may go on", |services, args| {
        Box::pin(
            async move { complete(args, &|| services.calls.all().iter().map(|(uuid, _)| uuid.to_string()).collect()) },
        )
    }),
    Command::new("is_lan_addr", "<ip>", "Whether an address is one of a private network", |_, args| {
        Box::pin(async move { args.parse().is_ok_and(|ip| is_private(&ip)).to_string() })
    }),
    Command::new("msleep", "<milliseconds>", "Answers after a time, a minute at most", |_, args| {
        Box::pin(async move {
            let time = args.parse::<u64>().unwrap_or(0).min(LONGEST_SLEEP);
            tokio::time::sleep(Duration::from_millis(time)).await;
            "+OK".to_owned()
        })
    }),
    Command::new("xml_wrap", "<command> <args>", "The output of a command inside XML", |services, args| {
        Box::pin(async move {
            let (name, rest) = args.split_once(' ').unwrap_or((args, ""));
            let output = run(services, name, rest).await.unwrap_or_else(|| "INVALID COMMAND!\n".to_owned());
            let mut text = "<result>\n".to_owned();
            for (at, line) in output.lines().enumerate() {
                let line = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let row = at.saturating_add(1);
                let _ = writeln!(text, "  <row id=\"{row}\">\n    <data>{line}</data>\n  </row>");
            }
            text.push_str("</result>\n");
            text
        })
    }),
];

/// Loopback is one too, as in FreeSWITCH.
fn is_private(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Most candidates of an answer.
const MOST_CANDIDATES: usize = 200;

/// Candidates, right-aligned in 20, then what replaces the letters that were typed. `channels` tells the uuids of channels.
fn complete(args: &str, channels: &dyn Fn() -> Vec<String>) -> String {
    let (cursor, line) = match args.strip_prefix("c=").and_then(|rest| rest.split_once(';')) {
        Some((cursor, line)) => (cursor.parse::<usize>().unwrap_or(line.len()), line),
        None => (args.len(), args),
    };
    let typed = line.get(..cursor.min(line.len())).unwrap_or(line);
    let (before, typed) = typed.rsplit_once(' ').map_or(("", typed), |(before, word)| (before, word));
    let before: Vec<&str> = before.split_whitespace().collect();
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = match before.as_slice() {
        [] => settings::listed().into_iter().map(|(name, ..)| name.to_owned()).collect(),
        ["show"] => own(super::show::TABLES),
        ["uuid_bridge", _] => channels(),
        [name] if name.starts_with("uuid_") => channels(),
        _ => Vec::new(),
    };
    let mut found: Vec<&str> = all.iter().map(String::as_str).filter(|name| name.starts_with(typed)).collect();
    found.sort_unstable();
    found.truncate(MOST_CANDIDATES);
    let mut text = "\n\n".to_owned();
    for row in found.chunks(4) {
        for name in row {
            let _ = write!(text, "[{name:>20}]\t");
        }
        text.push('\n');
    }
    let common = found.iter().copied().reduce(|one, other| {
        let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        one.get(..same).unwrap_or_default()
    });
    let Some(common) = common else { return String::new() };
    let blank = if found.len() == 1 { " " } else { "" };
    let _ = write!(text, "\nwrite={}:{common}{blank}", typed.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_completed() {
        let complete = |line: &str| complete(line, &|| vec!["b1".to_owned(), "a2".to_owned(), "a1".to_owned()]);
        assert_eq!(complete("c=4;uuid_dump"), complete("uuid"));
        assert_eq!(complete("uuid_dum"), format!("\n\n[{:>20}]\t\n\nwrite=8:uuid_dump ", "uuid_dump"));
        let two = format!("\n\n[{:>20}]\t[{:>20}]\t\n\nwrite=0:a", "a1", "a2");
        assert_eq!(complete("uuid_kill a"), two.replace("write=0", "write=1"));
        assert!(complete("uuid_kill ").contains("[                  b1]"), "{}", complete("uuid_kill "));
        assert!(complete("uuid_bridge b1 b").ends_with("write=1:b1 "));
        assert!(complete("show ch").ends_with("write=2:cha"), "{}", complete("show ch"));
        assert!(complete("show chan").ends_with("write=4:channels "), "{}", complete("show chan"));
        for nothing in ["nosuch", "status x", "uuid_kill a1 b", "c=99;nosuch"] {
            assert!(complete(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn private_addresses() {
        let all =
            [("10.0.0.1", true), ("192.168.9.9", true), ("8.8.8.8", false), ("::1", true), ("2001:db8::1", false)];
        for (ip, expected) in all {
            assert_eq!(is_private(&ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
