//! `docs/lua.md` (its reference) and `lua/switch.d.lua` are made from the table of the runtime and are current. With
//! `UPDATE_DOCS=1` they are written anew. Every Lua block of the manual compiles, and those marked `run` run.

mod rows;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::fixture::{Call, call, host, outcome, start_text};
use crate::call::control::ScriptEntry;
use crate::call::lua::{LuaHost, Parameter, Signature, signatures, syntax_error};
use rows::{ROWS, Row};

const START: &str = "<!-- reference: made from the table of the program -->\n";
const END: &str = "<!-- end of the reference -->\n";

/// Classes in the order of the manual, and what their objects are called in it.
const CLASSES: &[(&str, &str, &str)] = &[
    ("Session", "session", "a call"),
    ("API", "api", "commands"),
    ("Event", "event", "events"),
    ("EventConsumer", "consumer", "listening to events"),
    ("Dbh", "dbh", "databases"),
    ("JSON", "json", "JSON"),
    ("Stream", "stream", "text"),
    ("DTMF", "digit", "a digit"),
    ("IVRMenu", "menu", "menus"),
    ("", "freeswitch", "functions"),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a file with what it should be, or writes it.
fn keep(name: &str, text: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file(name), text).unwrap();
    }
    let present = std::fs::read_to_string(file(name)).unwrap_or_default();
    assert!(present == text, "{name} is not current: UPDATE_DOCS=1 cargo test --lib lua::tests::reference writes it");
}

fn signature(row: &Row) -> Signature {
    let found = signatures().find(|found| (found.class, found.name) == (row.class, row.name));
    found.unwrap_or_else(|| panic!("rows.rs: the table has no {}:{}", row.class, row.name))
}

#[test]
fn every_method_has_its_row() {
    let rows: BTreeSet<_> = ROWS.iter().map(|row| (row.class, row.name)).collect();
    assert_eq!(rows.len(), ROWS.len(), "a row stands twice");
    for found in signatures() {
        let key = (found.class, found.name);
        assert!(rows.contains(&key), "src/call/lua/tests/reference/rows.rs lacks the row of {key:?}");
        assert!(CLASSES.iter().any(|(class, ..)| *class == found.class), "{key:?}");
    }
    for row in ROWS {
        let (names, types) = (row.parameters.split_whitespace().count(), signature(row).parameters.len());
        assert_eq!(names, types, "names of the parameters of {}:{}", row.class, row.name);
        assert!(row.text.ends_with(['.', '…']) && !row.example.is_empty(), "{}:{}", row.class, row.name);
    }
}

/// Runs Lua in a call; the error, if any.
async fn run(host: &LuaHost, text: &str) -> Option<String> {
    let (_call, handle) = call(Call::default());
    let run = start_text(&format!("~{text}"), ScriptEntry::Api, Some(handle));
    outcome(host, run).await.error
}

/// Rows whose example says that they are not there yet. All others run.
async fn unavailable() -> BTreeSet<(&'static str, &'static str)> {
    let host = host();
    let mut found = BTreeSet::new();
    for row in ROWS {
        match run(&host, row.example).await {
            None => {}
            Some(error) if error.contains("is not available yet") => drop(found.insert((row.class, row.name))),
            Some(error) => panic!("the example of {}:{} fails: {error}", row.class, row.name),
        }
    }
    found
}

/// How a type is written for the editor.
fn editor_type(parameter: Parameter, nil: bool) -> String {
    let name = match parameter {
        Parameter::Text => "string|number",
        Parameter::Integer => "integer",
        Parameter::Boolean => "boolean",
        Parameter::Object(class) => &format!("freeswitch.{class}"),
        Parameter::Function => "fun(row: table<string, string>): integer?",
        Parameter::Table => "table",
        Parameter::Callback => "string|function",
        Parameter::Any => "any",
    };
    if nil && parameter != Parameter::Any { format!("{name}|nil") } else { name.to_owned() }
}

/// Names of the parameters, without their marks.
fn names(row: &Row) -> Vec<&str> {
    row.parameters.split_whitespace().map(|name| name.trim_end_matches('?')).collect()
}

fn stubs(unavailable: &BTreeSet<(&str, &str)>) -> String {
    let mut text = "---@meta\n-- Types of what scripts may call, for editors with the Lua language server: add the folder of this file to\n\
                    -- Lua.workspace.library. Made from the table of the program (src/call/lua/tests/reference).\n\n\
                    ---@class freeswitch\nfreeswitch = {}\n\n"
        .to_owned();
    for (class, ..) in CLASSES.iter().filter(|(class, ..)| !class.is_empty()) {
        let _ = writeln!(text, "---@class freeswitch.{class}");
        match *class {
            "Session" => text.push_str("---@field uuid string?\n"),
            "DTMF" => text.push_str("---@field digit string\n---@field duration integer\n"),
            "Event" => text.push_str("---@field serialized_string string\n"),
            _ => {}
        }
        let _ = writeln!(text, "local {class} = {{}}\n");
    }
    text.push_str(
        "---The call; nil when the script runs without one.\n---@type freeswitch.Session\nsession = nil\n\n\
         ---The answer of a script that runs as an API command.\n---@type freeswitch.Stream\nstream = nil\n\n\
         ---Data of an API command.\n---@type freeswitch.Event\nenv = nil\n\n\
         ---Name (0) and arguments of the script.\n---@type string[]\nargv = nil\n\n",
    );
    for row in ROWS {
        let found = signature(row);
        let _ = writeln!(text, "---{}", row.text);
        if unavailable.contains(&(row.class, row.name)) {
            text.push_str("---\n---Not available yet: raises an error that says so.\n");
        }
        let marks = row.parameters.split_whitespace();
        for (number, (name, parameter)) in marks.zip(&found.parameters).enumerate() {
            let optional = if number < found.required { "" } else { "?" };
            let kind = editor_type(*parameter, name.ends_with('?') && optional.is_empty());
            let _ = writeln!(text, "---@param {}{optional} {kind}", name.trim_end_matches('?'));
        }
        if !row.returns.is_empty() {
            let _ = writeln!(text, "---@return {}", row.returns);
        }
        let list = names(row).join(", ");
        let _ = match row.class {
            "" => writeln!(text, "function freeswitch.{}({list}) end\n", row.name),
            _ if found.is_constructor() => writeln!(text, "function freeswitch.{}({list}) end\n", row.name),
            class => writeln!(text, "function {class}:{}({list}) end\n", row.name),
        };
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// A call as the manual shows it: what may be left out in brackets.
fn shown(row: &Row, found: &Signature, object: &str) -> String {
    let all = names(row);
    let (given, optional) = all.split_at(found.required.min(all.len()));
    let mut list = given.join(", ");
    for (number, name) in optional.iter().enumerate() {
        let comma = if given.is_empty() && number == 0 { "" } else { ", " };
        let _ = write!(list, "[{comma}{name}");
    }
    list.push_str(&"]".repeat(optional.len()));
    match row.class {
        "" => format!("freeswitch.{}({list})", row.name),
        _ if found.is_constructor() => format!("freeswitch.{}({list})", row.name),
        _ => format!("{object}:{}({list})", row.name),
    }
}

fn reference(unavailable: &BTreeSet<(&str, &str)>) -> String {
    let mut text = String::new();
    for (class, object, about) in CLASSES {
        let title = if class.is_empty() { "freeswitch".to_owned() } else { format!("freeswitch.{class}") };
        let _ = write!(text, "\n### {title}: {about}\n");
        for row in ROWS.iter().filter(|row| row.class == *class) {
            let found = signature(row);
            let returns = if row.returns.is_empty() { "no value".to_owned() } else { format!("`{}`", row.returns) };
            let waits = if found.waits { ", hook checkpoint" } else { "" };
            let _ = write!(text, "\n#### `{}`\n\n→ {returns}{waits}. {}", shown(row, &found, object), row.text);
            if !row.difference.is_empty() {
                let _ = write!(text, " *Unlike FreeSWITCH:* {}", row.difference);
            }
            let missing = unavailable.contains(&(row.class, row.name));
            if missing {
                text.push_str(" **Not available yet:** raises an error that says so.");
            }
            let _ = write!(text, "\n\n```lua{}\n{}\n```\n", if missing { "" } else { " run" }, row.example);
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn stubs_and_reference_are_current() {
    let unavailable = unavailable().await;
    let stubs = stubs(&unavailable);
    assert_eq!(syntax_error(&stubs), None);
    keep("lua/switch.d.lua", &stubs);
    let manual = std::fs::read_to_string(file("docs/lua.md")).unwrap();
    let (before, rest) = manual.split_once(START).expect("the start of the reference");
    let (_, after) = rest.split_once(END).expect("the end of the reference");
    keep("docs/lua.md", &format!("{before}{START}{}\n{END}{after}", reference(&unavailable)));
}

/// Blocks of a page: what stands behind `lua` and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(mark) = line.strip_prefix("```lua") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        found.push((mark.trim().to_owned(), body.join("\n")));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_of_the_manual_run() {
    let host = host();
    let (mut compiled, mut ran) = (0, 0);
    for page in ["docs/lua.md", "docs/error-prompts.md"] {
        for (mark, body) in blocks(&std::fs::read_to_string(file(page)).unwrap()) {
            assert_eq!(syntax_error(&body), None, "{page}: {body}");
            compiled += 1;
            if mark == "run" {
                assert_eq!(run(&host, &body).await, None, "{page}: {body}");
                ran += 1;
            } else {
                assert_eq!(mark, "", "{page}: {body}");
            }
        }
    }
    assert!(compiled > 100 && ran > 80, "{compiled} {ran}");
}
