//! Lua scripts: their texts, and the calls in them.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lua_calls::{Call, additions, calls};
use super::lua_text::tokens;
use crate::words::text::{Diagnostic, Sources, Span};

/// Scripts that are looked at.
const MAX_SCRIPTS: usize = 10_000;

/// Largest script that is looked at, bytes.
const MAX_SCRIPT: u64 = 16 << 20;

/// A script that was read.
#[derive(Debug)]
pub(super) struct Script {
    path: PathBuf,
    file: u32,
    pub(super) text: Arc<str>,
}

impl Script {
    /// Its path below the scripts folder.
    pub(super) fn below(&self, folder: &Path) -> Option<String> {
        Some(self.path.strip_prefix(folder).ok()?.to_string_lossy().into_owned())
    }
}

/// Reads every `*.lua` below a folder, or one script of any name.
pub(super) fn read(place: &Path, sources: &mut Sources, found: &mut Vec<Diagnostic>) -> Vec<Script> {
    let mut scripts = Vec::new();
    for path in if place.is_file() { vec![place.to_owned()] } else { paths(place) } {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let read = std::fs::File::open(&path).and_then(|file| file.take(MAX_SCRIPT + 1).read_to_end(&mut bytes));
        let fault = match read {
            Ok(length) if length as u64 > MAX_SCRIPT => format!("{name} is larger than 16 MiB"),
            Ok(_) => {
                let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
                scripts.push(Script { path, file: sources.add(name, Arc::clone(&text)), text });
                continue;
            }
            Err(error) => format!("cannot read {name}: {error}"),
        };
        found.push(Diagnostic::error("lua-unreadable", None, fault).remedy("make it smaller, or let it be read"));
    }
    scripts
}

/// `*.lua` files, in order of their paths.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut scripts) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // A link to a folder may lead back here: only true folders are entered.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "lua")
                && path.is_file()
                && scripts.len() < MAX_SCRIPTS
            {
                scripts.push(path);
            }
        }
    }
    scripts.sort();
    scripts
}

/// A line, without the blanks in front.
pub(super) fn line_span(script: &Script, line: u32) -> Span {
    let before: usize = script.text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
    let rest = script.text.get(before..).unwrap_or_default().lines().next().unwrap_or_default();
    let start = before + (rest.len() - rest.trim_start().len());
    span(script, start..before + rest.trim_end().len())
}

/// Calls of what the switch offers, in order.
pub(super) fn known_calls(script: &Script) -> Vec<Call<'_>> {
    calls(&tokens(&script.text))
}

/// Names of functions that the script adds to the table `freeswitch`.
pub(super) fn own_functions(script: &Script) -> Vec<&str> {
    additions(&tokens(&script.text))
}

/// A part of a script.
pub(super) fn span(script: &Script, place: std::ops::Range<usize>) -> Span {
    let at = |place| u32::try_from(place).unwrap_or(u32::MAX);
    Span { file: script.file, start: at(place.start), end: at(place.end.max(place.start)) }
}
