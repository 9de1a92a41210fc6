//! `show`: tables of what lives and what there is, as text, JSON or XML.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Command, PATIENCE, now_s, settings, usage};
use crate::call::app;
use crate::call::channel::MODULES;
use crate::call::event::Event;
use crate::call::registry::{Question, Seen};
use crate::call::services::Services;

const SYNTAX: &str = "codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]|calls|\
                      detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|nat_map|\
                      say|interfaces|interface_types|tasks|limits|status";
const CODECS: &[&str] = &["PCMA", "PCMU"];
const ENDPOINTS: &[(&str, &str)] = &[
    ("error", "mod_dptools"),
    ("group", "mod_dptools"),
    ("loopback", "mod_loopback"),
    ("null", "mod_loopback"),
    ("sofia", "mod_sofia"),
    ("user", "mod_dptools"),
];
const DIALPLANS: &[(&str, &str)] = &[("LUA", "mod_lua"), ("XML", "mod_dialplan_xml"), ("inline", "mod_dptools")];

/// Columns of a channel: name, and the header of its event.
const CHANNEL: &[(&str, &str)] = &[
    ("uuid", "Unique-ID"),
    ("direction", "Call-Direction"),
    ("created", "variable_start_stamp"),
    ("created_epoch", "Caller-Channel-Created-Time"),
    ("name", "Channel-Name"),
    ("state", "Channel-State"),
    ("cid_name", "Caller-Caller-ID-Name"),
    ("cid_num", "Caller-Caller-ID-Number"),
    ("ip_addr", "Caller-Network-Addr"),
    ("dest", "Caller-Destination-Number"),
    ("application", "variable_current_application"),
    ("application_data", "variable_current_application_data"),
    ("dialplan", "Caller-Dialplan"),
    ("context", "Caller-Context"),
    ("read_codec", "Channel-Read-Codec-Name"),
    ("read_rate", "Channel-Read-Codec-Rate"),
    ("read_bit_rate", "Channel-Read-Codec-Bit-Rate"),
    ("write_codec", "Channel-Write-Codec-Name"),
    ("write_rate", "Channel-Write-Codec-Rate"),
    ("write_bit_rate", "Channel-Write-Codec-Bit-Rate"),
    ("secure", ""),
    ("hostname", "FreeSWITCH-Hostname"),
    ("presence_id", "Channel-Presence-ID"),
    ("presence_data", "Channel-Presence-Data"),
    ("accountcode", "variable_accountcode"),
    ("callstate", "Channel-Call-State"),
    ("callee_name", "Caller-Callee-ID-Name"),
    ("callee_num", "Caller-Callee-ID-Number"),
    ("callee_direction", ""),
    ("call_uuid", "Channel-Call-UUID"),
    ("sent_callee_name", ""),
    ("sent_callee_num", ""),
    ("initial_cid_name", "Caller-Orig-Caller-ID-Name"),
    ("initial_cid_num", "Caller-Orig-Caller-ID-Number"),
    ("initial_ip_addr", "Caller-Network-Addr"),
    ("initial_dest", "Caller-Destination-Number"),
    ("initial_dialplan", "Caller-Dialplan"),
    ("initial_context", "Caller-Context"),
];

/// Columns of a leg in the tables of calls.
const LEG: &[&str] = &[
    "uuid",
    "direction",
    "created",
    "created_epoch",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "ip_addr",
    "dest",
    "presence_id",
    "presence_data",
    "accountcode",
    "callstate",
    "callee_name",
    "callee_num",
    "callee_direction",
    "call_uuid",
    "hostname",
    "sent_callee_name",
    "sent_callee_num",
];
/// Columns that only the first leg of a call has.
const FIRST_ONLY: &[&str] = &["call_uuid", "hostname"];

/// The commands of this file.
pub(super) const COMMANDS: &[Command] =
    &[Command::new("show", SYNTAX, "Shows what lives and what there is", |services, args| {
        Box::pin(async move { show(services, args).await })
    })];

/// A table: columns, and rows of as many values.
#[derive(Debug, Default)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows }
    }

    /// As text: no header without rows.
    fn text(&self, delimiter: &str) -> String {
        let mut text = String::new();
        if !self.rows.is_empty() {
            let _ = writeln!(text, "{}", self.columns.join(delimiter));
        }
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.join(delimiter));
        }
        let _ = write!(text, "\n{} total.\n", self.rows.len());
        text
    }

    fn json(&self) -> String {
        if self.rows.is_empty() {
            return "{\"row_count\": 0}\n".to_owned();
        }
        let row = |row: &Vec<String>| {
            let pairs = self.columns.iter().zip(row);
            serde_json::Value::Object(pairs.map(|(name, value)| (name.clone(), value.as_str().into())).collect())
        };
        serde_json::json!({ "row_count": self.rows.len(), "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
            .to_string()
    }

    fn xml(&self) -> String {
        if self.rows.is_empty() {
            return "<result row_count=\"0\"/>\n".to_owned();
        }
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut text = format!("<result row_count=\"{}\">\n", self.rows.len());
        for (at, row) in self.rows.iter().enumerate() {
            let _ = writeln!(text, "  <row row_id=\"{}\">", at.saturating_add(1));
            for (name, value) in self.columns.iter().zip(row) {
                let _ = writeln!(text, "    <{name}>{}</{name}>", escaped(value));
            }
            text.push_str("  </row>\n");
        }
        text.push_str("</result>\n");
        text
    }
}

async fn show(services: &Arc<Services>, args: &str) -> String {
    let mut words: Vec<&str> = args.split_whitespace().collect();
    let format = match words.iter().position(|word| *word == "as") {
        Some(at) => {
            let format: Vec<&str> = words.drain(at..).skip(1).collect();
            format
        }
        None => Vec::new(),
    };
    let (what, rest) = words.split_first().map_or(("", &[][..]), |(what, rest)| (*what, rest));
    if what == "status" {
        return super::run(services, "status", "").await.unwrap_or_default();
    }
    if what == "channels" && rest == ["count"] && format.is_empty() {
        // Nobody needs to be asked for that.
        return format!("\n{} total.\n", services.calls.count());
    }
    let Some(mut table) = table(services, what).await else { return usage(SYNTAX) };
    if let Some(("like", wanted)) = rest.split_first().map(|(word, rest)| (*word, rest.join(" "))) {
        let searched = ["uuid", "name", "cid_name", "cid_num", "presence_data", "accountcode"];
        let places: Vec<usize> = (0..table.columns.len())
            .filter(|at| table.columns.get(*at).is_some_and(|name| searched.contains(&name.as_str())))
            .collect();
        table.rows.retain(|row| places.iter().any(|at| row.get(*at).is_some_and(|value| like(value, &wanted))));
    }
    let counts = rest.first() == Some(&"count");
    match format.as_slice() {
        ["json", ..] => table.json(),
        ["xml", ..] => table.xml(),
        _ if counts => format!("\n{} total.\n", table.rows.len()),
        ["delim", delimiter, ..] => table.text(delimiter),
        _ => table.text(","),
    }
}

/// A substring; with `%` in it a pattern of SQL.
fn like(value: &str, pattern: &str) -> bool {
    let (value, pattern) = (value.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    if !pattern.contains('%') {
        return value.contains(&pattern);
    }
    let parts: Vec<&str> = pattern.split('%').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    let Some(mut rest) = value.strip_prefix(first) else { return false };
    for part in parts.get(1..parts.len().saturating_sub(1)).unwrap_or_default() {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at.saturating_add(part.len())..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// None: there is no such table.
async fn table(services: &Arc<Services>, what: &str) -> Option<Table> {
    let own = |text: &str| text.to_owned();
    let kinds = |kind: &str, all: Vec<(&str, &str)>| {
        let rows = all.into_iter().map(|(name, module)| vec![own(kind), own(name), own(module)]).collect();
        Table::new(&["type", "name", "ikey"], rows)
    };
    let named = &["name", "description", "syntax", "ikey"];
    Some(match what {
        "channels" => channels(services).await,
        "calls" => calls(services, false, LEG, FIRST_ONLY).await,
        "bridged_calls" => calls(services, true, LEG, FIRST_ONLY).await,
        "detailed_calls" | "detailed_bridged_calls" => {
            let all: Vec<&str> =
                CHANNEL.iter().map(|(name, _)| *name).take_while(|name| *name != "initial_cid_name").collect();
            calls(services, what == "detailed_bridged_calls", &all, &[]).await
        }
        "api" => {
            let rows = settings::listed().into_iter();
            let row =
                |(name, syntax, doc): (&str, &str, &str)| vec![own(name), own(doc), own(syntax), own("mod_commands")];
            Table::new(named, rows.map(row).collect())
        }
        "application" => {
            let row = |application: &&'static app::Application| {
                vec![own(application.name), own(application.doc), own(application.syntax), own("mod_dptools")]
            };
            Table::new(named, app::all().iter().map(row).collect())
        }
        "codec" => kinds("codec", CODECS.iter().map(|name| (*name, "CORE_PCM_MODULE")).collect()),
        "endpoint" => kinds("endpoint", ENDPOINTS.to_vec()),
        "dialplan" => kinds("dialplan", DIALPLANS.to_vec()),
        "modules" => {
            let row = |name: &&str| vec![own("generic"), own(name), own(name), String::new()];
            Table::new(&["type", "name", "ikey", "filename"], MODULES.iter().map(row).collect())
        }
        "registrations" => {
            let now = now_s(services);
            let row = |found: crate::call::administration::Registration| {
                let left = found.expires.max(now).to_string();
                let (ip, port, kind) = (found.ip, found.port.to_string(), own(found.transport));
                vec![
                    found.user,
                    found.realm,
                    found.call_id,
                    found.url,
                    left,
                    ip,
                    port,
                    kind,
                    services.hostname.clone(),
                    String::new(),
                ]
            };
            let columns = &[
                "reg_user",
                "realm",
                "token",
                "url",
                "expires",
                "network_ip",
                "network_port",
                "network_proto",
                "hostname",
                "metadata",
            ];
            Table::new(columns, services.administration.registrations().into_iter().map(row).collect())
        }
        "tasks" => {
            let row = |task: crate::call::scheduler::Task| {
                vec![
                    task.id.to_string(),
                    task.description,
                    task.group,
                    task.at.to_string(),
                    own("0"),
                    services.hostname.clone(),
                ]
            };
            let columns = &["task_id", "task_desc", "task_group", "task_runtime", "task_sql_manager", "hostname"];
            Table::new(columns, services.scheduler.all().into_iter().map(row).collect())
        }
        "aliases" | "chat" | "complete" | "file" | "interfaces" | "interface_types" | "limits" | "management"
        | "nat_map" | "say" | "timer" => Table::default(),
        _ => return None,
    })
}

/// Every channel as an event; those that do not answer in time are left out.
async fn every(services: &Services) -> Vec<Seen> {
    let asked: Vec<_> = services
        .calls
        .all()
        .into_iter()
        .map(|(uuid, sink)| {
            let (reply, answer) = oneshot::channel();
            sink.ask(Question::Dump { uuid, brief: true, reply });
            answer
        })
        .collect();
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut all = Vec::new();
    for answer in asked {
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        if let Ok(Ok(Some(seen))) = timeout(left, answer).await {
            all.push(seen);
        }
    }
    all.sort_by_cached_key(|seen| {
        seen.event.get("Caller-Channel-Created-Time").and_then(|text| text.parse::<u64>().ok())
    });
    all
}

fn cell(services: &Services, event: &Event, column: &str) -> String {
    let header = CHANNEL.iter().find(|(name, _)| *name == column).map_or("", |(_, header)| header);
    let value = event.get(header).unwrap_or_default();
    match column {
        "hostname" => services.hostname.clone(),
        "created_epoch" => value.parse::<u64>().map(|us| (us / 1_000_000).to_string()).unwrap_or_default(),
        "created" => {
            let us = event.get("Caller-Channel-Created-Time").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
            let at = jiff::Timestamp::from_microsecond(us).unwrap_or_default().to_zoned(jiff::tz::TimeZone::system());
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        _ => value.to_owned(),
    }
}

async fn channels(services: &Services) -> Table {
    let columns: Vec<&str> = CHANNEL.iter().map(|(name, _)| *name).collect();
    let row = |seen: &Seen| columns.iter().map(|column| cell(services, &seen.event, column)).collect();
    Table::new(&columns, every(services).await.iter().map(row).collect())
}

/// Pairs of legs; those that are alone with empty columns. The second leg has the columns of the first but some.
async fn calls(services: &Services, bridged_only: bool, first: &[&str], first_only: &[&str]) -> Table {
    let second: Vec<&str> = first.iter().copied().filter(|column| !first_only.contains(column)).collect();
    let all = every(services).await;
    let uuid = |seen: &Seen| seen.event.get("Unique-ID").unwrap_or_default().to_owned();
    let by_uuid: HashMap<String, &Event> = all.iter().map(|seen| (uuid(seen), &seen.event)).collect();
    let mut taken: HashSet<&str> = HashSet::new();
    let mut rows = Vec::new();
    for Seen { event, partner, .. } in &all {
        if event.get("Unique-ID").is_some_and(|uuid| taken.contains(uuid)) {
            continue;
        }
        let other = partner.as_deref().and_then(|uuid| by_uuid.get(uuid).copied());
        if other.is_none() && bridged_only {
            continue;
        }
        taken.extend(other.and(partner.as_deref()));
        let mut row: Vec<String> = first.iter().map(|column| cell(services, event, column)).collect();
        row.extend(second.iter().map(|column| other.map(|other| cell(services, other, column)).unwrap_or_default()));
        row.push(cell(services, event, "created_epoch"));
        rows.push(row);
    }
    let mut columns: Vec<String> = first.iter().map(|name| (*name).to_owned()).collect();
    columns.extend(second.iter().map(|name| format!("b_{name}")));
    columns.push("call_created_epoch".to_owned());
    Table { columns, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms() {
        let empty = Table::new(&["a"], Vec::new());
        assert_eq!((empty.text(","), empty.json()), ("\n0 total.\n".to_owned(), "{\"row_count\": 0}\n".to_owned()));
        assert_eq!(empty.xml(), "<result row_count=\"0\"/>\n");
        let table = Table::new(&["a", "b"], vec![vec!["1".to_owned(), "<".to_owned()]]);
        assert_eq!(table.text("|"), "a|b\n1|<\n\n1 total.\n");
        assert_eq!(table.json(), "{\"row_count\":1,\"rows\":[{\"a\":\"1\",\"b\":\"<\"}]}");
        assert!(table.xml().contains("  <row row_id=\"1\">\n    <a>1</a>\n    <b>&lt;</b>\n  </row>\n"));
    }

    #[test]
    fn patterns_of_like() {
        for (value, pattern, found) in [
            ("abc", "B", true),
            ("abc", "x", false),
            ("abc", "a%", true),
            ("abc", "%b", false),
            ("a-b-c", "a%b%c", true),
        ] {
            assert_eq!(like(value, pattern), found, "{value} {pattern}");
        }
    }
}
