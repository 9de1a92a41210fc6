//! Just enough of Lua's text to find method calls and count their arguments.

use std::ops::Range;

/// One piece of a Lua text that is neither blank nor comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    /// A name or keyword.
    Name(&'t str),
    /// A string or number.
    Value,
    /// One sign; `...` is one.
    Sign(char),
    /// Three dots.
    Dots,
}

/// A call of a method of a named object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call<'t> {
    pub(super) name: &'t str,
    /// Place of the name.
    pub(super) at: Range<usize>,
    /// How many arguments; none when the last may stand for several, or one is a function.
    pub(super) arguments: Option<usize>,
}

/// Calls `object:name(…)`, `object:name "…"` and `object:name {…}`.
pub(super) fn calls<'t>(text: &'t str, object: &str) -> Vec<Call<'t>> {
    let tokens = tokens(text);
    let token = |at: usize| tokens.get(at).map(|(token, _)| *token);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let after_field = at > 0 && matches!(token(at - 1), Some(Token::Sign('.' | ':')));
        let opens = token(at) == Some(Token::Name(object)) && !after_field && token(at + 1) == Some(Token::Sign(':'));
        let (true, Some((Token::Name(name), place))) = (opens, tokens.get(at + 2)) else { continue };
        let arguments = match token(at + 3) {
            Some(Token::Sign('(')) => count(tokens.get(at + 4..).unwrap_or_default().iter().map(|(token, _)| *token)),
            Some(Token::Value | Token::Sign('{')) => Some(1),
            _ => continue,
        };
        found.push(Call { name, at: place.clone(), arguments });
    }
    found
}

/// Number of arguments up to the closing parenthesis.
fn count<'t>(tokens: impl Iterator<Item = Token<'t>>) -> Option<usize> {
    let (mut depth, mut commas, mut last) = (0usize, 0usize, None);
    for token in tokens {
        match token {
            Token::Name("function") => return None,
            Token::Sign(')') if depth == 0 => {
                return match last {
                    None => Some(0),
                    Some(Token::Sign(')') | Token::Dots) => None,
                    Some(_) => Some(commas + 1),
                };
            }
            Token::Sign('(' | '{' | '[') => depth += 1,
            Token::Sign(')' | '}' | ']') => depth = depth.saturating_sub(1),
            Token::Sign(',') if depth == 0 => commas += 1,
            _ => {}
        }
        last = Some(token);
    }
    None
}

fn tokens(text: &str) -> Vec<(Token<'_>, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    // The first line may name an interpreter.
    let mut at = if text.starts_with('#') { text.find('\n').unwrap_or(text.len()) } else { 0 };
    while let Some(byte) = bytes.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let start = at;
        let token = match byte {
            b'-' if rest.starts_with("--") => {
                let inner = rest.get(2..).unwrap_or_default();
                at += match long_bracket(inner) {
                    Some(length) => 2 + length,
                    None => rest.find('\n').unwrap_or(rest.len()),
                };
                continue;
            }
            b'"' | b'\'' => {
                at = quoted(bytes, at);
                Token::Value
            }
            b'[' if long_bracket(rest).is_some() => {
                at += long_bracket(rest).unwrap_or(1);
                Token::Value
            }
            b'.' if rest.starts_with("...") => {
                at += 3;
                Token::Dots
            }
            byte if byte.is_ascii_alphanumeric() || *byte == b'_' => {
                let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                at += rest.bytes().take_while(word).count();
                let name = text.get(start..at).unwrap_or_default();
                if byte.is_ascii_digit() { Token::Value } else { Token::Name(name) }
            }
            byte if byte.is_ascii_whitespace() || !byte.is_ascii() => {
                at += 1;
                continue;
            }
            byte => {
                at += 1;
                Token::Sign(char::from(*byte))
            }
        };
        found.push((token, start..at.min(text.len())));
    }
    found
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
    at
}

/// Length of `[[…]]`, `[=[…]=]` at the start of a text; an open one runs to its end.
fn long_bracket(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('[')?;
    let level = inner.bytes().take_while(|byte| *byte == b'=').count();
    inner.get(level..)?.strip_prefix('[')?;
    let close = format!("]{}]", "=".repeat(level));
    Some(text.find(&close).map_or(text.len(), |end| end + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_and_counted() {
        for (text, expected) in [
            ("session:answer()", "answer:0"),
            ("session : execute ( 'a,b' , x[1,2] , {1,2} )", "execute:3"),
            ("-- session:no(1)\n--[[ session:no() ]] session:a(1)", "a:1"),
            ("session:a(f(1, 2))", "a:?"),
            ("session:a(f(1, 2), 3)", "a:2"),
            ("session:a(...)", "a:?"),
            ("session:a(function() return 1, 2 end)", "a:?"),
            ("session:say 'x' session:b {1}", "say:1 b:1"),
            ("x = \"session:no()\" .. [[session:no()]]", ""),
            ("other.session:no() mysession:no() session.x()", ""),
            ("session:a(session:b(1), 2)", "a:2 b:1"),
            ("session:a(", "a:?"),
            ("#!/usr/bin/lua session:no()\nsession:a()", "a:0"),
        ] {
            let shown: Vec<String> = calls(text, "session")
                .iter()
                .map(|call| {
                    format!("{}:{}", call.name, call.arguments.map_or("?".to_owned(), |count| count.to_string()))
                })
                .collect();
            assert_eq!(shown.join(" "), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(session|:|\\(|\\)|\"|'|\\\\|--|\\[=*\\[|\\]=*\\]|\\.|,|é|\n| |a){0,40}") {
            calls(&text, "session");
        }
    }
}
