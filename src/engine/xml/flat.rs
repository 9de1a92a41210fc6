//! Text that remembers where each of its bytes came from.

use std::ops::Range;

use crate::words::text::Span;

/// From `start` on, the text came from `origin`.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    origin: Span,
    /// The bytes stand in the source as they are; else all of them stand for the whole origin.
    verbatim: bool,
}

/// The flat text and its origins.
#[derive(Debug, Clone, Default)]
pub(super) struct Flat {
    text: String,
    pieces: Vec<Piece>,
}

impl Flat {
    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Appends text that stands in the source at `origin`.
    pub(super) fn copy(&mut self, text: &str, origin: Span) {
        self.add(text, origin, true);
    }

    /// Appends text that stands for `origin` (an expanded global, the output of a command).
    pub(super) fn replace(&mut self, text: &str, origin: Span) {
        self.add(text, origin, false);
    }

    fn add(&mut self, text: &str, origin: Span, verbatim: bool) {
        if text.is_empty() {
            return;
        }
        let grows = self.pieces.last().is_some_and(|last| {
            let length = self.text.len() - last.start;
            verbatim
                && last.verbatim
                && last.origin.file == origin.file
                && last.origin.start as usize + length == origin.start as usize
        });
        if !grows {
            self.pieces.push(Piece { start: self.text.len(), origin, verbatim });
        }
        self.text.push_str(text);
    }

    /// Appends a part of another flat text.
    pub(super) fn append(&mut self, other: &Self, range: Range<usize>) {
        for (at, piece) in other.pieces.iter().enumerate() {
            let end = other.pieces.get(at + 1).map_or(other.text.len(), |next| next.start);
            let (from, to) = (piece.start.max(range.start), end.min(range.end));
            let Some(text) = other.text.get(from..to.max(from)) else { continue };
            let skipped = if piece.verbatim { from - piece.start } else { 0 };
            let start = piece.origin.start + u32::try_from(skipped).unwrap_or(u32::MAX);
            self.add(text, Span { start, ..piece.origin }, piece.verbatim);
        }
    }

    /// Where a part of the text came from. A part put together from several places begins where its first byte does, and
    /// ends there too when its end lies in another file.
    pub(super) fn origin(&self, range: Range<usize>) -> Span {
        let Some(first) = self.place(range.start) else { return Span::default() };
        let last = self.place(range.end.saturating_sub(1).max(range.start)).unwrap_or(first);
        let end = if last.file == first.file && last.end >= first.start { last.end } else { first.end };
        Span { end, ..first }
    }

    /// Span of the byte at `at`.
    fn place(&self, at: usize) -> Option<Span> {
        let piece = self.pieces.get(self.pieces.partition_point(|piece| piece.start <= at).checked_sub(1)?)?;
        if !piece.verbatim {
            return Some(piece.origin);
        }
        let start = piece.origin.start.saturating_add(u32::try_from(at - piece.start).unwrap_or(u32::MAX));
        Some(Span { file: piece.origin.file, start, end: start.saturating_add(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(file: u32, start: u32, end: u32) -> Span {
        Span { file, start, end }
    }

    #[test]
    fn origins_survive_copying() {
        let mut line = Flat::default();
        line.copy("ab", span(3, 10, 12));
        line.replace("GLOBAL", span(3, 12, 18));
        line.copy("cd", span(3, 18, 20));
        let mut flat = Flat::default();
        flat.copy("x", span(0, 0, 1));
        flat.append(&line, 1..9);
        assert_eq!(flat.text(), "xbGLOBALc");
        assert_eq!(flat.origin(1..2), span(3, 11, 12));
        assert_eq!(flat.origin(4..5), span(3, 12, 18), "inside a global: the whole reference");
        assert_eq!(flat.origin(1..9), span(3, 11, 19));
        assert_eq!(flat.origin(0..9), span(0, 0, 1), "over two files: the first");
        assert_eq!(Flat::default().origin(0..0), Span::default());
    }
}
