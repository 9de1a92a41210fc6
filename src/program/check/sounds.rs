//! Prompts as the player looks for them.

use std::path::{Path, PathBuf};

/// Folders whose prompts are looked for in ours when they do not exist.
const FREESWITCH: [&str; 2] = ["/usr/local/freeswitch/sounds/", "/usr/share/freeswitch/sounds/"];

/// Folders of prompts by sampling rate.
const RATES: [&str; 4] = ["8000", "16000", "32000", "48000"];

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This file.
    File(PathBuf),
    /// No file whose name is known: `phrase:name`, `tone_stream://…`, a name with `$`.
    NoFile,
    /// A file that is not there.
    Missing,
}

/// Whether a prompt can be played, or is no file whose name is known.
pub(super) fn find(name: &str, folder: &Path) -> bool {
    locate(name, folder) != Found::Missing
}

/// Looks for a prompt.
pub fn locate(name: &str, folder: &Path) -> Found {
    // `phrase:name`, `say:text` and the like name no file.
    let scheme = name.split_once(':').is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if scheme
        || name.is_empty()
        || name.contains("://")
        || name.contains("@@")
        || name.contains('$')
        || name.starts_with(['{', '('])
    {
        return Found::NoFile;
    }
    if let Some(path) = Some(Path::new(name)).filter(|path| path.is_absolute()).and_then(existing) {
        return Found::File(path);
    }
    let relative = FREESWITCH.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    existing(&folder.join(relative)).map_or(Found::Missing, Found::File)
}

/// The file itself, or one in a folder of a sampling rate beside it.
fn existing(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let (folder, file) = path.parent().zip(path.file_name())?;
    RATES.iter().map(|rate| folder.join(rate).join(file)).find(|path| path.is_file())
}
