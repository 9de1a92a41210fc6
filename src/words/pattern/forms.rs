//! The three ways to write a pattern, and the ones that need no engine.

use std::borrow::Cow;

use super::PatternError;

/// What a pattern asks for when that is simple enough to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Exactly this text (a final newline apart).
    Exact(String),
    /// A text that begins so.
    Prefix(String),
    /// Every text.
    Anything,
    /// Only an engine can tell.
    Other,
}

/// The expression proper and its flags, taken out of the form it was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form<'t> {
    pub expression: Cow<'t, str>,
    /// Bytes of the written text in front of the expression, to map positions back.
    pub skipped: usize,
    pub ignore_case: bool,
    pub dot_newline: bool,
}

impl<'t> Form<'t> {
    /// `_NXX`, `/expr/flags` or the expression itself.
    pub(super) fn of(text: &'t str) -> Result<Self, PatternError> {
        let plain = |expression, skipped| Self { expression, skipped, ignore_case: false, dot_newline: false };
        if let Some(digits) = text.strip_prefix('_') {
            return Ok(plain(Cow::Owned(asterisk(digits)), 0));
        }
        let Some(inner) = text.strip_prefix('/') else { return Ok(plain(Cow::Borrowed(text), 0)) };
        let Some((expression, flags)) = inner.rsplit_once('/') else { return Err(PatternError::Unterminated) };
        Ok(Self {
            ignore_case: flags.contains('i'),
            dot_newline: flags.contains('s'),
            ..plain(Cow::Borrowed(expression), 1)
        })
    }
}

/// Asterisk's digit pattern as an expression: `N` 2 to 9, `X` 0 to 9, `Z` 1 to 9, `.` anything (also nothing); every
/// other character keeps the meaning it has in an expression.
fn asterisk(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 2 + 2);
    out.push('^');
    for c in digits.chars() {
        match c {
            'N' => out.push_str("[2-9]"),
            'X' => out.push_str("[0-9]"),
            'Z' => out.push_str("[1-9]"),
            '.' => out.push_str(".*"),
            other => out.push(other),
        }
    }
    out.push('$');
    out
}

/// The shape of a case-sensitive expression: `^`, literal characters, perhaps `$`.
pub(super) fn shape(expression: &str) -> Shape {
    if expression.is_empty() {
        return Shape::Anything;
    }
    let Some(body) = expression.strip_prefix('^') else { return Shape::Other };
    let mut literal = String::new();
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '$' if chars.as_str().is_empty() => return Shape::Exact(literal),
            '\\' => match chars.next() {
                Some(next) if next.is_ascii_punctuation() => literal.push(next),
                _ => return Shape::Other,
            },
            '^' | '$' | '.' | '[' | ']' | '(' | ')' | '{' | '}' | '*' | '+' | '?' | '|' => return Shape::Other,
            plain => literal.push(plain),
        }
    }
    if literal.is_empty() { Shape::Anything } else { Shape::Prefix(literal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(Form::of("_NXX").unwrap().expression, "^[2-9][0-9][0-9]$");
        let form = Form::of("/a/b/i").unwrap();
        assert_eq!((&*form.expression, form.ignore_case, form.dot_newline), ("a/b", true, false));
        assert_eq!(Form::of("/abc"), Err(PatternError::Unterminated));
        assert_eq!(Form::of("/").unwrap_err(), PatternError::Unterminated);
    }

    #[test]
    fn shapes() {
        assert_eq!(shape("^199999$"), Shape::Exact("199999".into()));
        assert_eq!(shape("^\\*98$"), Shape::Exact("*98".into()));
        assert_eq!(shape("^9"), Shape::Prefix("9".into()));
        assert_eq!(shape(""), Shape::Anything);
        assert_eq!(shape("^"), Shape::Anything);
        for other in ["1", "^1.$", "^1*$", "^(1)$", "^1\\d$", "^1{2}$", "^a|b$", "^1$x", "^1?$", "^\\Q1\\E$"] {
            assert_eq!(shape(other), Shape::Other, "{other}");
        }
    }
}
