//! The words of a Lua text: enough to find calls and what is written in them.

use std::ops::Range;

/// One piece of a Lua text that is neither blank nor comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'t> {
    /// A name or keyword.
    Name(&'t str),
    /// A string, quotes apart, as it is written.
    Text(&'t str),
    /// A number.
    Number,
    /// An operator, or one sign.
    Sign(&'t str),
}

/// A word and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) word: Word<'t>,
    /// The whole, quotes included.
    pub(super) at: Range<usize>,
    /// What stands between the quotes; else the whole.
    pub(super) inner: Range<usize>,
}

impl Token<'_> {
    /// Whether it is this sign.
    pub(super) fn is(&self, sign: &str) -> bool {
        self.word == Word::Sign(sign)
    }
}

/// Signs of more than one letter, longer ones first.
const LONG: &[&str] = &["...", "..", "==", "~=", "<=", ">=", "//", "<<", ">>", "::"];

/// The words of a text. Of a broken text whatever can be read.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    // The first line may name an interpreter, also behind a byte order mark.
    let mut at =
        if text.trim_start_matches('\u{feff}').starts_with('#') { text.find('\n').unwrap_or(text.len()) } else { 0 };
    while let Some(byte) = bytes.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let start = at;
        let mut inner = 0..0;
        let word = match byte {
            b'-' if rest.starts_with("--") => {
                let inner = rest.get(2..).unwrap_or_default();
                at += match long_bracket(inner) {
                    Some((length, ..)) => 2 + length,
                    None => rest.find('\n').unwrap_or(rest.len()),
                };
                continue;
            }
            b'"' | b'\'' => {
                at = quoted(bytes, at);
                let closed = at > start + 1 && bytes.get(at - 1) == Some(byte);
                inner = start + 1..if closed { at - 1 } else { at };
                Word::Text(text.get(inner.clone()).unwrap_or_default())
            }
            b'[' if long_bracket(rest).is_some() => {
                let (length, quote, close) = long_bracket(rest).unwrap_or((1, 0, 0));
                at += length;
                inner = start + quote..at.saturating_sub(close);
                Word::Text(text.get(inner.clone()).unwrap_or_default())
            }
            byte if byte.is_ascii_digit() => {
                at += number(rest);
                Word::Number
            }
            byte if byte.is_ascii_alphabetic() || *byte == b'_' => {
                let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                at += rest.bytes().take_while(word).count();
                Word::Name(text.get(start..at).unwrap_or_default())
            }
            byte if byte.is_ascii_whitespace() || !byte.is_ascii() => {
                at += 1;
                continue;
            }
            _ => {
                let sign = LONG.iter().find(|sign| rest.starts_with(**sign));
                at += sign.map_or(1, |sign| sign.len());
                Word::Sign(text.get(start..at).unwrap_or_default())
            }
        };
        let at = start..at.min(text.len());
        let inner = if matches!(word, Word::Text(_)) { inner } else { at.clone() };
        found.push(Token { word, at, inner });
    }
    found
}

/// Length of a number: digits and letters, a point between them, a sign behind an exponent.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        let exponent = bytes.get(at - 1).is_some_and(|before| match before {
            b'e' | b'E' => !hex,
            b'p' | b'P' => hex,
            _ => false,
        });
        let point = *byte == b'.' && bytes.get(at + 1) != Some(&b'.');
        if !(byte.is_ascii_alphanumeric() || point || (exponent && matches!(byte, b'+' | b'-'))) {
            break;
        }
        at += 1;
    }
    at
}

/// The place behind a quoted string, or the end of its line.
fn quoted(bytes: &[u8], from: usize) -> usize {
    let quote = bytes.get(from);
    let mut at = from + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' => return at,
            byte if Some(byte) == quote => return at + 1,
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

/// Lengths of `[[…]]`, `[=[…]=]` at the start of a text, of its opening and of its closing; an open one runs to the end.
fn long_bracket(text: &str) -> Option<(usize, usize, usize)> {
    let inner = text.strip_prefix('[')?;
    let level = inner.bytes().take_while(|byte| *byte == b'=').count();
    inner.get(level..)?.strip_prefix('[')?;
    let close = format!("]{}]", "=".repeat(level));
    Some(match text.find(&close) {
        Some(end) => (end + close.len(), level + 2, close.len()),
        None => (text.len(), level + 2, 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let shown = |text| {
            let words = tokens(text);
            words
                .iter()
                .map(|token| match token.word {
                    Word::Name(name) => name.to_owned(),
                    Word::Text(text) => format!("<{text}>"),
                    Word::Number => "0".to_owned(),
                    Word::Sign(sign) => sign.to_owned(),
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (text, expected) in [
            ("a:b('c', \"d\\\"e\") -- x", "a : b ( <c> , <d\\\"e> )"),
            ("x = [[a\n]b]] .. [==[c]]]==]", "x = <a\n]b> .. <c]]>"),
            ("--[[ no ]] 1..2 1.5e-3 0x1p+4 f(...)", "0 .. 0 0 0 f ( ... )"),
            ("#!/usr/bin/lua x\na==b~=c", "a == b ~= c"),
            ("\u{feff}#!/usr/bin/lua x\na", "a"),
            ("'open\nb", "<open> b"),
            ("'", "<>"),
            ("[=[open", "<open>"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        let text = "f('ab', [=[cd]=])";
        let inner: Vec<_> = tokens(text).iter().map(|token| &text[token.inner.clone()]).collect();
        assert_eq!(inner, ["f", "(", "ab", ",", "cd", ")"]);
    }

    proptest::proptest! {
        #[test]
        fn places_are_in_the_text(text in "(session|:|\\(|\\)|\"|'|\\\\|--|\\[=*\\[|\\]=*\\]|\\.|,|é|\n| |a|0x|1e){0,40}") {
            for token in tokens(&text) {
                proptest::prop_assert!(text.get(token.at.clone()).is_some());
                proptest::prop_assert!(text.get(token.inner.clone()).is_some());
            }
        }
    }
}
