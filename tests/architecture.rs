//! The layering, enforced: every `crate::` path in `src` is compared with the tables below, and so is every use of a
//! library or clock that has one place. A new module gets its row here, or the test fails.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Floors from the bottom up. A module may name anything on a lower floor, and of its own floor only what
/// [`NEIGHBOURS`] lists.
const FLOORS: &[&str] = &["words", "engine", "call", "edge", "program"];

/// What a module may name on its own floor.
const NEIGHBOURS: &[(&str, &[&str])] = &[
    ("words/civil", &[]),
    ("words/expand", &["text", "model"]),
    ("words/model", &[]),
    ("words/pattern", &["text"]),
    ("words/say", &[]),
    ("words/text", &[]),
    ("engine/audio", &[]),
    ("engine/config", &["xml"]),
    ("engine/dialplan", &["xml"]),
    ("engine/event_socket", &[]),
    ("engine/rtp", &[]),
    ("engine/sdp", &[]),
    ("engine/sip", &[]),
    ("engine/xml", &[]),
    ("call/administration", &[]),
    ("call/api", &["control", "event"]),
    ("call/app", &["api", "control", "media", "task"]),
    ("call/cdr", &["event"]),
    ("call/clients", &[]),
    ("call/channel", &["api", "cdr", "command", "control", "event", "leg", "observe", "registry", "services"]),
    (
        "call/command",
        &[
            "administration",
            "api",
            "app",
            "channel",
            "control",
            "event",
            "limits",
            "media",
            "registry",
            "row",
            "scheduler",
            "services",
            "task",
        ],
    ),
    ("call/control", &["event", "media"]),
    ("call/dial", &["leg", "media", "failure"]),
    ("call/event", &[]),
    ("call/failure", &[]),
    ("call/leg", &["media", "registry"]),
    ("call/limits", &[]),
    ("call/lua", &["control", "app", "api", "event", "cdr", "meters"]),
    ("call/media", &["leg"]),
    ("call/meters", &["control"]),
    ("call/observe", &[]),
    ("call/outside", &[]),
    ("call/pickup", &["leg"]),
    ("call/registry", &["control", "event", "leg", "media", "row", "task"]),
    ("call/row", &[]),
    ("call/scheduler", &[]),
    (
        "call/services",
        &[
            "administration",
            "api",
            "cdr",
            "clients",
            "control",
            "event",
            "leg",
            "limits",
            "media",
            "meters",
            "outside",
            "pickup",
            "registry",
            "scheduler",
            "status",
        ],
    ),
    ("call/status", &[]),
    (
        "call/task",
        &[
            "api", "app", "cdr", "channel", "clients", "command", "control", "dial", "event", "failure", "leg",
            "limits", "media", "observe", "outside", "pickup", "registry", "row", "services",
        ],
    ),
    ("edge/beats", &[]),
    ("edge/control", &[]),
    ("edge/endpoint", &["beats", "net", "store"]),
    ("edge/event_socket", &[]),
    ("edge/files", &[]),
    ("edge/machine", &["files"]),
    ("edge/media", &["beats"]),
    ("edge/monitoring", &[]),
    ("edge/net", &[]),
    ("edge/sockets", &[]),
    ("edge/store", &[]),
    ("edge/watch", &[]),
    ("program/check", &[]),
    ("program/cli", &["client", "server", "check", "phone", "rehearsal", "story"]),
    ("program/client", &[]),
    ("program/phone", &[]),
    ("program/rehearsal", &["check", "snapshot", "story"]),
    ("program/server", &["check", "snapshot", "story"]),
    ("program/snapshot", &["check"]),
    ("program/story", &[]),
];

/// What a module may not name although it lies on a lower floor.
const NEVER: &[(&str, &[&str])] = &[
    ("call/app", &["engine::sip", "engine::xml"]),
    ("call/api", &["engine::sip", "engine::xml"]),
    ("call/lua", &["engine::sip", "engine::sdp", "engine::rtp", "engine::xml"]),
    ("edge/net", &["call"]),
    ("edge/media", &["engine::xml", "engine::dialplan", "engine::sip", "call::lua", "call::app"]),
    ("edge/control", &["engine::sip", "engine::sdp", "engine::rtp", "engine::audio", "call::media"]),
    // A mistake in the switch's own protocol code must not hide behind the same mistake in the phone that tests it.
    ("program/phone", &["engine::sdp", "engine::rtp", "engine::audio", "call", "edge"]),
];

/// Words that may appear in these places only.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tokio::net", &["edge", "program"]),
    ("tokio::fs", &["edge", "program"]),
    ("tokio::", &["call", "edge", "program"]),
    ("socket2::", &["edge"]),
    ("nix::", &["edge/net"]),
    ("hickory_resolver::", &["edge/net"]),
    ("quick_xml::", &["engine/xml"]),
    ("rusqlite::", &["edge/store"]),
    ("ureq::", &["edge/sockets", "edge/store/records"]),
    ("sd_notify::", &["program/cli"]),
    ("axum::", &["edge/monitoring"]),
    ("metrics::", &["call/meters", "edge/monitoring"]),
    ("metrics_exporter_prometheus::", &["edge/monitoring"]),
    ("mlua::", &["call/lua"]),
    ("use regex::", &["words/pattern"]),
    ("regex::RegexBuilder", &["words/pattern"]),
    ("regex::bytes", &["words/pattern"]),
    ("fancy_regex::", &["words/pattern"]),
    ("clap::", &["program/cli"]),
    ("rustyline::", &["program/cli"]),
    ("rand::", &["edge", "program", "engine/sip/identifiers"]),
    ("std::fs", &["edge", "program", "call/lua"]),
    ("std::net::Udp", &["edge", "program"]),
    ("std::net::Tcp", &["edge", "program"]),
    ("std::thread", &["call/lua", "edge", "program"]),
    ("SystemTime::now", &["edge", "program"]),
];

/// A source file: its path below `src` without `.rs`, and its code without comments and unit tests.
struct Source {
    path: String,
    code: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of src") {
            let path: PathBuf = entry.expect("an entry of src").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    // Unit tests in a file of their own.
    files.retain(|file| file.file_stem().is_none_or(|name| name != "tests"));
    files.iter().map(|file| read(&root, file)).collect()
}

fn read(root: &Path, file: &Path) -> Source {
    let text = std::fs::read_to_string(file).expect("a source file");
    let path = file.strip_prefix(root).expect("below src").with_extension("").to_string_lossy().replace('\\', "/");
    Source { path, code: code(&text) }
}

/// Lines of code: comments are cut off, unit tests (`#[cfg(test)]` before a module, to the end of the file) left out.
fn code(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut code = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).map_or("", |line| line.trim_start());
        if line.trim() == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{') {
            break;
        }
        let line = line.split("//").next().unwrap_or_default();
        code.push((at + 1, line.to_owned()));
    }
    code
}

/// `crate::a::b` in a line, as `a::b` (or `a` alone).
fn crate_paths(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .map(|(at, word)| {
            let path = line.get(at + word.len()..).unwrap_or_default();
            let end = path.find(|letter: char| !letter.is_ascii_lowercase() && !"_:".contains(letter));
            let path = path.get(..end.unwrap_or(path.len())).unwrap_or_default();
            let mut parts = path.split("::").filter(|part| !part.is_empty());
            parts.by_ref().take(2).collect::<Vec<_>>().join("::")
        })
        .collect()
}

fn within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| *floor == module)
}

/// Faults of one file.
fn faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let mut parts = source.path.split('/');
    let (floor, module) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("mod"));
    let own = format!("{floor}/{module}");
    let level = floor_of(floor);
    let neighbours = NEIGHBOURS.iter().find(|(name, _)| *name == own).map(|(_, allowed)| *allowed);
    if level.is_some() && module != "mod" && neighbours.is_none() {
        faults.push(format!("{}: {own} has no row in NEIGHBOURS", source.path));
    }
    for (number, line) in &source.code {
        let mut fault = |what: String| faults.push(format!("src/{}.rs:{number}: {what}", source.path));
        for path in crate_paths(line) {
            let (there, name) = path.split_once("::").unwrap_or((&path, ""));
            let Some(to) = floor_of(there) else { continue };
            match level {
                Some(from) if to > from => fault(format!("{floor} lies below {there}")),
                Some(from) if to == from && name != module && !neighbours.is_some_and(|all| all.contains(&name)) => {
                    fault(format!("{own} may not name {there}::{name}"));
                }
                _ => {}
            }
            for (_, never) in NEVER.iter().filter(|(place, _)| within(&source.path, place)) {
                if never.iter().any(|no| path == *no || path.starts_with(&format!("{no}::"))) {
                    fault(format!("{own} may never name {path}"));
                }
            }
        }
        if line.contains("crate::{") {
            fault("a path per floor is written out, so that these rules can read it".to_owned());
        }
        for (word, places) in ONLY_IN {
            let begins = line.match_indices(word).any(|(at, _)| {
                let before = line.get(..at).unwrap_or_default().chars().next_back();
                !before.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            });
            if begins && !places.iter().any(|place| within(&source.path, place)) {
                fault(format!("{word} belongs into {places:?} only"));
            }
        }
    }
    faults
}

#[test]
fn every_module_keeps_to_its_floor() {
    let sources = sources();
    assert!(sources.len() > 100, "only {} source files found", sources.len());
    let mut report = String::new();
    for fault in sources.iter().flat_map(faults) {
        let _ = writeln!(report, "{fault}");
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn the_rules_find_what_they_forbid() {
    let faults_of = |path: &str, text: &str| faults(&Source { path: path.to_owned(), code: code(text) }).len();
    assert_eq!(faults_of("engine/sip/a", "use crate::call::leg::LegId;"), 1, "upward");
    assert_eq!(faults_of("engine/sip/a", "use crate::engine::sdp::Sdp;"), 1, "sideways");
    assert_eq!(faults_of("engine/sip/a", "let x = crate::words::model::Cause::NONE;"), 0, "downward");
    assert_eq!(faults_of("engine/sip/a", "use tokio::time::sleep;"), 1, "a library out of its place");
    assert_eq!(faults_of("engine/sip/a", "// use tokio::time::sleep;"), 0, "a comment");
    assert_eq!(faults_of("edge/net/a", "use crate::call::leg::LegId;"), 1, "never");
    assert_eq!(faults_of("engine/new/a", ""), 1, "a module without a row");
    assert_eq!(faults_of("engine/sip/a", "#[cfg(test)]\nmod tests {\nuse tokio::net;\n}"), 0, "unit tests");
}
