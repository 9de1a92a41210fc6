//! The rows of `tests/cases/dialplan.jsonl`, answered by a running FreeSWITCH, against the XML loader, the compiled
//! dialplan and the expansion.
//!
//! Rows whose dialplan uses nothing but `eval` and `set` run here; what needs call control (bridge, transfer …) does not.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use switch::call::api::{self, ApiContext, Directory, Store, UserField};
use switch::engine::dialplan::{AppCatalog, AppFacts, Dialplan, Hunt, HuntFacts, HuntRequest, Outcome, Step};
use switch::engine::xml::{self, Element, NoFiles};
use switch::words::civil::Zones;
use switch::words::expand::{Api, Lookup};
use switch::words::model::Variables;

/// Rows that are answered differently on purpose.
const OURS: &[&str] = &["cap-truncate", "cap-brace-bad", "rx-any-escape"];

/// Rows that show how the executor treats an action before its application sees it, which this test does not imitate.
const EXECUTOR: &[&str] =
    &["var-set-double", "var-set-comma", "var-scope", "var-noexpand", "var-set-protect", "ex-noapp"];

/// Rows within reach of this test; fewer means that the test has lost some.
const RUN: usize = 193;

/// Globals that every row expects.
const GLOBALS: [(&str, &str); 2] = [("gvar", "global-value"), ("glit", "a${b}c")];

struct Catalog;

impl AppCatalog for Catalog {
    fn application(&self, name: &str) -> Option<AppFacts> {
        let known = [("eval", true), ("set", true), ("sleep", false)];
        let (name, inline) = known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(AppFacts { name, inline })
    }
}

/// A channel that can set variables and note what was executed.
struct Channel {
    destination: String,
    variables: Variables,
    globals: Variables,
    zones: Arc<Zones>,
    now: jiff::Timestamp,
}

impl Lookup for Channel {
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        let own = match index {
            Some(index) => self.variables.item(name, index),
            None => self.variables.get(name),
        };
        if let Some(value) = own {
            return Some(value.into());
        }
        self.profile_field(name).or_else(|| self.globals.get(name).map(Cow::Borrowed))
    }

    fn api(&mut self, name: &str, args: &str) -> Api {
        api::run(name, self, args).map_or(Api::Unknown, Api::Value)
    }
}

impl HuntFacts for Channel {
    fn profile_field(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = match name.to_ascii_lowercase().as_str() {
            "destination_number" => self.destination.as_str(),
            "context" => "t",
            "dialplan" => "XML",
            _ => return None,
        };
        Some(value.into())
    }

    fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.set(name, value);
    }

    fn clear_variables_with_prefix(&mut self, prefix: &str) {
        self.variables.remove_prefix(prefix);
    }

    fn now(&self) -> jiff::Timestamp {
        self.now
    }
}

impl ApiContext for Channel {
    fn now(&self) -> jiff::Timestamp {
        self.now
    }

    fn zones(&self) -> &Zones {
        &self.zones
    }

    fn hostname(&self) -> Cow<'_, str> {
        "localhost".into()
    }

    fn switchname(&self) -> Cow<'_, str> {
        "localhost".into()
    }

    fn uuid(&mut self) -> String {
        "00000000-0000-4000-8000-000000000001".to_owned()
    }

    fn module_exists(&self, name: &str) -> bool {
        name == "mod_sofia"
    }

    fn global(&self, name: &str) -> Option<String> {
        self.globals.get(name).map(str::to_owned)
    }

    fn globals(&self) -> Vec<(String, String)> {
        self.globals.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn set_global(&mut self, name: &str, value: &str) {
        self.globals.set(name, value);
    }

    fn channel_variable(&self, _uuid: &str, _name: &str) -> Option<Option<String>> {
        None
    }

    fn set_channel_variable(&mut self, _uuid: &str, _name: &str, _value: &str) -> bool {
        false
    }

    fn channel_exists(&self, _uuid: &str) -> bool {
        false
    }

    fn channel_header(&self, _uuid: &str, _name: &str) -> Option<String> {
        None
    }

    fn order(&mut self, _uuid: &str, _order: switch::call::control::Order) -> bool {
        false
    }

    fn contacts(&self, _: Option<&str>, _: &str, _: &str, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }

    fn directory(&self) -> &dyn Directory {
        &Nothing
    }

    fn store(&mut self) -> &mut dyn Store {
        self
    }
}

struct Nothing;

impl Directory for Nothing {
    fn access_allows(&self, _: &str, _: std::net::IpAddr) -> bool {
        false
    }

    fn users(&self) -> Vec<(String, String, String)> {
        Vec::new()
    }

    fn domain_field(&self, _: &str, _: UserField, _: &str) -> Option<String> {
        None
    }

    fn default_domain(&self) -> &'static str {
        ""
    }

    fn members(&self, _: &str, _: &str) -> Option<Vec<(String, Option<String>)>> {
        None
    }

    fn domain_exists(&self, _domain: &str) -> bool {
        false
    }

    fn user_exists(&self, _key: &str, _user: &str, _domain: &str) -> bool {
        false
    }

    fn user_field(&self, _user: &str, _domain: &str, _field: UserField, _name: &str) -> Option<String> {
        None
    }

    fn in_group(&self, _user: &str, _domain: Option<&str>, _group: &str) -> bool {
        false
    }
}

impl Store for Channel {
    fn hash_select(&self, _realm: &str, _key: &str) -> Option<String> {
        None
    }

    fn hash_insert(&mut self, _realm: &str, _key: &str, _value: &str) {}

    fn hash_delete(&mut self, _realm: &str, _key: &str) -> bool {
        false
    }

    fn db_select(&self, _realm: &str, _key: &str) -> Option<String> {
        None
    }

    fn db_insert(&mut self, _realm: &str, _key: &str, _value: &str) -> bool {
        false
    }

    fn db_delete(&mut self, _realm: &str, _key: &str) -> bool {
        false
    }

    fn db_list(&self, _realm: Option<&str>) -> Vec<String> {
        Vec::new()
    }

    fn db_count(&self, _realm: Option<&str>) -> usize {
        0
    }
}

/// Whether the dialplan uses nothing but `eval` and `set`.
fn within_reach(element: &Element) -> bool {
    let own = element.attribute("application").is_none_or(|name| {
        ["eval", "set", "sleep"].iter().any(|known| known.eq_ignore_ascii_case(&name.text))
            && (!name.text.eq_ignore_ascii_case("sleep") || element.attribute("inline").is_some())
    });
    own && element.children.iter().all(within_reach)
}

/// What a row executes; none: out of reach.
fn executed(row: &Value) -> Option<Vec<[String; 2]>> {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    let document = format!(
        "<document>\n<X-PRE-PROCESS cmd=\"set\" data=\"gvar={}\"/>\n<X-PRE-PROCESS cmd=\"set\" data=\"glit={}\"/>\n\
         <section name=\"dialplan\">\n<context name=\"t\">\n{}\n</context>\n</section>\n</document>\n",
        GLOBALS[0].1,
        GLOBALS[1].1,
        text("xml")
    );
    let loaded = xml::load("root.xml", document.as_bytes(), Variables::new(), &NoFiles);
    let root = loaded.root.unwrap_or_else(|| panic!("{}: {:?}", text("id"), loaded.diagnostics));
    if !within_reach(&root) {
        return None;
    }
    let (dialplan, _) = Dialplan::compile(&root, &Catalog);
    let mut zones = Zones::default();
    assert!(zones.add("America/New_York", "EST5EDT,M3.2.0,M11.1.0") && zones.add("Asia/Kolkata", "IST-5:30"));
    let zones = Arc::new(zones);
    let date = row["date"].as_str().unwrap_or("2026-11-25T13:05:09Z");
    let vars = row["vars"].as_object().into_iter().flatten();
    let mut channel = Channel {
        destination: text("destination").to_owned(),
        variables: vars.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())).collect(),
        globals: loaded.globals,
        zones: Arc::clone(&zones),
        now: date.parse().expect("the date of a row"),
    };
    let mut request = HuntRequest::new("t", text("destination"));
    request.zones = zones;
    let mut hunt = Hunt::new(Arc::new(dialplan), request);
    let mut done = Vec::new();
    let plan = loop {
        match hunt.step(&mut channel) {
            Step::Inline(inline) if inline.known => run(&mut channel, &inline.action, &mut done),
            Step::Done(Outcome::Plan(plan)) => break plan,
            Step::Done(_) => return Some(done),
            other => panic!("{}: {other:?}", text("id")),
        }
    };
    for action in &plan.actions {
        run(&mut channel, action, &mut done);
    }
    Some(done)
}

fn run(channel: &mut Channel, action: &switch::engine::dialplan::Action, done: &mut Vec<[String; 2]>) {
    let data = action.data.expand(channel).expect("nothing here must be awaited").into_owned();
    let name = action.registered.unwrap_or(&action.application).to_owned();
    if name == "set" {
        let (name, value) = data.split_once('=').unwrap_or((&data, ""));
        channel.variables.set(name, value);
    }
    done.push([name, data]);
}

#[test]
fn the_recorded_answers() {
    let cases = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/dialplan.jsonl"));
    let cases = cases.expect("the cases");
    let rows = cases.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    let (mut ran, mut wrong) = (0, String::new());
    for row in rows {
        let id = row["id"].as_str().unwrap_or_default();
        if EXECUTOR.contains(&id) {
            continue;
        }
        let Some(found) = executed(&row) else { continue };
        ran += 1;
        let found = serde_json::to_value(found).expect("a value");
        if (found == row["expect"]) == OURS.contains(&id) {
            let _ = writeln!(wrong, "{id}: expected {}, found {found}", row["expect"]);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert_eq!(ran, RUN, "rows that ran");
}
