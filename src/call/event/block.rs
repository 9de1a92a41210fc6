//! Headers in order, kept as the lines that most clients read: what was written once is copied, or shared, not written again.

use std::fmt::Write as _;

use super::format::{encode_into, is_plain};

/// One header's place in the texts of its block, byte offsets.
#[derive(Debug, Clone, Copy)]
struct Place {
    name: (u32, u32),
    value: (u32, u32),
    /// End of its line.
    end: u32,
    /// End of what is kept of it beside the lines.
    aside_end: u32,
    form: Form,
}

/// Where a header's name and value stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Both in its line.
    Plain,
    /// The line has the value encoded; the value itself is kept aside.
    Encoded,
    /// Without a value there is no line; the name is kept aside.
    Empty,
}

/// Headers with the lines `Name: value` that clients read, values encoded as in URLs.
#[derive(Debug, Clone, Default)]
pub struct Block {
    lines: String,
    aside: String,
    places: Vec<Place>,
}

impl Block {
    /// Room for so many headers of usual length.
    pub fn with_capacity(headers: usize) -> Self {
        Self {
            lines: String::with_capacity(headers.saturating_mul(40)),
            aside: String::new(),
            places: Vec::with_capacity(headers),
        }
    }

    /// How many headers it holds.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds a header behind the others; false: the block would be larger than 4 GiB.
    pub fn push(&mut self, name: &str, value: &str) -> bool {
        self.push_joined("", name, value)
    }

    /// As [`Block::push`]; the name has two parts.
    pub fn push_joined(&mut self, prefix: &str, name: &str, value: &str) -> bool {
        // An encoded value is at most three times as long.
        let most = [prefix.len(), name.len(), value.len().saturating_mul(3), self.lines.len(), self.aside.len(), 8];
        if most.iter().fold(0usize, |sum, length| sum.saturating_add(*length)) > u32::MAX as usize {
            return false;
        }
        let at = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let (name_span, value_span, form);
        if value.is_empty() {
            let begin = at(&self.aside);
            self.aside.push_str(prefix);
            self.aside.push_str(name);
            name_span = (begin, at(&self.aside));
            value_span = (name_span.1, name_span.1);
            form = Form::Empty;
        } else {
            let begin = at(&self.lines);
            self.lines.push_str(prefix);
            self.lines.push_str(name);
            name_span = (begin, at(&self.lines));
            self.lines.push_str(": ");
            if is_plain(value) {
                let begin = at(&self.lines);
                self.lines.push_str(value);
                value_span = (begin, at(&self.lines));
                form = Form::Plain;
            } else {
                encode_into(value, &mut self.lines);
                let begin = at(&self.aside);
                self.aside.push_str(value);
                value_span = (begin, at(&self.aside));
                form = Form::Encoded;
            }
            self.lines.push('\n');
        }
        let (end, aside_end) = (at(&self.lines), at(&self.aside));
        self.places.push(Place { name: name_span, value: value_span, end, aside_end, form });
        true
    }

    /// Adds a header whose value is a number.
    pub fn push_number(&mut self, prefix: &str, name: &str, value: impl Into<i128>) -> bool {
        let mut digits = Digits { bytes: [0; 40], length: 0 };
        // Forty bytes hold every such number.
        let _ = write!(digits, "{}", value.into());
        self.push_joined(prefix, name, digits.text())
    }

    /// A block of its first headers alone.
    #[must_use]
    pub fn beginning(&self, count: usize) -> Self {
        let Some(last) = count.checked_sub(1).and_then(|at| self.places.get(at)) else {
            return if count == 0 { Self::default() } else { self.clone() };
        };
        let cut = |text: &str, end: u32| text.get(..end as usize).unwrap_or_default().to_owned();
        Self {
            lines: cut(&self.lines, last.end),
            aside: cut(&self.aside, last.aside_end),
            places: self.places.get(..count).unwrap_or_default().to_vec(),
        }
    }

    /// The lines of its first headers.
    pub fn lines(&self, count: usize) -> &str {
        match count.checked_sub(1) {
            None => "",
            Some(last) => match self.places.get(last) {
                Some(place) => self.lines.get(..place.end as usize).unwrap_or_default(),
                None => &self.lines,
            },
        }
    }

    /// Name and value of the headers in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.places.iter().map(|place| self.header(place))
    }

    /// The first header of a name, in any case, among the first `count`.
    pub fn get(&self, name: &str, count: usize) -> Option<&str> {
        let length = u32::try_from(name.len()).ok()?;
        let fits = |place: &&Place| place.name.1.checked_sub(place.name.0) == Some(length);
        let headers = self.places.iter().take(count).filter(fits).map(|place| self.header(place));
        headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn header(&self, place: &Place) -> (&str, &str) {
        let (named, valued) = match place.form {
            Form::Plain => (&self.lines, &self.lines),
            Form::Encoded => (&self.lines, &self.aside),
            Form::Empty => (&self.aside, &self.aside),
        };
        (part(named, place.name), part(valued, place.value))
    }
}

fn part(text: &str, (begin, end): (u32, u32)) -> &str {
    text.get(begin as usize..end as usize).unwrap_or_default()
}

/// The decimal digits of a number, without a string of their own.
struct Digits {
    bytes: [u8; 40],
    length: usize,
}

impl Digits {
    fn text(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl std::fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length.saturating_add(text.len());
        let room = self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::url_encoded;
    use super::*;

    #[test]
    fn numbers() {
        let mut block = Block::default();
        for (prefix, name, value) in [("A-", "B", 0i128), ("", "C", -7), ("", "D", i128::from(u64::MAX))] {
            assert!(block.push_number(prefix, name, value));
        }
        assert_eq!(block.lines(9), "A-B: 0\nC: -7\nD: 18446744073709551615\n");
    }

    proptest! {
        /// The block against the plain way of doing it.
        #[test]
        fn as_a_list_of_pairs(pairs in proptest::collection::vec(("[A-Ca-c-]{1,3}", "[ -~\u{e9}\n]{0,6}"), 0..12), count in 0usize..14) {
            let mut block = Block::default();
            for (name, value) in &pairs {
                prop_assert!(block.push(name, value));
            }
            prop_assert_eq!(block.len(), pairs.len());
            let own: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(block.iter().collect::<Vec<_>>(), own);
            let count = count.min(pairs.len());
            let first = pairs.get(..count).unwrap_or_default();
            let line = |(name, value): &(String, String)| format!("{name}: {}\n", url_encoded(value));
            let lines: String = first.iter().filter(|(_, value)| !value.is_empty()).map(line).collect();
            prop_assert_eq!(block.lines(count), &lines);
            let mut beginning = block.beginning(count);
            prop_assert_eq!(beginning.lines(99), &lines);
            beginning.push("z", "end");
            prop_assert_eq!(beginning.get("Z", 99), Some("end"));
            for name in ["a", "B-", "cc"] {
                let found = first.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                prop_assert_eq!(block.get(name, count), found.map(|(_, value)| value.as_str()));
            }
        }
    }
}
