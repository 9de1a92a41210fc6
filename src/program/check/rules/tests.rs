//! The examples of every rule are its tests; its page is written from the table.

use std::path::{Path, PathBuf};

use super::all;
use crate::program::check::page::{file_name, index, page};
use crate::program::check::rule::{Example, Rule};
use crate::program::check::{Report, Subject, check, output};

/// What stands beside every example.
const USERS: &str = "<domain name=\"example.com\">\n<groups><group name=\"sales\"><users>\n<user id=\"1000\"/>\n\
                     <user id=\"1001\"/>\n</users></group></groups>\n</domain>\n";

/// Writes a file; `{17 MiB}` and the like stand for what is too long to be shown.
fn write(folder: &Path, name: &str, text: &str) {
    let mut bytes = text.replace("{112 nested conditions}", &("<condition>".repeat(112) + &"</condition>".repeat(112)));
    for size in [1, 17, 40] {
        let mark = format!("{{{size} MiB}}");
        if bytes.contains(&mark) {
            let long = if size == 1 {
                "x".repeat((1 << 20) + 10)
            } else {
                format!("{}\n", "x".repeat(1023)).repeat(size << 10)
            };
            bytes = bytes.replace(&mark, &long);
        }
    }
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let latin1 = bytes.contains("\\xe9");
    let bytes = bytes.replace("\\xe9", "\u{e9}");
    let bytes = if latin1 { bytes.chars().map(|letter| letter as u8).collect() } else { bytes.into_bytes() };
    std::fs::write(path, bytes).unwrap();
}

fn run(example: &Example, allow: &[String]) -> (Report, String) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "directory/default.xml", USERS);
    match example {
        Example::Plan(text) => {
            let text = format!("<include>\n<context name=\"default\">\n{text}\n</context>\n</include>\n");
            write(folder.path(), "dialplan/default.xml", &text);
        }
        Example::Script(text) => {
            write(folder.path(), "dialplan/default.xml", "");
            write(folder.path(), "scripts/hello.lua", text);
        }
        Example::Files(files) => files.iter().for_each(|(name, text)| write(folder.path(), name, text)),
    }
    let report = check(&Subject::below(folder.path()), allow).unwrap();
    let shown = output::text(&report);
    (report, shown)
}

#[test]
fn every_rule_finds_its_bad_example_and_nothing_in_its_good_one() {
    for rule in all() {
        let (report, shown) = run(&rule.bad, &[]);
        let found: Vec<_> = report.diagnostics.iter().filter(|found| found.code == rule.name).collect();
        assert!(!found.is_empty(), "{} {} finds nothing:\n{shown}", rule.code, rule.name);
        for found in found {
            assert_eq!(found.severity, rule.severity, "{}", rule.name);
            assert!(found.remedy.as_ref().is_some_and(|remedy| !remedy.is_empty()), "{} has no remedy", rule.name);
        }
        let (_, shown) = run(&rule.good, &[]);
        assert_eq!(shown, "", "good example of {} {}", rule.code, rule.name);
    }
}

#[test]
fn every_rule_can_be_switched_off() {
    for rule in all() {
        // The largest examples are run once.
        let large = rule.name == "too-large";
        for name in [rule.name, rule.code].into_iter().skip(usize::from(large)) {
            let (report, _) = run(&rule.bad, &[name.to_owned()]);
            assert!(report.diagnostics.iter().all(|found| found.code != rule.name), "{name}");
        }
    }
}

#[test]
fn codes_and_names_are_unique_and_in_order() {
    let mut codes: Vec<_> = all().iter().map(|rule| rule.code).collect();
    let mut names: Vec<_> = all().iter().map(|rule| rule.name).collect();
    let count = all().len();
    codes.sort_unstable();
    codes.dedup();
    names.sort_unstable();
    names.dedup();
    assert_eq!((codes.len(), names.len()), (count, count));
    for Rule { code, summary, why, .. } in all() {
        assert!(!summary.ends_with('.') && why.ends_with('.'), "{code}");
    }
}

/// Writes the pages anew when `WRITE_DOCS` is set; else compares.
#[test]
fn pages_are_those_of_the_table() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/lints");
    let pages = all().iter().map(|rule| (file_name(rule), page(rule)));
    let pages: Vec<_> = pages.chain([("README.md".to_owned(), index(all()))]).collect();
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &pages {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &pages {
        let found = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(&found, text, "docs/lints/{name} is old: run WRITE_DOCS=1 cargo test --lib pages_are");
    }
    let count = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(count, pages.len(), "a page in docs/lints belongs to no rule");
}
