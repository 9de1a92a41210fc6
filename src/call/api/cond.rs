//! `cond`: compares two values and chooses a text.
//!
//! Blanks around every token are mandatory. Two numbers compare as numbers; two texts compare as texts for `==` and `!=`
//! and by length otherwise; a number against a text compares with its length. Quotes force a text.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Cond;

impl ApiFunction for Cond {
    fn name(&self) -> &'static str {
        "cond"
    }

    fn doc(&self) -> &'static str {
        "Compares two values and chooses a text"
    }

    fn syntax(&self) -> &'static str {
        "<expr> ? <true val> : <false val>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        let chosen = args.split_once(" ? ").and_then(|(condition, texts)| {
            let holds = holds(condition)?;
            let (yes, no) = texts.split_once(" : ").unwrap_or_else(|| (texts.trim_end_matches(" :"), ""));
            Some(if holds { yes } else { no })
        });
        chosen.map_or_else(|| "-ERR".to_owned(), |text| unquote(text.trim()).to_owned())
    }
}

fn holds(condition: &str) -> Option<bool> {
    let mut tokens = tokens(condition).into_iter();
    let (left, operator, right) = (tokens.next()?, tokens.next()?, tokens.next()?);
    if tokens.next().is_some() {
        return None;
    }
    let (left_number, right_number) = (number(left), number(right));
    let (left, right) = (unquote(left), unquote(right));
    let ordering = if left_number.is_none() && right_number.is_none() {
        match operator {
            "==" => return Some(left == right),
            "!=" => return Some(left != right),
            _ => left.len().partial_cmp(&right.len()),
        }
    } else {
        let size = |text: &str| text.len() as f64;
        left_number.unwrap_or_else(|| size(left)).partial_cmp(&right_number.unwrap_or_else(|| size(right)))
    }?;
    Some(match operator {
        "==" => ordering.is_eq(),
        "!=" => ordering.is_ne(),
        "<" => ordering.is_lt(),
        ">" => ordering.is_gt(),
        "<=" => ordering.is_le(),
        ">=" => ordering.is_ge(),
        _ => return None,
    })
}

/// Words between blanks; quotes keep blanks inside.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('\'').and_then(|inner| inner.find('\''));
        let end = quoted.map_or_else(|| rest.find(' ').unwrap_or(rest.len()), |close| close + 2);
        let (token, tail) = rest.split_at(end);
        found.push(token);
        rest = tail.trim_start_matches(' ');
    }
    found
}

fn number(token: &str) -> Option<f64> {
    let digits = token.strip_prefix(['-', '+']).unwrap_or(token);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| token.parse().ok()).flatten()
}

fn unquote(token: &str) -> &str {
    token.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).unwrap_or(token)
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        check("cond", "1 == 1 ? yes : no", "yes");
        check("cond", "10 > 9 ? yes : no", "yes");
        check("cond", "10 < 9 ? yes : no", "no");
        check("cond", "6 <= 5 ? yes : no", "no");
        check("cond", "a != b ? yes : no", "yes");
        check("cond", "abc == abc ? same : other", "same");
        check("cond", "abcd > abc ? longer : shorter", "longer");
        check("cond", "1==1 ? a : b", "-ERR");
        check("cond", "1 == 2 ? yes", "");
        check("cond", "", "-ERR");
        check("cond", "1.5 > 1.25 ? big : small", "big");
        check("cond", "3 == abc ? yes : no", "yes");
        check("cond", "'1' == '1.0' ? same : other", "other");
        check("cond", "'a b' == 'a b' ? two words : no", "two words");
        check("cond", "'' == '' ? empty : no", "empty");
        check("cond", "1 ~ 1 ? a : b", "-ERR");
    }

    proptest! {
        #[test]
        fn never_panics(args in "[0-9a ='?:<>!.☃-]{0,30}") {
            crate::call::api::testing::run("cond", &args);
        }
    }
}
