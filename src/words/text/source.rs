//! Files as they were read, and places in them.

use std::sync::Arc;

/// A place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Which source.
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A place as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location<'s> {
    /// Name of the file.
    pub file: &'s str,
    /// Line, from 1. Lines end at LF.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The whole line, without its end.
    pub text: &'s str,
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    text: Arc<str>,
}

/// All files of one load. Numbers are given in the order of adding, from 0.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and gives its number, the `file` of a [`Span`].
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> u32 {
        self.sources.push(Source { name: name.into(), text: text.into() });
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    /// Name and text of a file.
    pub fn get(&self, file: u32) -> Option<(&str, &Arc<str>)> {
        self.sources.get(file as usize).map(|source| (&*source.name, &source.text))
    }

    /// Names of all files, in the order of adding.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| &*source.name)
    }

    /// Where a span begins. None for a file that does not exist; a start past the end of the text is its end.
    pub fn locate(&self, span: Span) -> Option<Location<'_>> {
        let (file, text) = self.get(span.file)?;
        let mut at = (span.start as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let (before, after) = text.split_at(at);
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let end = after.find('\n').map_or(text.len(), |length| at + length);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = text.get(begin..at)?.chars().count() + 1;
        Some(Location { file, line, column, text: text.get(begin..end)?.trim_end_matches('\r') })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_editors_do() {
        let mut sources = Sources::new();
        let file = sources.add("a.xml", "one\r\nzwölf drei\n");
        let at = |start| {
            let place = sources.locate(Span { file, start, end: start }).unwrap();
            (place.line, place.column, place.text)
        };
        assert_eq!(at(0), (1, 1, "one"));
        assert_eq!(at(5), (2, 1, "zwölf drei"));
        assert_eq!(at(8), (2, 3, "zwölf drei"), "inside a character: its first byte");
        assert_eq!(at(12), (2, 7, "zwölf drei"));
        assert_eq!(at(9_999), (3, 1, ""));
        assert!(sources.locate(Span { file: 7, start: 0, end: 0 }).is_none());
    }
}
