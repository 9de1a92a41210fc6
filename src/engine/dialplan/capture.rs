//! Groups of a condition's match: `$n` in the data of its actions, and the variables that hold them.

use crate::words::pattern::Groups;

/// The groups of a condition's match; empty when it failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Captures {
    subject: String,
    groups: Groups,
}

impl Captures {
    pub(super) fn new(subject: String, groups: Groups) -> Self {
        Self { subject, groups }
    }

    /// Texts of the groups, the whole match first; `None` for one that took no part.
    pub(super) fn texts(&self) -> impl Iterator<Item = Option<std::borrow::Cow<'_, str>>> {
        (0..self.groups.len()).map(|number| self.groups.text(number, &self.subject))
    }

    /// Replaces `$n` and `${n}`; see [`Groups::substitute`].
    pub(super) fn substitute(&self, data: &str) -> String {
        self.groups.substitute(data, &self.subject)
    }
}

/// Groups as the array variable `DP_MATCH`: those that took no part are skipped, an empty one deletes what was collected
/// so far.
pub(super) fn array_text(captures: &Captures) -> String {
    const MARK: &str = "ARRAY::";
    let mut array = String::with_capacity(MARK.len() + 3 * captures.subject.len());
    array.push_str(MARK);
    let mut items = 0_usize;
    for text in captures.texts().flatten() {
        if text.is_empty() {
            array.truncate(MARK.len());
            items = 0;
            continue;
        }
        if items > 0 {
            array.push_str("|:");
        }
        array.push_str(&text);
        items += 1;
    }
    if items < 2 {
        array.drain(..MARK.len());
    }
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::pattern::Pattern;
    use proptest::prelude::*;

    fn captures(pattern: &str, subject: &str) -> Captures {
        Captures::new(subject.to_owned(), Pattern::new(pattern).groups(subject).unwrap().unwrap())
    }

    #[test]
    fn substitution() {
        let found = captures(r"^(\d)(\d)3$", "123");
        let table = [
            ("$1-$2-$0-$3.", "1-2-123-."),
            ("a$10b", "ab"),
            ("a${1}0", "a10"),
            ("a${1x}b", "a${1x}b"),
            ("a\\$1b", "a\\1b"),
            ("a$$1b", "a$1b"),
            ("$", "$"),
            ("$x ${y} ${1", "$x ${y} ${1"),
            ("$999999999999", "999"),
            ("é$2é", "é2é"),
        ];
        for (data, expected) in table {
            assert_eq!(found.substitute(data), expected, "{data}");
        }
        assert_eq!(Captures::default().substitute("A$1B"), "AB");
    }

    #[test]
    fn arrays() {
        assert_eq!(array_text(&captures(r"^(\d)(\d)3$", "123")), "ARRAY::123|:1|:2");
        assert_eq!(array_text(&captures(r"^(x*)(\d+)$", "55")), "55");
        assert_eq!(array_text(&captures(r"^(a)?(b)$", "b")), "ARRAY::b|:b");
        assert_eq!(array_text(&Captures::default()), "");
    }

    proptest! {
        #[test]
        fn never_panics(data in "[$\\\\{}0-9a-z☃]{0,40}") {
            captures(r"^(.)(.*)$", "1☃3").substitute(&data);
        }
    }
}
