//! XML with positions, includes, pre-process directives and globals: what FreeSWITCH's loader accepts, warts included.
//!
//! Two steps, as there: a line-based preprocessor that knows nothing of XML writes one flat text, which is then parsed.
//! Every byte of the flat text remembers the file and place it came from, so mistakes are shown where they were written.
//! Files are read through a [`Loader`]; nothing here touches a disk.

mod entity;
mod flat;
mod preprocess;
mod tree;
mod write;

use crate::words::model::Variables;
use crate::words::text::{Diagnostic, Severity, Sources, Span};

pub use tree::{Attribute, Element, Text};
pub use write::{escaped, written};

/// Reads files for the preprocessor. Paths are as written in the configuration, made absolute or relative to the process
/// by joining them to the folder of the file that names them.
pub trait Loader {
    /// The bytes of a file; the error is the system's words.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
    /// Files that match a shell pattern (no brace or tilde expansion; `*` and `?` match no leading dot and no slash), in
    /// byte order of their paths.
    fn glob(&self, pattern: &str) -> Result<Vec<String>, String>;
    /// Standard output of a shell command (`exec`, `exec-set`).
    fn run(&self, command: &str) -> Result<String, String>;
    /// A variable of the environment (`env-set`).
    fn environment(&self, name: &str) -> Option<String>;
}

/// A loader for documents that stand alone: there are no files, no commands and no environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err("no files can be read here".to_owned())
    }

    fn glob(&self, _pattern: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    fn run(&self, _command: &str) -> Result<String, String> {
        Err("no commands are run here".to_owned())
    }

    fn environment(&self, _name: &str) -> Option<String> {
        None
    }
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The root element; none when an error refuses the load.
    pub root: Option<Element>,
    /// The flat text that was parsed, as FreeSWITCH leaves it in `freeswitch.xml.fsxml`.
    pub flat: String,
    /// Every file that was read.
    pub sources: Sources,
    /// Global variables: those given, changed by the directives.
    pub globals: Variables,
    /// Mistakes in the order of their finding.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }
}

/// Loads a root file. `name` is its path: its folder is where relative includes begin. `text` is its content, so that a
/// root need not exist as a file.
pub fn load(name: &str, text: &[u8], globals: Variables, loader: &dyn Loader) -> Loaded {
    let (flat, sources, globals, mut diagnostics) = preprocess::run(name, text, globals, loader);
    let root = match tree::parse(&flat) {
        Ok(root) => Some(root),
        Err(error) => {
            diagnostics.push(error);
            None
        }
    };
    Loaded { root, flat: flat.into_text(), sources, globals, diagnostics }
}

/// Reads a file that stands for itself: no directives, no globals.
pub fn read(name: &str, text: &[u8]) -> Loaded {
    let mut sources = Sources::new();
    let text = String::from_utf8_lossy(text);
    let file = sources.add(name, &*text);
    let mut flat = flat::Flat::default();
    flat.copy(&text, Span { file, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) });
    let (root, diagnostics) = match tree::parse(&flat) {
        Ok(root) => (Some(root), Vec::new()),
        Err(error) => (None, vec![error]),
    };
    Loaded { root, flat: flat.into_text(), sources, globals: Variables::new(), diagnostics }
}

#[cfg(test)]
mod tests;
