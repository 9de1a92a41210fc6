//! Prompts that are missing.

use std::path::Path;

use super::Action;
use crate::words::text::Diagnostic;

/// Folders whose prompts are looked for in ours when they do not exist.
const FREESWITCH: [&str; 2] = ["/usr/local/freeswitch/sounds/", "/usr/share/freeswitch/sounds/"];

/// Folders of prompts by sampling rate.
const RATES: [&str; 4] = ["8000", "16000", "32000", "48000"];

/// The prompt that `playback` names, when it is not there.
pub(super) fn check(action: Action<'_>, folder: &Path) -> Option<Diagnostic> {
    if !action.application.eq_ignore_ascii_case("playback") {
        return None;
    }
    let name = action.data.text.as_str();
    if name.is_empty() || name.contains("://") || name.contains("@@") || name.starts_with(['{', '(']) {
        return None;
    }
    if Path::new(name).is_absolute() && Path::new(name).is_file() {
        return None;
    }
    let relative = FREESWITCH.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    if exists(&folder.join(relative)) {
        return None;
    }
    let message = format!("there is no prompt {name} (sounds folder: {})", folder.display());
    Some(Diagnostic::error("missing-prompt", action.data.span, message).remedy("record it, or correct the name"))
}

/// The file itself, or one in a folder of a sampling rate beside it.
fn exists(path: &Path) -> bool {
    let beside = path.parent().zip(path.file_name());
    path.is_file()
        || beside.is_some_and(|(folder, file)| RATES.iter().any(|rate| folder.join(rate).join(file).is_file()))
}
