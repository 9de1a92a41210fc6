//! Prompts as the player looks for them.

use std::path::Path;

/// Folders whose prompts are looked for in ours when they do not exist.
const FREESWITCH: [&str; 2] = ["/usr/local/freeswitch/sounds/", "/usr/share/freeswitch/sounds/"];

/// Folders of prompts by sampling rate.
const RATES: [&str; 4] = ["8000", "16000", "32000", "48000"];

/// Whether a prompt can be played, or is no file whose name is known.
pub(super) fn find(name: &str, folder: &Path) -> bool {
    // `phrase:name`, `say:text` and the like name no file.
    let scheme = name.split_once(':').is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if scheme
        || name.is_empty()
        || name.contains("://")
        || name.contains("@@")
        || name.contains('$')
        || name.starts_with(['{', '('])
    {
        return true;
    }
    if Path::new(name).is_absolute() && exists(Path::new(name)) {
        return true;
    }
    let relative = FREESWITCH.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    exists(&folder.join(relative))
}

/// The file itself, or one in a folder of a sampling rate beside it.
fn exists(path: &Path) -> bool {
    let beside = path.parent().zip(path.file_name());
    path.is_file()
        || beside.is_some_and(|(folder, file)| RATES.iter().any(|rate| folder.join(rate).join(file).is_file()))
}
