//! `sofia`: profiles and registrations, in the layout that clients parse.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Command, words};
use crate::call::administration::{GatewayState, ProfileState, Registration, TraceOrder};
use crate::call::services::Services;

const USAGE: &str = "USAGE:\n--------------------------------------------------------------------------------\n\
                     sofia status|xmlstatus|jsonstatus [profile <name> [reg] | gateway <name>]\n\
                     sofia profile <name> rescan|restart|gwlist|siptrace on|off\n\
                     sofia global siptrace on|off\n\
                     --------------------------------------------------------------------------------\n";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("sofia", "<cmd> <args>", "Profiles, gateways and registrations of SIP", |services, args| {
        Box::pin(async move {
            let words = words(args, 6);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                [] | ["help"] => USAGE.to_owned(),
                ["status"] => status(services),
                ["status", "profile", name, "reg", ..] => registrations(services, name),
                ["status", "profile", name] => profile(services, name),
                ["status", "gateway", name] => gateway(services, name),
                ["xmlstatus"] => xml(services),
                ["xmlstatus", "profile", name, ..] => xml_profile(services, name),
                ["jsonstatus", ..] => json(services),
                ["profile", name, what, more @ ..] => {
                    command(services, name, what, more.first().copied().unwrap_or_default()).await
                }
                ["status" | "xmlstatus", ..] => "Invalid Syntax!\n".to_owned(),
                ["profile", ..] => "-ERR Invalid Syntax\n".to_owned(),
                ["global", "siptrace", word @ ("on" | "off")] => {
                    match services.administration.trace(TraceOrder::Everything(*word == "on")) {
                        Ok(()) => format!("+OK Global siptrace {word}"),
                        Err(error) => format!("-ERR {error}\n"),
                    }
                }
                ["global", "siptrace", ..] => "-ERR Usage: siptrace <on|off>\n".to_owned(),
                ["global", ..] => "-ERR sofia global is not available in this version\n".to_owned(),
                [other, ..] => format!("Unknown Command [{other}]\n"),
            }
        })
    }),
    Command::new(
        "sofia_count_reg",
        "[profile/]<user>@<domain>",
        "Counts the registrations of a user",
        |services, args| {
            Box::pin(async move {
                let count = of_account(services, args).len();
                // As in FreeSWITCH a user without a registration counts as -1.
                if count == 0 { "-1".to_owned() } else { count.to_string() }
            })
        },
    ),
    Command::new(
        "sofia_username_of",
        "[profile/]<user>@<domain>",
        "The name a user has registered with",
        |services, args| {
            Box::pin(async move {
                let found = of_account(services, args).into_iter().next();
                found.map(|found| found.user).unwrap_or_default()
            })
        },
    ),
];

fn rule() -> String {
    "=".repeat(97)
}

fn find(services: &Services, name: &str) -> Option<ProfileState> {
    services.administration.profiles().into_iter().find(|profile| profile.name == name)
}

fn status(services: &Services) -> String {
    let profiles = services.administration.profiles();
    let mut text = format!("{:>25}\t{:>7}\t{:>42}\t{}\n{}\n", "Name", "Type", "Data", "State", rule());
    for profile in &profiles {
        let state = format!("RUNNING ({})", profile.calls);
        let _ = writeln!(text, "{:>25}\t{:>7}\t{:>42}\t{state}", profile.name, "profile", profile.url);
    }
    let gateways = services.administration.gateways();
    for found in &gateways {
        let name = format!("{}::{}", found.profile, found.name);
        let _ = writeln!(text, "{name:>25}\t{:>7}\t{:>42}\t{}", "gateway", found.from, found.state);
    }
    let plural = if profiles.len() == 1 { "" } else { "s" };
    let _ = writeln!(text, "{}\n{} profile{plural} 0 aliases", rule(), profiles.len());
    text
}

/// Keys and values of a profile.
fn facts(services: &Services, profile: &ProfileState) -> Vec<(&'static str, String)> {
    let registered = services.administration.registrations().len();
    vec![
        ("Name", profile.name.clone()),
        ("Domain Name", "N/A".to_owned()),
        ("Dialplan", "XML".to_owned()),
        ("Context", profile.context.clone()),
        ("URL", profile.url.clone()),
        ("CALLS", profile.calls.to_string()),
        ("REGISTRATIONS", registered.to_string()),
    ]
}

fn profile(services: &Services, name: &str) -> String {
    let Some(found) = find(services, name) else { return "Invalid Profile!\n".to_owned() };
    let mut text = format!("{}\n", rule());
    for (name, value) in facts(services, &found) {
        let _ = writeln!(text, "{name:<17}\t{value}");
    }
    text
}

/// What is known of a gateway. Calls are not counted, so the lines that count them are left out.
fn gateway(services: &Services, name: &str) -> String {
    let wanted = |found: &GatewayState| {
        let (profile, bare) = name.split_once("::").map_or((None, name), |(profile, bare)| (Some(profile), bare));
        found.name.eq_ignore_ascii_case(bare) && profile.is_none_or(|profile| profile == found.profile)
    };
    let Some(found) = services.administration.gateways().into_iter().find(wanted) else {
        return "Invalid Gateway!\n".to_owned();
    };
    let mut text = format!("{}\n", rule());
    for (key, value) in [
        ("Name", found.name),
        ("Profile", found.profile),
        ("Scheme", "Digest".to_owned()),
        ("Realm", found.realm),
        ("Username", found.username),
        ("Password", if found.has_password { "yes" } else { "no" }.to_owned()),
        ("From", found.from.clone()),
        ("Contact", found.contact),
        ("Exten", found.extension),
        ("To", found.from),
        ("Proxy", found.proxy),
        ("Context", found.context),
        ("Expires", found.expires_s.to_string()),
        ("PingFreq", found.ping_s.to_string()),
        ("State", found.state.to_owned()),
        ("Status", if found.up { "UP" } else { "DOWN" }.to_owned()),
    ] {
        let _ = writeln!(text, "{key:<8}\t{value}");
    }
    let _ = writeln!(text, "{}", rule());
    text
}

fn registrations(services: &Services, name: &str) -> String {
    if find(services, name).is_none() {
        return "Invalid Profile!\n".to_owned();
    }
    let mut text = format!("\nRegistrations:\n{}\n", rule());
    let all = services.administration.registrations();
    let now = super::now_s(services);
    for found in &all {
        let stamp =
            i64::try_from(found.expires).ok().and_then(|at| jiff::Timestamp::from_second(at).ok()).unwrap_or_default();
        let stamp = stamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let left = found.expires.saturating_sub(now);
        let (user, realm) = (&found.user, &found.realm);
        for (key, value) in [
            ("Call-ID:    ", found.call_id.clone()),
            ("User:       ", format!("{user}@{realm}")),
            ("Contact:    ", found.url.clone()),
            ("Agent:      ", found.agent.clone()),
            (
                "Status:     ",
                format!("Registered({})(unknown) EXP({stamp}) EXPSECS({left})", found.transport.to_uppercase()),
            ),
            ("Ping-Status:", "Reachable".to_owned()),
            ("Ping-Time:", "0.00".to_owned()),
            ("Host:       ", services.hostname.clone()),
            ("IP:         ", found.ip.clone()),
            ("Port:       ", found.port.to_string()),
            ("Auth-User:  ", user.clone()),
            ("Auth-Realm: ", realm.clone()),
            ("MWI-Account:", format!("{user}@{realm}")),
        ] {
            let _ = writeln!(text, "{key}\t{value}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "Total items returned: {}\n{}", all.len(), rule());
    text
}

fn xml(services: &Services) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<profiles>\n".to_owned();
    for profile in services.administration.profiles() {
        let ProfileState { name, url, calls, .. } = profile;
        let _ = writeln!(
            text,
            "<profile>\n<name>{name}</name>\n<type>profile</type>\n<data>{url}</data>\n<state>RUNNING ({calls})</state>\n</profile>"
        );
    }
    text.push_str("</profiles>\n");
    text
}

fn xml_profile(services: &Services, name: &str) -> String {
    let Some(found) = find(services, name) else { return "Invalid Profile!\n".to_owned() };
    let mut text = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<profile>\n  <profile-info>\n".to_owned();
    for (key, value) in facts(services, &found) {
        let key = key.to_lowercase().replace(' ', "-");
        let _ = writeln!(text, "    <{key}>{}</{key}>", value.replace('&', "&amp;").replace('<', "&lt;"));
    }
    text.push_str("  </profile-info>\n</profile>\n");
    // The name stands by itself where clients look for it.
    text.replace("    <name>", "<name>")
}

fn json(services: &Services) -> String {
    let profiles: serde_json::Map<String, serde_json::Value> = services
        .administration
        .profiles()
        .into_iter()
        .map(|profile| {
            let state = format!("RUNNING ({})", profile.calls);
            (profile.name, serde_json::json!({ "type": "profile", "data": profile.url, "state": state }))
        })
        .collect();
    serde_json::json!({ "profiles": profiles }).to_string()
}

async fn command(services: &Arc<Services>, name: &str, what: &str, more: &str) -> String {
    if find(services, name).is_none() {
        return format!("Invalid Profile [{name}]");
    }
    match what {
        "rescan" => match services.administration.rescan(name).await {
            Ok(Ok(unmet)) => {
                let mut lines = vec!["Reload XML [Success]".to_owned(), "+OK scan complete".to_owned()];
                lines.extend(unmet);
                lines.join("\n") + "\n"
            }
            Ok(Err(error)) => format!("Reload XML [{}]\n-ERR\n", error.trim()),
            Err(_) => "-ERR not available here\n".to_owned(),
        },
        // Sockets and calls stay: a restart is a rescan where that is enough, and else is refused.
        "restart" => match services.administration.rescan(name).await {
            Ok(Ok(unmet)) if unmet.is_empty() => format!("Reload XML [Success]\nrestarting: {name}\n"),
            Ok(Ok(unmet)) => format!("Reload XML [Success]\n-ERR {}\n", unmet.join("; ")),
            Ok(Err(error)) => format!("Reload XML [{}]\n-ERR\n", error.trim()),
            Err(_) => "-ERR not available here\n".to_owned(),
        },
        "gwlist" => {
            let named = services.administration.gateways().into_iter().filter(|found| found.profile == name);
            let fits = |up: bool| match more {
                "up" => up,
                "down" => !up,
                _ => true,
            };
            named.filter(|found| fits(found.up)).map(|found| found.name).collect::<Vec<_>>().join(" ")
        }
        "siptrace" => {
            let (on, done) = match more {
                "on" => (true, "Enabled"),
                "off" => (false, "Disabled"),
                _ => return "-ERR Usage: siptrace <on|off>\n".to_owned(),
            };
            match services.administration.trace(TraceOrder::Profile(name, on)) {
                Ok(()) => format!("{done} sip debugging on {name}"),
                Err(error) => format!("-ERR {error}\n"),
            }
        }
        "start" => format!("-ERR profile {name} runs already\n"),
        "stop" => format!("-ERR profile {name} ends with the switch\n"),
        other => format!("-ERR sofia profile {name} {other} is not available in this version\n"),
    }
}

/// The registrations of `[profile/]user@domain`.
fn of_account(services: &Services, args: &str) -> Vec<Registration> {
    let account = args.rsplit('/').next().unwrap_or_default();
    let Some((user, domain)) = account.split_once('@') else { return Vec::new() };
    let mut all = services.administration.registrations();
    all.retain(|found| found.user.eq_ignore_ascii_case(user) && found.realm.eq_ignore_ascii_case(domain));
    all
}
