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
    let dialplan = compiled(path, &text)?;
    let mut files = locked();
    if files.len() >= MOST_FILES {
        files.clear();
    }
    files.insert(path.to_owned(), Compiled { changed, size, dialplan: Arc::clone(&dialplan) });
    Ok(dialplan)
}

fn compiled(name: &str, text: &[u8]) -> Result<Arc<Dialplan>, String> {
    let xml::Loaded { root, sources, diagnostics, .. } = xml::read(name, text);
    let Some(mut root) = root else { return Err(render(&sources, &diagnostics)) };
    let findings: Vec<Diagnostic> = Dialplan::compile(&root, &Catalog).1.iter().map(Diagnostic::from).collect();
    if !findings.is_empty() {
        tracing::warn!("{}", render(&sources, &findings));
    }
    // Who shows places later has the sources of the main document only.
    root.forget_places();
    Ok(Arc::new(Dialplan::compile(&root, &Catalog).0))
}

/// Documents kept compiled, and their octets in all; beyond that the cache starts anew.
const MOST_DOCUMENTS: usize = 256;
const MOST_OCTETS: usize = 32 << 20;

/// Documents that scripts made, by their text: most calls get one that another call got before.
#[derive(Default)]
pub(super) struct Documents {
    compiled: HashMap<String, Arc<Dialplan>>,
    octets: usize,
}

/// The dialplan of a text. Blocks.
pub(super) fn compile(cache: &Mutex<Documents>, document: String) -> Result<Arc<Dialplan>, String> {
    let locked = || cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = locked().compiled.get(&document) {
        return Ok(Arc::clone(known));
    }
    let dialplan = compiled("XML_STRING", document.as_bytes())?;
    let mut documents = locked();
    if documents.compiled.len() >= MOST_DOCUMENTS || documents.octets.saturating_add(document.len()) > MOST_OCTETS {
        *documents = Documents::default();
    }
    documents.octets = documents.octets.saturating_add(document.len());
    documents.compiled.insert(document, Arc::clone(&dialplan));
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
