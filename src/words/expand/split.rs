//! Argument lists: one splitter for every application, dial string part and script command.
//!
//! Delimiter `D`: a leading `^^X` replaces it by `X`; `'…'` protects delimiters; `\` protects the next character. Each
//! item then loses leading blanks, its quotes and trailing unquoted blanks; `\n \r \t \s` become line feed, carriage
//! return, tab and blank, `\\ \' \" \D` the character, any other backslash stays. For the blank, runs of it count as one
//! and a quote without partner protects up to the end; for any other delimiter such a quote is an ordinary character.

use std::borrow::Cow;

/// Splits into at most `limit` items; the last one keeps the rest unsplit. An empty text has no items, and a delimiter
/// at the very end opens none.
pub fn split(text: &str, delimiter: char, limit: usize) -> Vec<String> {
    let (text, delimiter) = other_delimiter(text, delimiter);
    let (pieces, cleaned_for) = if delimiter == ' ' {
        (blank_pieces(text, limit), None)
    } else {
        (pieces(text, delimiter, limit), Some(delimiter))
    };
    pieces.into_iter().map(|piece| clean(piece, cleaned_for)).collect()
}

/// [`split`] without a limit on the number of items.
pub fn split_unlimited(text: &str, delimiter: char) -> Vec<String> {
    split(text, delimiter, usize::MAX)
}

/// Data of an application after its scope variables were taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scoped<'t> {
    /// Variables that live as long as the application runs, in order.
    pub variables: Vec<(String, String)>,
    /// What the application gets.
    pub data: Cow<'t, str>,
}

/// Takes `%[a=1,b=2]` (or `%X[a=1Xb=2]`) off the start of expanded application data.
pub fn scope_variables(data: &str) -> Scoped<'_> {
    let plain = || Scoped { variables: Vec::new(), data: Cow::Borrowed(data) };
    let Some(after) = data.strip_prefix('%') else { return plain() };
    let mut chars = after.chars();
    let (delimiter, body) = match chars.next() {
        Some('[') => (',', chars.as_str()),
        Some(other) => match chars.as_str().strip_prefix('[') {
            Some(body) => (other, body),
            None => return plain(),
        },
        None => return plain(),
    };
    let Some(end) = closing_bracket(body) else { return plain() };
    let (list, rest) = body.split_at(end);
    let variables = split_unlimited(list, delimiter)
        .into_iter()
        .filter_map(|item| item.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    Scoped { variables, data: Cow::Borrowed(rest.strip_prefix(']').unwrap_or(rest)) }
}

fn closing_bracket(body: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 0 => return Some(at),
            b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `^^X` in front of a list picks its delimiter.
fn other_delimiter(text: &str, delimiter: char) -> (&str, char) {
    let Some(after) = text.strip_prefix("^^") else { return (text, delimiter) };
    let mut chars = after.chars();
    match chars.next() {
        Some(picked) => (chars.as_str(), picked),
        None => (text, delimiter),
    }
}

fn pieces(text: &str, delimiter: char, limit: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && found.len() < limit {
        let end = if found.len() + 1 == limit { None } else { next_delimiter(rest, delimiter) };
        let Some(end) = end else {
            found.push(rest);
            break;
        };
        let (piece, tail) = rest.split_at(end);
        found.push(piece);
        rest = tail.strip_prefix(delimiter).unwrap_or(tail);
    }
    found
}

fn next_delimiter(text: &str, delimiter: char) -> Option<usize> {
    let last_quote = text.rfind('\'');
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == '\'' && (quoted || last_quote.is_some_and(|last| last > at)) {
            quoted = !quoted;
        } else if c == delimiter && !quoted {
            return Some(at);
        }
    }
    None
}

fn blank_pieces(text: &str, limit: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && found.len() < limit {
        rest = rest.trim_start_matches(' ');
        if rest.is_empty() {
            if found.is_empty() {
                found.push(rest);
            }
            break;
        }
        let end = if found.len() + 1 == limit { None } else { next_blank(rest) };
        let Some(end) = end else {
            found.push(rest);
            break;
        };
        let (piece, tail) = rest.split_at(end);
        found.push(piece);
        rest = tail;
    }
    found
}

fn next_blank(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\'' => quoted = !quoted,
            ' ' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Removes quotes and outer blanks and interprets escapes.
fn clean(piece: &str, delimiter: Option<char>) -> String {
    let piece = piece.trim_start_matches(' ');
    if !piece.contains(['\'', '\\']) {
        return piece.trim_end_matches(' ').to_owned();
    }
    let last_quote = piece.rfind('\'');
    let mut out = String::with_capacity(piece.len());
    let mut keep = 0;
    let mut quoted = false;
    let mut chars = piece.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\'
            && let Some(plain) = chars.clone().next().and_then(|(_, next)| unescape(next, delimiter))
        {
            chars.next();
            out.push(plain);
            keep = out.len();
        } else if c == '\'' && (quoted || last_quote.is_some_and(|last| last > at)) {
            quoted = !quoted;
            if quoted {
                keep = out.len();
            }
        } else {
            out.push(c);
            if c != ' ' || quoted {
                keep = out.len();
            }
        }
    }
    out.truncate(keep);
    out
}

fn unescape(c: char, delimiter: Option<char>) -> Option<char> {
    match c {
        '\'' | '"' | '\\' => Some(c),
        _ if Some(c) == delimiter => Some(c),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        's' => Some(' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, delimiter: char, limit: usize, expected: &[&str]) {
        assert_eq!(split(text, delimiter, limit), expected, "splitting {text:?} at {delimiter:?}");
    }

    #[test]
    fn commas() {
        check("", ',', 9, &[]);
        check("a,b,,c", ',', 9, &["a", "b", "", "c"]);
        check("a,b,", ',', 9, &["a", "b"]);
        check(" a , b c ,' d '", ',', 9, &["a", "b c", " d "]);
        check("'a,b',c", ',', 9, &["a,b", "c"]);
        check("it's,b", ',', 9, &["it's", "b"]);
        check("a\\,b,c", ',', 9, &["a,b", "c"]);
        check("a,b,c", ',', 2, &["a", "b,c"]);
        check("^^:a,b:c", ',', 9, &["a,b", "c"]);
        check("a\\nb\\sc\\d\\\\", ',', 9, &["a\nb c\\d\\"]);
        check("name=a=b", '=', 2, &["name", "a=b"]);
    }

    #[test]
    fn blanks() {
        check("a   b  c", ' ', 9, &["a", "b", "c"]);
        check("  a  ", ' ', 9, &["a"]);
        check("'set:a=1,playback:/x.wav' inline", ' ', 9, &["set:a=1,playback:/x.wav", "inline"]);
        check("a' 'b c", ' ', 9, &["a b", "c"]);
        check("a it's b", ' ', 9, &["a", "it's b"]);
        check("2 XML t u", ' ', 3, &["2", "XML", "t u"]);
        check("'' x", ' ', 9, &["", "x"]);
        check("a\\ b", ' ', 9, &["a\\ b"]);
        check("^^;a=1 2;b=3", ' ', 9, &["a=1 2", "b=3"]);
    }

    #[test]
    fn scope() {
        let scoped = scope_variables("%[q=5,r=6]x ${q}");
        assert_eq!(scoped.data, "x ${q}");
        assert_eq!(scoped.variables, [("q".to_owned(), "5".to_owned()), ("r".to_owned(), "6".to_owned())]);
        assert_eq!(scope_variables("%;[q=5,0;r=6]").variables.len(), 2);
        for text in ["", "%", "%%", "%[q=5", "x%[q=5]", "100%"] {
            assert_eq!(scope_variables(text).data, text);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-c,; '\\\\^nst☃]{0,40}", limit in 0usize..5) {
            for delimiter in [',', ' ', ';', '☃'] {
                prop_assert!(split(&text, delimiter, limit).len() <= limit);
                split_unlimited(&text, delimiter);
            }
            scope_variables(&text);
        }

        #[test]
        fn plain_items_survive(items in proptest::collection::vec("[a-z0-9]{1,6}", 1..6)) {
            prop_assert_eq!(split_unlimited(&items.join(","), ','), items.clone());
            prop_assert_eq!(split_unlimited(&items.join("  "), ' '), items);
        }
    }
}
