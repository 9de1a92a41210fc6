//! `${…}` in a text: which variables are read and which API functions are called.

use std::ops::Range;

/// One `${…}`; those inside it follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    /// The variable (slice and index cut off) or the API function.
    pub(super) name: &'t str,
    /// Its place in the text.
    pub(super) at: Range<usize>,
    /// Arguments of an API call; none: a variable.
    pub(super) arguments: Option<&'t str>,
    /// Place of the whole, braces included.
    pub(super) whole: Range<usize>,
}

/// References of one text that are looked at.
const MOST: usize = 1_000;

/// References nested deeper are not looked at.
const MAX_LEVEL: usize = 20;

/// All of a text, in order. Names put together at run time are left out, what they are put together from is not.
pub(super) fn references(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    scan(text, 0, 0, &mut found);
    found
}

/// Where a `${` stands that no brace closes, the first one.
pub(super) fn unclosed(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                let end = close(bytes, at + 2);
                if end >= bytes.len() {
                    return Some(at);
                }
                at = end + 1;
            }
            _ => at += 1,
        }
    }
    None
}

fn scan<'t>(text: &'t str, base: usize, level: usize, found: &mut Vec<Reference<'t>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).filter(|_| found.len() < MOST) {
        match byte {
            b'\\' => at += 2,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                let end = close(bytes, at + 2);
                let body = text.get(at + 2..end).unwrap_or_default();
                one(body, base + at + 2, base + at..base + end + 1, found);
                if level < MAX_LEVEL {
                    scan(body, base + at + 2, level + 1, found);
                }
                at = end + 1;
            }
            _ => at += 1,
        }
    }
}

/// The place of the brace that closes the body at `at`; none: the end of the text.
fn close(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 1usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        at += 1;
    }
    at
}

fn one<'t>(body: &'t str, at: usize, whole: Range<usize>, found: &mut Vec<Reference<'t>>) {
    let call = body.find([' ', '(']);
    let name = match call {
        Some(end) => body.get(..end).unwrap_or_default(),
        None => body.split([':', '[']).next().unwrap_or_default(),
    };
    if name.is_empty() || name.contains('$') {
        return;
    }
    let arguments = call.map(|from| body.get(from..).unwrap_or_default());
    found.push(Reference { name, at: at..at + name.len(), arguments, whole });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_calls() {
        let shown = |text| {
            let list = references(text);
            list.iter()
                .map(|found| format!("{}{}@{}", found.name, found.arguments.unwrap_or(""), found.at.start))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown("a${b}${c:1:2}${d[0]}"), "b@3 c@7 d@15");
        assert_eq!(shown("${cond(${x} == 1 ? ${y} : z)}"), "cond(${x} == 1 ? ${y} : z)@2 x@9 y@21");
        assert_eq!(shown("${expr 1+2} \\${no} $${g} ${a_${b}} ${open"), "expr 1+2@2 g@22 b@31 open@37");
        assert_eq!(shown("$ ${} ${ x}"), "");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[$\\\\{}() a-z:\\[é]{0,40}") {
            for found in references(&text) {
                proptest::prop_assert_eq!(text.get(found.at.clone()), Some(found.name));
            }
        }
    }
}
