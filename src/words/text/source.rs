//! Files as they were read, and places in them.

use std::sync::{Arc, OnceLock};

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
    /// First byte of each line, found at the first question.
    lines: OnceLock<Vec<u32>>,
}

impl Source {
    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let ends = self.text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
            std::iter::once(0).chain(ends).collect()
        })
    }

    /// A line without its end; lines count from 1.
    fn line(&self, number: usize) -> Option<&str> {
        let start = *self.lines().get(number.checked_sub(1)?)? as usize;
        self.text.get(start..)?.split('\n').next().map(|line| line.trim_end_matches('\r'))
    }
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
        self.sources.push(Source { name: name.into(), text: text.into(), lines: OnceLock::new() });
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
        let source = self.sources.get(span.file as usize)?;
        let mut at = (span.start as usize).min(source.text.len());
        while !source.text.is_char_boundary(at) {
            at -= 1;
        }
        let lines = source.lines();
        let line = lines.partition_point(|start| *start as usize <= at);
        let begin = *lines.get(line.checked_sub(1)?)? as usize;
        let column = source.text.get(begin..at)?.chars().count() + 1;
        Some(Location { file: &source.name, line, column, text: source.line(line)? })
    }

    /// The text of a span; none when it does not lie in its file.
    pub fn text(&self, span: Span) -> Option<&str> {
        self.get(span.file)?.1.get(span.start as usize..span.end as usize)
    }

    /// A line of a file without its end; lines count from 1.
    pub fn line(&self, file: u32, number: usize) -> Option<&str> {
        self.sources.get(file as usize)?.line(number)
    }

    /// A part of a decoded value that is written at `whole`. Entities and globals may have changed its length: what stands
    /// in front of the first and behind the last of them is placed exactly, the rest is all that lies between.
    pub fn part(&self, whole: Span, value: &str, part: std::ops::Range<usize>) -> Span {
        let Some(raw) = self.text(whole) else { return whole };
        let same = |a: &mut dyn Iterator<Item = u8>, b: &mut dyn Iterator<Item = u8>| {
            a.zip(b).take_while(|(a, b)| a == b).count()
        };
        let head = same(&mut raw.bytes(), &mut value.bytes());
        let tail = same(&mut raw.bytes().rev(), &mut value.bytes().rev());
        let place = |at: usize, end: bool| {
            let at = at.min(value.len());
            if at <= head {
                at
            } else if value.len() - at <= tail {
                raw.len() - (value.len() - at)
            } else if end {
                raw.len() - tail.min(raw.len())
            } else {
                head
            }
        };
        let at = |place: usize| whole.start.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
        let start = place(part.start, false);
        Span { start: at(start), end: at(place(part.end, true).max(start)), ..whole }
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

    #[test]
    fn parts_of_decoded_values() {
        let mut sources = Sources::new();
        let file = sources.add("a.xml", "x=\"ab&amp;cd$${g}ef\"");
        let whole = Span { file, start: 3, end: 19 };
        let shown = |value: &str, part: &str| {
            let at = value.find(part).unwrap();
            sources.text(sources.part(whole, value, at..at + part.len())).unwrap()
        };
        assert_eq!(shown("ab&cdGLOBALef", "ab"), "ab");
        assert_eq!(shown("ab&cdGLOBALef", "ef"), "ef");
        assert_eq!(shown("ab&cdGLOBALef", "GLOB"), "amp;cd$${g}");
        assert_eq!(sources.line(file, 1), Some("x=\"ab&amp;cd$${g}ef\""));
        assert_eq!(sources.line(file, 2), None);
    }
}
