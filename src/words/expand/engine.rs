//! The scanner: one pass from left to right, recursing into names, arguments and values.

use std::borrow::Cow;

use super::{Answers, Api, Lookup, Pending};

/// Levels of values inside values; deeper ones are inserted as they are.
const MAX_LEVEL: usize = 100;
/// Substitutions one expansion may make; what lies beyond is inserted as nothing. Stops texts that double at each level.
const MAX_SUBSTITUTIONS: usize = 20_000;
/// Bytes one expansion may produce in all its levels together; what lies beyond is inserted as nothing.
const MAX_OUTPUT: usize = 8 << 20;

/// True when [`expand`] would look at the text at all: it holds `${` (a `$`, then any number of `$` or `\`, then `{`) or
/// one of the escapes `\\ \n \s \t \'`.
pub fn needs_expansion(text: &str) -> bool {
    holds_reference(text) || holds_escape(text)
}

/// True when the text holds `${`: a `$`, then any number of `$` or `\`, then `{`.
pub fn holds_reference(text: &str) -> bool {
    let mut after_dollar = false;
    for byte in text.bytes() {
        match byte {
            b'$' => after_dollar = true,
            b'{' if after_dollar => return true,
            b'\\' => {}
            _ => after_dollar = false,
        }
    }
    false
}

fn holds_escape(text: &str) -> bool {
    let escape = |pair: &[u8]| matches!(pair, [b'\\', b'\\' | b'n' | b's' | b't' | b'\'']);
    text.as_bytes().windows(2).any(escape)
}

/// Expands a text whose API calls all answer at once.
pub fn expand<'t>(text: &'t str, lookup: &mut dyn Lookup) -> Result<Cow<'t, str>, Pending> {
    expand_with(text, lookup, &mut Answers::default())
}

/// Expands a text; API calls met before take their values from `answers`, new values are added to it. So each call is made
/// once, however often expansion begins again.
pub fn expand_with<'t>(text: &'t str, lookup: &mut dyn Lookup, answers: &mut Answers) -> Result<Cow<'t, str>, Pending> {
    if !needs_expansion(text) {
        return Ok(Cow::Borrowed(text));
    }
    let mut run = Run { lookup, answers, used: 0, substitutions: 0, output: 0 };
    run.text(text, 0).map(Cow::Owned)
}

struct Run<'r> {
    lookup: &'r mut dyn Lookup,
    answers: &'r mut Answers,
    used: usize,
    substitutions: usize,
    output: usize,
}

impl Run<'_> {
    /// Expands `text` at recursion level `level`.
    fn nested<'t>(&mut self, text: &'t str, level: usize) -> Result<Cow<'t, str>, Pending> {
        if level > MAX_LEVEL || !needs_expansion(text) {
            return Ok(Cow::Borrowed(text));
        }
        self.text(text, level).map(Cow::Owned)
    }

    fn text(&mut self, text: &str, level: usize) -> Result<String, Pending> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(found) = rest.find(['$', '\\']) {
            let (plain, tail) = rest.split_at(found);
            out.push_str(plain);
            rest = self.special(tail, &mut out, level)?;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Handles a tail that begins with `$` or `\` and returns what follows the handled part.
    fn special<'t>(&mut self, tail: &'t str, out: &mut String, level: usize) -> Result<&'t str, Pending> {
        if let Some(after) = tail.strip_prefix('\\') {
            return Ok(backslash(after, out));
        }
        if let Some(body) = tail.strip_prefix("$${").or_else(|| tail.strip_prefix("${")) {
            let (body, after) = split_body(body);
            self.substitute(body, out, level)?;
            return Ok(copy_one_unless_dollar(after, out));
        }
        out.push('$');
        let after = tail.strip_prefix("$$").or_else(|| tail.strip_prefix('$'));
        Ok(after.unwrap_or_default())
    }

    fn substitute(&mut self, body: &str, out: &mut String, level: usize) -> Result<(), Pending> {
        self.substitutions += 1;
        if self.substitutions > MAX_SUBSTITUTIONS || self.output > MAX_OUTPUT {
            return Ok(());
        }
        let before = out.len();
        match body.find([' ', '(']) {
            Some(at) => self.call(body, at, out, level)?,
            None => self.read(body, out, level)?,
        }
        self.output += out.len().saturating_sub(before);
        Ok(())
    }

    /// `${name}`, `${name[1]}`, `${name:2:3}`.
    fn read(&mut self, body: &str, out: &mut String, level: usize) -> Result<(), Pending> {
        let reference = self.nested(body, level + 1)?;
        let (name, slice) = match reference.split_once(':') {
            Some((name, slice)) => (name, Some(Slice::parse(slice))),
            None => (&*reference, None),
        };
        let (name, index) = split_index(name);
        let Some(value) = self.lookup.variable(name, index) else { return Ok(()) };
        if level >= MAX_LEVEL || !needs_expansion(&value) {
            out.push_str(&cut(&value, slice));
            return Ok(());
        }
        let value = value.into_owned();
        let expanded = self.nested(&value, level + 1)?;
        out.push_str(&cut(&expanded, slice));
        Ok(())
    }

    /// `${name(args)}`, `${name args}`.
    fn call(&mut self, body: &str, at: usize, out: &mut String, level: usize) -> Result<(), Pending> {
        let (name, tail) = body.split_at(at);
        let (separator, tail) = tail.split_at(1);
        let args = arguments(tail, separator == "(");
        let name = self.nested(name, level + 1)?;
        let args = self.nested(args, level + 1)?;
        let (name, args) = (name.trim(), args.trim());
        if self.answers.at(self.used).is_none() {
            match self.lookup.api(name, args) {
                Api::Value(value) => self.answers.push(Some(value)),
                Api::Unknown => self.answers.push(None),
                Api::Pending => return Err(Pending { name: name.to_owned(), args: args.to_owned() }),
            }
        }
        if let Some(value) = self.answers.at(self.used) {
            out.push_str(value.as_deref().unwrap_or_default());
        }
        self.used += 1;
        Ok(())
    }
}

/// After a backslash: `$`, `'` and `\` are consumed, anything else leaves the backslash in place.
fn backslash<'t>(after: &'t str, out: &mut String) -> &'t str {
    if let Some(tail) = after.strip_prefix('$') {
        out.push('$');
        return tail.strip_prefix('$').unwrap_or(tail);
    }
    if let Some(tail) = after.strip_prefix('\'') {
        return tail;
    }
    out.push('\\');
    after.strip_prefix('\\').unwrap_or(after)
}

/// What follows a closing brace is copied without a look at it, unless it is another `$`.
fn copy_one_unless_dollar<'t>(after: &'t str, out: &mut String) -> &'t str {
    let mut chars = after.chars();
    match chars.next() {
        Some('$') | None => after,
        Some(next) => {
            out.push(next);
            chars.as_str()
        }
    }
}

/// Splits after the brace that closes the body; without one the whole rest is the body.
fn split_body(text: &str) -> (&str, &str) {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    (text, "")
}

/// The arguments of a call. In the `(` form they end before the matching parenthesis; in the blank form the first
/// group in parentheses ends them just before its closing one.
fn arguments(text: &str, parenthesis: bool) -> &str {
    let mut depth = usize::from(parenthesis);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return text.get(..at).unwrap_or_default(),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text
}

/// `name[2]` asks for an item of an array.
fn split_index(name: &str) -> (&str, Option<usize>) {
    match name.split_once('[') {
        Some((bare, rest)) if rest.contains(']') => {
            let index = leading_integer(rest);
            (bare, Some(usize::try_from(index).unwrap_or(usize::MAX)))
        }
        _ => (name, None),
    }
}

#[derive(Clone, Copy)]
struct Slice {
    offset: i64,
    length: i64,
}

impl Slice {
    fn parse(text: &str) -> Self {
        let (offset, length) = text.split_once(':').unwrap_or((text, ""));
        Self { offset: leading_integer(offset), length: leading_integer(length) }
    }
}

/// Bytes, not characters: half a character becomes the replacement character.
fn cut(value: &str, slice: Option<Slice>) -> Cow<'_, str> {
    let Some(slice) = slice else { return Cow::Borrowed(value) };
    let size = value.len();
    let away = usize::try_from(slice.offset.unsigned_abs()).unwrap_or(usize::MAX);
    let start = if slice.offset >= 0 { away.min(size) } else { size.saturating_sub(away) };
    let bytes = value.as_bytes().get(start..).unwrap_or_default();
    let bytes = match usize::try_from(slice.length) {
        Ok(length) if length > 0 && length < bytes.len() => bytes.get(..length).unwrap_or_default(),
        _ => bytes,
    };
    String::from_utf8_lossy(bytes)
}

/// The integer a text begins with (blanks, sign, digits), else 0; saturating.
pub(crate) fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    struct Table(HashMap<&'static str, String>);

    impl Lookup for Table {
        fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
            let name = name.to_ascii_lowercase();
            let value = self.0.get(name.as_str())?;
            match (index, value.strip_prefix("ARRAY::")) {
                (None, _) => Some(value.as_str().into()),
                (Some(index), Some(items)) => items.split("|:").nth(index).map(Into::into),
                (Some(_), None) => None,
            }
        }

        fn api(&mut self, name: &str, args: &str) -> Api {
            match name.to_ascii_lowercase().as_str() {
                "echo" => Api::Value(args.to_owned()),
                "slow" => Api::Pending,
                _ => Api::Unknown,
            }
        }
    }

    fn table() -> Table {
        let pairs = [
            ("x", "abcdef"),
            ("y", "why"),
            ("k", "x"),
            ("pre_x", "deep"),
            ("list", "ARRAY::p|:q|:r"),
            ("again", "<${y}>"),
            ("protected", "\\${y}"),
            ("loop", "${loop}"),
            ("tail", "$"),
            ("snow", "a☃b"),
        ];
        Table(pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(expand(text, &mut table()).unwrap(), expected, "expanding {text:?}");
    }

    #[test]
    fn texts_without_anything_to_do_are_borrowed() {
        for text in ["", "plain", "$$5", "\\$5", "a\\b", "$x {y}", "C:\\dir"] {
            assert!(matches!(expand(text, &mut table()), Ok(Cow::Borrowed(same)) if same == text), "{text:?}");
        }
    }

    #[test]
    fn variables() {
        check("[${nosuch}]", "[]");
        check("${X}", "abcdef");
        check("${pre_${k}}", "deep");
        check("${again}", "<why>");
        check("${protected}", "${y}");
        check("a${x", "aabcdef");
        check("$${x}", "abcdef");
        check("${list[1]} ${list} [${x[0]}]", "q ARRAY::p|:q|:r []");
        check("${${k}}${y}", "abcdefwhy");
    }

    #[test]
    fn slices_count_bytes() {
        check("${x:2} ${x:2:2} ${x:-3} ${x:-3:2}", "cdef cd def de");
        check("[${x:0:-2}][${x:9}][${x:-9}][${x::3}][${x:6}]", "[abcdef][][abcdef][abc][]");
        check("${x:1:1:1}", "b");
        check("${list[2]:0:1}", "r");
        check("${snow:0:1}${snow:4}", "ab");
        check("${x:99999999999999999999}|${x:-99999999999999999999}", "|abcdef");
    }

    #[test]
    fn escapes() {
        check("\\${x}", "${x}");
        check("\\\\${x}", "\\abcdef");
        check("${y}\\${x}", "why\\abcdef");
        check("${y}-\\n-\\s", "why-\\n-\\s");
        check("$$5 ${y}", "$5 why");
        check("${y}$$5", "why$5");
        check("it\\'s", "its");
        check("\\$$ ${y}", "$ why");
        check("${y} \\d\\$", "why \\d$");
        check("\\\\\\${y}", "\\${y}");
        check("${y}$", "why$");
        check("${tail}{y}", "${y}");
    }

    #[test]
    fn api_calls() {
        check("${echo(a b)}", "a b");
        check("${echo a b}", "a b");
        check("${ECHO( ${y} )tail}", "why");
        check("[${nosuch(1)}]", "[]");
        check("${echo((1)(2))}", "(1)(2)");
        check("${echo (1+2)*3}", "(1+2");
        check("${echo 1+(2)*3}", "1+(2");
        check("${echo(\\${y})}", "${y}");
        check("${echo(${echo(${echo(${y})})})}", "why");
        check("${ec${nosuch}ho(1)}", "1");
    }

    #[test]
    fn awaited_calls_are_replayed_in_order() {
        let text = "${slow(1)}-${echo(x)}-${slow(${slow(2)})}";
        let mut answers = Answers::new();
        let mut asked = Vec::new();
        let value = loop {
            match expand_with(text, &mut table(), &mut answers) {
                Ok(value) => break value.into_owned(),
                Err(pending) => {
                    answers.push(Some(format!("<{}>", pending.args)));
                    asked.push(pending.args);
                }
            }
        };
        assert_eq!(asked, ["1", "2", "<2>"]);
        assert_eq!(value, "<1>-x-<<2>>");
    }

    #[test]
    fn endless_and_doubling_values_end() {
        assert_eq!(expand("${loop}", &mut table()).unwrap(), "${loop}");
        let mut bomb = table();
        let names: Vec<&'static str> = (0..60).map(|n| &*Box::leak(format!("b{n}").into_boxed_str())).collect();
        for pair in names.windows(2) {
            bomb.0.insert(pair[0], format!("${{{0}}}${{{0}}}", pair[1]));
        }
        bomb.0.insert("b59", "x".repeat(1000));
        assert!(expand("${b0}", &mut bomb).unwrap().len() <= 2 * MAX_OUTPUT);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[$\\\\{}()a-z:'\\[\\] 0-9☃-]{0,60}") {
            let mut answers = Answers::new();
            for _ in 0..200 {
                match expand_with(&text, &mut table(), &mut answers) {
                    Ok(_) => break,
                    Err(_) => answers.push(Some("v".to_owned())),
                }
            }
        }

        #[test]
        fn untouched_means_equal(text in ".{0,60}") {
            if !needs_expansion(&text) {
                prop_assert_eq!(&*expand(&text, &mut table()).unwrap(), text.as_str());
            }
        }
    }
}
