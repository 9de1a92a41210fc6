//! Lua scripts that are missing, or that are no Lua.

use std::path::{Path, PathBuf};

use super::Action;
use crate::call::lua::syntax_error;
use crate::words::text::{Diagnostic, Sources, Span};

/// Scripts that are looked at.
const MAX_SCRIPTS: usize = 10_000;

/// Largest script that is compiled, bytes.
const MAX_SCRIPT: u64 = 16 << 20;

/// The script that an action names, when it is not there. Names are taken as FreeSWITCH does: an absolute path as it is,
/// anything else below the scripts folder, no extension added.
pub(super) fn named(action: Action<'_>, folder: &Path) -> Option<Diagnostic> {
    if !action.application.eq_ignore_ascii_case("lua") {
        return None;
    }
    let name = action.data.text.split_whitespace().next()?.trim_matches('\'');
    if name.starts_with('~') || name.contains("://") || name.is_empty() || folder.join(name).is_file() {
        return None;
    }
    let message = format!("there is no script {}", folder.join(name).display());
    Some(
        Diagnostic::error("missing-script", action.data.span, message)
            .remedy("correct the name; no extension is added"),
    )
}

/// Compiles every `*.lua` below the folder and gives their number.
pub(super) fn compile(folder: &Path, sources: &mut Sources, found: &mut Vec<Diagnostic>) -> usize {
    let scripts = below(folder);
    for path in &scripts {
        let name = path.display().to_string();
        let length = std::fs::metadata(path).map_or(0, |facts| facts.len());
        let bytes = match std::fs::read(path) {
            Ok(bytes) if length <= MAX_SCRIPT => bytes,
            Ok(_) => {
                found.push(Diagnostic::error("lua-unreadable", None, format!("{name} is larger than 16 MiB")));
                continue;
            }
            Err(error) => {
                found.push(Diagnostic::error("lua-unreadable", None, format!("cannot read {name}: {error}")));
                continue;
            }
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(error) = syntax_error(&text) {
            let span = line_span(&text, error.line);
            let file = sources.add(name, text);
            found.push(Diagnostic::error("lua-syntax", Span { file, ..span }, error.message));
        }
    }
    scripts.len()
}

/// `*.lua` files, in order of their paths.
fn below(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut scripts) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // A link to a folder may lead back here: only true folders are entered.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "lua") && scripts.len() < MAX_SCRIPTS {
                scripts.push(path);
            }
        }
    }
    scripts.sort();
    scripts
}

/// The first letter of a line.
fn line_span(text: &str, line: u32) -> Span {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1) as usize);
    let begin: usize = lines.map(str::len).sum();
    let rest = text.get(begin..).unwrap_or_default();
    let start = begin + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let start = u32::try_from(start).unwrap_or(u32::MAX);
    Span { file: 0, start, end: start }
}
