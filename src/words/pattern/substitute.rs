//! `$n` in a replacement.

use super::Groups;

/// Numbers above this name no group.
const MAX_GROUP: usize = 256;
/// Digits a group number may have.
const MAX_DIGITS: usize = 9;

impl Groups {
    /// Replaces `$n` and `${n}` in a text by the groups of a match in `subject`. A group that does not exist or took no
    /// part is replaced by nothing. `${n…` with anything else before the brace is left alone: it names a variable. A
    /// backslash protects nothing.
    pub fn substitute(&self, text: &str, subject: &str) -> String {
        let mut out = String::with_capacity(text.len() + subject.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (plain, tail) = rest.split_at(at);
            out.push_str(plain);
            if let Some((number, length)) = reference(tail) {
                if let Some(group) = number.and_then(|number| self.text(number, subject)) {
                    out.push_str(&group);
                }
                rest = tail.get(length..).unwrap_or_default();
            } else {
                out.push('$');
                rest = tail.get(1..).unwrap_or_default();
            }
        }
        out.push_str(rest);
        out
    }
}

/// The group a tail beginning with `$` refers to (`None` when there is no such number) and the bytes that takes.
fn reference(tail: &str) -> Option<(Option<usize>, usize)> {
    let after = tail.strip_prefix('$')?;
    let (digits, braces) = match after.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (after, false),
    };
    let count = digits.bytes().take(MAX_DIGITS).take_while(u8::is_ascii_digit).count();
    let number = digits.get(..count).filter(|digits| !digits.is_empty())?;
    if braces && digits.as_bytes().get(count) != Some(&b'}') {
        return None;
    }
    let number = number.parse().ok().filter(|number| *number <= MAX_GROUP);
    Some((number, 1 + count + if braces { 2 } else { 0 }))
}
