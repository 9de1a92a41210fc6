//! Compiled scripts, shared by all runs. Bytecode comes from this process only and is compiled again when the file's
//! size or time of change differs. An edit that does not compile changes nothing: the last good version stays in force.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua};

/// Files kept compiled; beyond that the cache starts anew.
const MOST_FILES: usize = 1024;

/// Largest script in bytes.
const LARGEST_FILE: u64 = 8 << 20;

#[derive(Default)]
pub(super) struct Cache {
    files: Mutex<HashMap<PathBuf, Compiled>>,
}

struct Compiled {
    changed: Option<SystemTime>,
    size: u64,
    code: Arc<[u8]>,
    /// A later version that does not compile.
    broken: Option<(Option<SystemTime>, u64)>,
}

impl Cache {
    /// The file as a function of `lua`; an error is Lua's text, ready to be shown.
    pub(super) fn load(&self, lua: &Lua, path: &Path) -> Result<Function, String> {
        let unreadable = |error: std::io::Error| format!("cannot open {}: {error}", path.display());
        let facts = std::fs::metadata(path).map_err(unreadable)?;
        let (changed, size) = (facts.modified().ok(), facts.len());
        if let Some(code) = self.find(path, changed, size) {
            return lua.load(&*code).set_mode(ChunkMode::Binary).into_function().map_err(|error| text_of(&error));
        }
        if size > LARGEST_FILE {
            return Err(format!("cannot open {}: larger than {LARGEST_FILE} bytes", path.display()));
        }
        let source = std::fs::read(path).map_err(unreadable)?;
        let function = match compile(lua, &source, &format!("@{}", path.display())) {
            Ok(function) => function,
            Err(text) => return self.last_good(lua, path, (changed, size), text),
        };
        let compiled = Compiled { changed, size, code: function.dump(false).into(), broken: None };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= MOST_FILES {
            files.clear();
        }
        files.insert(path.to_owned(), compiled);
        Ok(function)
    }

    fn find(&self, path: &Path, changed: Option<SystemTime>, size: u64) -> Option<Arc<[u8]>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.get(path)?;
        let known = (file.changed == changed && file.size == size) || file.broken == Some((changed, size));
        known.then(|| Arc::clone(&file.code))
    }

    /// The version before an edit that does not compile; the error when there is none.
    fn last_good(
        &self,
        lua: &Lua,
        path: &Path,
        version: (Option<SystemTime>, u64),
        text: String,
    ) -> Result<Function, String> {
        let code = {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(file) = files.get_mut(path) else { return Err(text) };
            file.broken = Some(version);
            Arc::clone(&file.code)
        };
        // Once for each edit.
        tracing::error!(target: "lua", "{text}: the version before this edit stays in force");
        lua.load(&*code).set_mode(ChunkMode::Binary).into_function().map_err(|error| text_of(&error))
    }
}

/// Compiles Lua text. A byte order mark is skipped, and a first line that starts with `#`.
pub(super) fn compile(lua: &Lua, source: &[u8], name: &str) -> Result<Function, String> {
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let commented;
    let source = if source.starts_with(b"#") {
        commented = [b"--", source].concat();
        &commented
    } else {
        source
    };
    lua.load(source).set_name(name).set_mode(ChunkMode::Text).into_function().map_err(|error| text_of(&error))
}

/// Lua's own words.
pub(super) fn text_of(error: &mlua::Error) -> String {
    match error {
        mlua::Error::SyntaxError { message, .. }
        | mlua::Error::RuntimeError(message)
        | mlua::Error::MemoryError(message) => message.clone(),
        other => other.to_string(),
    }
}
