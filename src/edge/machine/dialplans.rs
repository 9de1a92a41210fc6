//! Dialplans in files of their own, compiled once per version of the file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::call::app::Catalog;
use crate::edge::files::FileLoader;
use crate::engine::dialplan::Dialplan;
use crate::engine::xml::{self, Loader as _};
use crate::words::text::{Diagnostic, render};

/// Files kept compiled; beyond that the cache starts anew.
const MOST_FILES: usize = 256;

/// Compiled files by path.
pub(super) type Cache = HashMap<String, Compiled>;

pub(super) struct Compiled {
    changed: Option<SystemTime>,
    size: u64,
    dialplan: Arc<Dialplan>,
}

/// The dialplan of a file. Blocks.
pub(super) fn open(cache: &Mutex<Cache>, path: &str) -> Result<Arc<Dialplan>, String> {
    let facts = std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?;
    let (changed, size) = (facts.modified().ok(), facts.len());
    let locked = || cache.lock().unwrap_or_else(PoisonError::into_inner);
    let known = locked()
        .get(path)
        .filter(|file| file.changed == changed && file.size == size)
        .map(|file| file.dialplan.clone());
    if let Some(dialplan) = known {
        return Ok(dialplan);
    }
    let text = FileLoader::default().read(path).map_err(|error| format!("{path}: {error}"))?;
    let xml::Loaded { root, sources, diagnostics, .. } = xml::read(path, &text);
    let Some(mut root) = root else { return Err(render(&sources, &diagnostics)) };
    let findings: Vec<Diagnostic> = Dialplan::compile(&root, &Catalog).1.iter().map(Diagnostic::from).collect();
    if !findings.is_empty() {
        tracing::warn!("{}", render(&sources, &findings));
    }
    // Who shows places later has the sources of the main document only.
    root.forget_places();
    let dialplan = Arc::new(Dialplan::compile(&root, &Catalog).0);
    let mut files = locked();
    if files.len() >= MOST_FILES {
        files.clear();
    }
    files.insert(path.to_owned(), Compiled { changed, size, dialplan: Arc::clone(&dialplan) });
    Ok(dialplan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_compiled_once_per_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        let name = path.to_str().unwrap();
        let cache = Mutex::default();
        assert!(open(&cache, name).is_err());
        std::fs::write(&path, "<document><section name=\"dialplan\"><context name=\"a\"/></section></document>")
            .unwrap();
        let first = open(&cache, name).unwrap();
        assert!(first.has_context("a") && Arc::ptr_eq(&first, &open(&cache, name).unwrap()));
        std::fs::write(&path, "<document><section name=\"dialplan\"><context name=\"$${b}b\"/></section></document>")
            .unwrap();
        let second = open(&cache, name).unwrap();
        assert!(second.has_context("$${b}b"), "no pre-processing");
        std::fs::write(&path, "<document><section>").unwrap();
        assert!(open(&cache, name).unwrap_err().contains("a.xml:1:"));
    }
}
