//! `show`: tables of what lives and what there is, as text, JSON or XML.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use tokio::time::timeout_at;

use super::{Command, PATIENCE, now_s, settings, usage};
use crate::call::app;
use crate::call::channel::MODULES;
use crate::call::event::json_string;
use crate::call::registry::Unsure;
use crate::call::row::{Row, Text};
use crate::call::services::Services;

const SYNTAX: &str = "codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]|calls|\
                      detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|nat_map|\
                      say|interfaces|interface_types|tasks|limits|status";
/// The tables, for completion.
pub(super) const TABLES: &[&str] = &[
    "api",
    "application",
    "bridged_calls",
    "calls",
    "channels",
    "chat",
    "codec",
    "detailed_bridged_calls",
    "detailed_calls",
    "dialplan",
    "endpoint",
    "modules",
    "registrations",
    "status",
    "tasks",
];
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

/// What a column shows of a channel.
#[derive(Clone, Copy)]
enum Shows {
    Uuid,
    Direction,
    /// When it began, as a date.
    Created,
    /// The same in seconds since 1970.
    CreatedEpoch,
    State,
    CallState,
    Codec,
    Rate,
    BitRate,
    Hostname,
    One(Text),
    Nothing,
}

/// Columns of a channel.
const CHANNEL: &[(&str, Shows)] = &[
    ("uuid", Shows::Uuid),
    ("direction", Shows::Direction),
    ("created", Shows::Created),
    ("created_epoch", Shows::CreatedEpoch),
    ("name", Shows::One(Text::Name)),
    ("state", Shows::State),
    ("cid_name", Shows::One(Text::CallerName)),
    ("cid_num", Shows::One(Text::CallerNumber)),
    ("ip_addr", Shows::One(Text::Address)),
    ("dest", Shows::One(Text::Destination)),
    ("application", Shows::One(Text::Application)),
    ("application_data", Shows::One(Text::ApplicationData)),
    ("dialplan", Shows::One(Text::Dialplan)),
    ("context", Shows::One(Text::Context)),
    ("read_codec", Shows::Codec),
    ("read_rate", Shows::Rate),
    ("read_bit_rate", Shows::BitRate),
    ("write_codec", Shows::Codec),
    ("write_rate", Shows::Rate),
    ("write_bit_rate", Shows::BitRate),
    ("secure", Shows::Nothing),
    ("hostname", Shows::Hostname),
    ("presence_id", Shows::One(Text::PresenceId)),
    ("presence_data", Shows::One(Text::PresenceData)),
    ("accountcode", Shows::One(Text::AccountCode)),
    ("callstate", Shows::CallState),
    ("callee_name", Shows::One(Text::CalleeName)),
    ("callee_num", Shows::One(Text::CalleeNumber)),
    ("callee_direction", Shows::Nothing),
    ("call_uuid", Shows::One(Text::CallUuid)),
    ("sent_callee_name", Shows::Nothing),
    ("sent_callee_num", Shows::Nothing),
    ("initial_cid_name", Shows::One(Text::FirstCallerName)),
    ("initial_cid_num", Shows::One(Text::FirstCallerNumber)),
    ("initial_ip_addr", Shows::One(Text::Address)),
    ("initial_dest", Shows::One(Text::Destination)),
    ("initial_dialplan", Shows::One(Text::Dialplan)),
    ("initial_context", Shows::One(Text::Context)),
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
struct Table<'a> {
    columns: Vec<String>,
    rows: Vec<Vec<Cow<'a, str>>>,
}

impl<'a> Table<'a> {
    fn new(columns: &[&str], rows: Vec<Vec<Cow<'a, str>>>) -> Self {
        Self { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows }
    }

    fn of_texts(columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::new(columns, rows.into_iter().map(|row| row.into_iter().map(Cow::Owned).collect()).collect())
    }

    /// Room for its text, about.
    fn room(&self) -> usize {
        let length = |row: &Vec<Cow<str>>| row.iter().map(|value| value.len().saturating_add(24)).sum::<usize>();
        self.rows.iter().map(length).sum()
    }

    /// As text: no header without rows.
    fn text(&self, delimiter: &str) -> String {
        let mut text = String::with_capacity(self.room());
        if !self.rows.is_empty() {
            let _ = writeln!(text, "{}", self.columns.join(delimiter));
        }
        for row in &self.rows {
            for (at, value) in row.iter().enumerate() {
                if at > 0 {
                    text.push_str(delimiter);
                }
                text.push_str(value);
            }
            text.push('\n');
        }
        let _ = write!(text, "\n{} total.\n", self.rows.len());
        text
    }

    fn json(&self) -> String {
        if self.rows.is_empty() {
            return "{\"row_count\": 0}\n".to_owned();
        }
        let mut text = String::with_capacity(self.room());
        let _ = write!(text, "{{\"row_count\":{},\"rows\":[", self.rows.len());
        for (at, row) in self.rows.iter().enumerate() {
            text.push_str(if at > 0 { ",{" } else { "{" });
            for (at, (name, value)) in self.columns.iter().zip(row).enumerate() {
                if at > 0 {
                    text.push(',');
                }
                json_string(name, &mut text);
                text.push(':');
                json_string(value, &mut text);
            }
            text.push('}');
        }
        text.push_str("]}");
        text
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
    // Rows of channels are borrowed by the table.
    let channels = if is_of_channels(what) { every(services).await } else { Vec::new() };
    let Some(mut table) = table(services, what, &channels) else { return usage(SYNTAX) };
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

/// Whether a table shows channels.
fn is_of_channels(what: &str) -> bool {
    ["channels", "calls", "bridged_calls", "detailed_calls", "detailed_bridged_calls"].contains(&what)
}

/// None: there is no such table.
fn table<'a>(services: &'a Arc<Services>, what: &str, all: &'a [Arc<Row>]) -> Option<Table<'a>> {
    let own = |text: &str| text.to_owned();
    let kinds = |kind: &str, all: Vec<(&str, &str)>| {
        let rows = all.into_iter().map(|(name, module)| vec![own(kind), own(name), own(module)]).collect();
        Table::of_texts(&["type", "name", "ikey"], rows)
    };
    let named = &["name", "description", "syntax", "ikey"];
    Some(match what {
        "channels" => channels(services, all),
        "calls" => calls(services, all, false, LEG, FIRST_ONLY),
        "bridged_calls" => calls(services, all, true, LEG, FIRST_ONLY),
        "detailed_calls" | "detailed_bridged_calls" => {
            let columns: Vec<&str> =
                CHANNEL.iter().map(|(name, _)| *name).take_while(|name| *name != "initial_cid_name").collect();
            calls(services, all, what == "detailed_bridged_calls", &columns, &[])
        }
        "api" => {
            let rows = settings::listed().into_iter();
            let row =
                |(name, syntax, doc): (&str, &str, &str)| vec![own(name), own(doc), own(syntax), own("mod_commands")];
            Table::of_texts(named, rows.map(row).collect())
        }
        "application" => {
            let row = |application: &&'static app::Application| {
                vec![own(application.name), own(application.doc), own(application.syntax), own("mod_dptools")]
            };
            Table::of_texts(named, app::all().iter().map(row).collect())
        }
        "codec" => kinds("codec", CODECS.iter().map(|name| (*name, "CORE_PCM_MODULE")).collect()),
        "endpoint" => kinds("endpoint", ENDPOINTS.to_vec()),
        "dialplan" => kinds("dialplan", DIALPLANS.to_vec()),
        "modules" => {
            let row = |name: &&str| vec![own("generic"), own(name), own(name), String::new()];
            Table::of_texts(&["type", "name", "ikey", "filename"], MODULES.iter().map(row).collect())
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
            Table::of_texts(columns, services.administration.registrations().into_iter().map(row).collect())
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
            Table::of_texts(columns, services.scheduler.all().into_iter().map(row).collect())
        }
        "aliases" | "chat" | "complete" | "file" | "interfaces" | "interface_types" | "limits" | "management"
        | "nat_map" | "say" | "timer" => Table::default(),
        _ => return None,
    })
}

/// Every channel. Calls are asked only when something was asked of them that may have changed their rows; who does not
/// answer in time is left out.
async fn every(services: &Services) -> Vec<Arc<Row>> {
    let (mut all, unsure) = services.calls.rows();
    let until = tokio::time::Instant::now() + PATIENCE;
    let asked: Vec<_> = unsure.into_iter().map(Unsure::ask).collect();
    for answer in asked {
        all.extend(timeout_at(until, answer).await.ok().flatten());
    }
    all.sort_by_key(|row| row.marks.created);
    all
}

/// Writes cells. Rows are sorted by time, so the last date is mostly the next one as well.
struct Cells<'a> {
    services: &'a Services,
    date: Option<(u64, String)>,
}

impl<'a> Cells<'a> {
    fn new(services: &'a Services) -> Self {
        Self { services, date: None }
    }

    fn columns(names: &[&str]) -> Vec<Shows> {
        let shows = |column: &&str| CHANNEL.iter().find(|(name, _)| name == column);
        names.iter().map(|name| shows(name).map_or(Shows::Nothing, |(_, shows)| *shows)).collect()
    }

    fn cell(&mut self, row: &'a Row, shows: Shows) -> Cow<'a, str> {
        let marks = &row.marks;
        let with_codec = |text| if marks.codec.is_empty() { "" } else { text };
        match shows {
            Shows::Uuid => (&*marks.uuid).into(),
            Shows::Direction => marks.direction.into(),
            Shows::Created => self.date(marks.created).into(),
            Shows::CreatedEpoch => (marks.created / 1_000_000).to_string().into(),
            Shows::State => marks.state.into(),
            Shows::CallState => marks.call_state.into(),
            Shows::Codec => marks.codec.into(),
            Shows::Rate => with_codec("8000").into(),
            Shows::BitRate => with_codec("64000").into(),
            Shows::Hostname => self.services.hostname.as_str().into(),
            Shows::One(text) => row.text(text).into(),
            Shows::Nothing => "".into(),
        }
    }

    fn date(&mut self, us: u64) -> String {
        let second = us / 1_000_000;
        if let Some((known, date)) = &self.date
            && *known == second
        {
            return date.clone();
        }
        let at = jiff::Timestamp::from_second(i64::try_from(second).unwrap_or(0)).unwrap_or_default();
        let date = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        self.date = Some((second, date.clone()));
        date
    }
}

fn channels<'a>(services: &'a Services, all: &'a [Arc<Row>]) -> Table<'a> {
    let names: Vec<&str> = CHANNEL.iter().map(|(name, _)| *name).collect();
    let mut cells = Cells::new(services);
    let rows = all.iter().map(|row| CHANNEL.iter().map(|(_, shows)| cells.cell(row, *shows)).collect());
    Table::new(&names, rows.collect())
}

/// Pairs of legs; those that are alone with empty columns. The second leg has the columns of the first but some.
fn calls<'a>(
    services: &'a Services,
    all: &'a [Arc<Row>],
    bridged_only: bool,
    first: &[&str],
    first_only: &[&str],
) -> Table<'a> {
    let second: Vec<&str> = first.iter().copied().filter(|column| !first_only.contains(column)).collect();
    let (of_first, of_second) = (Cells::columns(first), Cells::columns(&second));
    let mut cells = Cells::new(services);
    let by_uuid: HashMap<&str, &Row> = all.iter().map(|row| (&*row.marks.uuid, &**row)).collect();
    let mut taken: HashSet<&str> = HashSet::new();
    let mut rows = Vec::new();
    for row in all {
        if taken.contains(&*row.marks.uuid) {
            continue;
        }
        let other = row.marks.partner.as_deref().and_then(|uuid| by_uuid.get(uuid).copied());
        if other.is_none() && bridged_only {
            continue;
        }
        taken.extend(other.and(row.marks.partner.as_deref()));
        let mut line: Vec<Cow<str>> = of_first.iter().map(|shows| cells.cell(row, *shows)).collect();
        line.extend(of_second.iter().map(|shows| other.map_or("".into(), |other| cells.cell(other, *shows))));
        line.push(cells.cell(row, Shows::CreatedEpoch));
        rows.push(line);
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
        let table = Table::new(&["a", "b"], vec![vec!["1".into(), "<".into()]]);
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
