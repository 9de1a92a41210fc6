//! `$n` in data, and the groups it may name.

use std::ops::Range;

use super::view::tests;
use crate::engine::dialplan::ast::Condition;
use crate::words::pattern::Pattern;

/// The groups of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Groups {
    /// The greatest number that means something.
    pub(super) count: usize,
    /// An expression holds a `(`, so that `$n` is replaced at all.
    pub(super) switched: bool,
}

/// What `$n` in the actions of a condition may name; none when an expression depends on the call.
pub(super) fn groups(condition: &Condition) -> Option<Groups> {
    let mut found = Groups { count: 0, switched: false };
    let all = tests(condition).skip(usize::from(condition.group.is_some()));
    let taken = if condition.group.is_some() { condition.regexes.len() } else { 1 };
    for test in all.take(taken).filter(|test| test.field.is_some()) {
        let Some(expression) = &test.expression else { continue };
        if expression.text.contains("${") {
            return None;
        }
        let pattern = Pattern::new(&expression.text);
        if pattern.error().is_some() {
            return None;
        }
        found.switched |= expression.text.contains('(');
        found.count = found.count.max(pattern.group_count());
    }
    Some(found)
}

/// Dollar signs of one text that are looked at.
const MOST: usize = 1_000;

/// `$n` and `${n}` in a text, with their places.
pub(super) fn captures(text: &str) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('$').take(MOST) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (inner, braces) = rest.strip_prefix('{').map_or((rest, 0), |inner| (inner, 1));
        let digits = inner.bytes().take_while(u8::is_ascii_digit).take(9).count();
        let closed = braces == 0 || inner.as_bytes().get(digits) == Some(&b'}');
        if let (Some(Ok(number)), true) = (inner.get(..digits).map(str::parse), closed) {
            found.push((number, at..at + 1 + digits + 2 * braces));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::captures;

    #[test]
    fn places_of_captures() {
        assert_eq!(captures("a$1b${2}$$3 $ ${x} ${4x} $"), [(1, 1..3), (2, 4..8), (3, 9..11)]);
        assert_eq!(captures("$$3"), [(3, 1..3)]);
    }
}
