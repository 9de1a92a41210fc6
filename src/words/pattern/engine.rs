//! A pattern with its engine.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use super::forms::{Form, shape};
use super::small::{Captures, Heads, Small};
use super::syntax::{Target, Translation, translate};
use super::{PatternError, Shape};

/// Bytes a compiled pattern may take in the linear engine.
const SIZE_LIMIT: usize = 2 << 20;
/// Bytes of its cache of states.
const CACHE_LIMIT: usize = 1 << 20;
/// Steps of the backtracking engine before it gives up.
const STEP_LIMIT: usize = 100_000;

/// A pattern, read; its engine is built at first use.
#[derive(Debug)]
pub struct Pattern {
    text: Box<str>,
    read: Result<Source, PatternError>,
    engine: OnceLock<Result<Engine, PatternError>>,
    /// For subjects that end in a newline, when the pattern holds a `$`.
    newline: OnceLock<Result<Engine, PatternError>>,
}

/// What was found out when the pattern was read.
#[derive(Debug)]
struct Source {
    shape: Shape,
    /// How it is matched without an engine.
    small: Option<Small>,
    ignore_case: bool,
    dot_newline: bool,
    backtracking: bool,
    dollar: bool,
    groups: usize,
}

#[derive(Debug)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Where the groups of a match stand, the whole match first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    ranges: Vec<Option<Range<usize>>>,
}

impl Groups {
    /// Group `number` (0 is the whole match) in bytes of the subject; `None` when it took no part or does not exist.
    pub fn range(&self, number: usize) -> Option<Range<usize>> {
        self.ranges.get(number).cloned().flatten()
    }

    /// The text of group `number`. Groups are bytes: half a character becomes the replacement character.
    pub fn text<'s>(&self, number: usize, subject: &'s str) -> Option<Cow<'s, str>> {
        let bytes = subject.as_bytes().get(self.range(number)?)?;
        Some(String::from_utf8_lossy(bytes))
    }

    /// Number of groups, the whole match included.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// True for no groups at all.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl Pattern {
    /// Reads a pattern in any of the forms of a dialplan: an expression, `/expression/flags`, `_NXX`.
    pub fn new(text: &str) -> Self {
        let read = Form::of(text).and_then(|form| Source::read(&form));
        Self { text: text.into(), read, engine: OnceLock::new(), newline: OnceLock::new() }
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why the pattern never matches, when that is known without building its engine.
    pub fn error(&self) -> Option<&PatternError> {
        match (&self.read, self.engine.get()) {
            (Err(error), _) | (_, Some(Err(error))) => Some(error),
            _ => None,
        }
    }

    /// Builds the engine now and tells whether the pattern can be used.
    pub fn compile(&self) -> Result<(), PatternError> {
        let source = self.read.as_ref().map_err(Clone::clone)?;
        if source.shape != Shape::Other || source.small.is_some() {
            return Ok(());
        }
        self.engine(source, "").map(|_| ()).map_err(Clone::clone)
    }

    /// What it asks for, when that is simple.
    pub fn shape(&self) -> &Shape {
        self.read.as_ref().map_or(&Shape::Other, |source| &source.shape)
    }

    /// How any subject that it matches begins, in at most `limit` ways.
    pub fn heads(&self, limit: usize) -> Heads {
        self.read.as_ref().ok().and_then(|source| source.small.as_ref()).map_or(Heads::Any, |small| small.heads(limit))
    }

    /// Some subjects that it matches, at most `limit`; empty when none can be told without trying.
    pub fn examples(&self, limit: usize) -> Vec<String> {
        match self.shape() {
            Shape::Exact(text) | Shape::Prefix(text) => vec![text.clone()],
            Shape::Anything => vec!["0".to_owned()],
            Shape::Other => {
                let small = self.read.as_ref().ok().and_then(|source| source.small.as_ref());
                small.map_or_else(Vec::new, |small| small.examples(limit))
            }
        }
    }

    /// Number of groups, the whole match not counted.
    pub fn group_count(&self) -> usize {
        self.read.as_ref().map_or(0, |source| source.groups)
    }

    /// Whether it needs the backtracking engine (look-around, back-references …).
    pub fn is_backtracking(&self) -> bool {
        self.read.as_ref().is_ok_and(|source| source.backtracking)
    }

    /// Whether it occurs in the subject.
    pub fn is_match(&self, subject: &str) -> Result<bool, PatternError> {
        let source = self.read.as_ref().map_err(Clone::clone)?;
        if let Some(found) = literal_match(&source.shape, subject) {
            return Ok(found.is_some());
        }
        if let Some(found) = source.walk(subject) {
            return Ok(found.is_some());
        }
        match self.engine(source, subject).map_err(Clone::clone)? {
            Engine::Linear(regex) => Ok(regex.is_match(subject.as_bytes())),
            Engine::Backtracking(regex) => {
                regex.is_match(&*characters(subject)).map_err(|_| PatternError::TooManySteps)
            }
        }
    }

    /// Its first occurrence in the subject, with its groups.
    pub fn groups(&self, subject: &str) -> Result<Option<Groups>, PatternError> {
        let source = self.read.as_ref().map_err(Clone::clone)?;
        if let Some(found) = literal_match(&source.shape, subject) {
            return Ok(found.map(|end| Groups { ranges: vec![Some(0..end)] }));
        }
        if let Some(found) = source.walk(subject) {
            let ranges = |captures: Captures| {
                let taken = captures.into_iter().take(source.groups + 1);
                taken.map(|group| group.map(|(start, end)| start..end)).collect()
            };
            return Ok(found.map(|captures| Groups { ranges: ranges(captures) }));
        }
        match self.engine(source, subject).map_err(Clone::clone)? {
            Engine::Linear(regex) => Ok(regex
                .captures(subject.as_bytes())
                .map(|found| Groups { ranges: found.iter().map(|group| group.map(|m| m.range())).collect() })),
            Engine::Backtracking(regex) => {
                let text = characters(subject);
                let found = regex.captures(&*text).map_err(|_| PatternError::TooManySteps)?;
                Ok(found.map(|found| Groups {
                    ranges: found.iter().map(|group| group.map(|m| byte_range(&text, subject, m.range()))).collect(),
                }))
            }
        }
    }

    fn engine(&self, source: &Source, subject: &str) -> Result<&Engine, &PatternError> {
        let (cell, target) = if source.backtracking {
            (&self.engine, Target::Backtracking)
        } else if source.dollar && subject.ends_with('\n') {
            (&self.newline, Target::Backtracking)
        } else {
            (&self.engine, Target::Linear)
        };
        cell.get_or_init(|| build(&self.text, source, target)).as_ref()
    }
}

impl Source {
    fn read(form: &Form<'_>) -> Result<Self, PatternError> {
        let translate = |target| translate(&form.expression, form.ignore_case, form.dot_newline, target);
        let Translation { backtracking, dollar, groups, .. } =
            translate(Target::Linear).map_err(|error| shift(error, form.skipped))?;
        let shape = if form.ignore_case { Shape::Other } else { shape(&form.expression) };
        let plain = !form.ignore_case && !form.dot_newline && shape == Shape::Other;
        let small = if plain { Small::read(&form.expression) } else { None };
        let small = small.filter(|small| small.groups() == groups);
        let (ignore_case, dot_newline) = (form.ignore_case, form.dot_newline);
        Ok(Self { shape, small, ignore_case, dot_newline, backtracking, dollar, groups })
    }

    /// The match by the walker; `None`: an engine has to decide.
    #[expect(clippy::option_option, reason = "outer: it was decided; inner: it matches")]
    fn walk(&self, subject: &str) -> Option<Option<Captures>> {
        self.small.as_ref()?.find(subject.as_bytes()).ok()
    }
}

/// Positions of a mistake, counted in the written text.
fn shift(error: PatternError, by: usize) -> PatternError {
    let moved = |at: Range<usize>| at.start + by..at.end + by;
    match error {
        PatternError::Syntax { reason, at } => PatternError::Syntax { reason, at: moved(at) },
        PatternError::Unsupported { feature, at } => PatternError::Unsupported { feature, at: moved(at) },
        other => other,
    }
}

/// For a literal shape: `Some(Some(end of the match))` or `Some(None)`.
#[expect(clippy::option_option, reason = "outer: the shape decides; inner: it matches")]
fn literal_match(shape: &Shape, subject: &str) -> Option<Option<usize>> {
    match shape {
        Shape::Anything => Some(Some(0)),
        Shape::Prefix(literal) => Some(subject.starts_with(literal.as_str()).then_some(literal.len())),
        Shape::Exact(literal) => {
            let rest = subject.strip_prefix(literal.as_str());
            Some(matches!(rest, Some("" | "\n")).then_some(literal.len()))
        }
        Shape::Other => None,
    }
}

fn build(text: &str, source: &Source, target: Target) -> Result<Engine, PatternError> {
    let form = Form::of(text)?;
    let translated = translate(&form.expression, source.ignore_case, source.dot_newline, target)?;
    let syntax = |reason: String| PatternError::Syntax { reason, at: 0..text.len() };
    match target {
        Target::Linear => regex::bytes::RegexBuilder::new(&translated.text)
            .unicode(false)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(CACHE_LIMIT)
            .build()
            .map(Engine::Linear)
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
                other => syntax(other.to_string()),
            }),
        Target::Backtracking => fancy_regex::RegexBuilder::new(&translated.text)
            .backtrack_limit(STEP_LIMIT)
            .delegate_size_limit(SIZE_LIMIT)
            .delegate_dfa_size_limit(CACHE_LIMIT)
            .build()
            .map(|regex| Engine::Backtracking(Box::new(regex)))
            .map_err(|error| syntax(error.to_string())),
    }
}

/// The subject for the backtracking engine, which only takes characters: each byte becomes the character of its number.
fn characters(subject: &str) -> Cow<'_, str> {
    if subject.is_ascii() { Cow::Borrowed(subject) } else { Cow::Owned(subject.bytes().map(char::from).collect()) }
}

/// A range of [`characters`] in bytes of the subject.
fn byte_range(text: &str, subject: &str, range: Range<usize>) -> Range<usize> {
    if text.len() == subject.len() {
        return range;
    }
    let count = |end: usize| text.get(..end).map_or(0, |head| head.chars().count());
    count(range.start)..count(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Groups joined by `|`, `-` for one that took no part; `None` for no match.
    fn groups(pattern: &str, subject: &str) -> Option<String> {
        let pattern = Pattern::new(pattern);
        let found = pattern.groups(subject).unwrap_or_else(|error| panic!("{}: {error:?}", pattern.text()));
        assert_eq!(pattern.is_match(subject), Ok(found.is_some()), "{} on {subject:?}", pattern.text());
        let found = found?;
        let texts: Vec<_> = (0..found.len()).map(|n| found.text(n, subject).unwrap_or("-".into())).collect();
        Some(texts.join("|"))
    }

    #[test]
    fn matches_as_pcre_does() {
        let table: &[(&str, &str, Option<&str>)] = &[
            (r"^(\d)(\d)3$", "123", Some("123|1|2")),
            ("2", "123", Some("2")),
            ("^ABC$", "abc", None),
            ("/^ABC$/i", "abc", Some("abc")),
            ("/^ABC$/x", "abc", None),
            ("/a.c/s", "a\nc", Some("a\nc")),
            ("a.c", "a\nc", None),
            ("_NXX", "234", Some("234")),
            ("_NXX", "2345", None),
            ("_2.", "2", Some("2")),
            ("_(N)X(X)", "234", Some("234|2|4")),
            ("^(a)?(b)$", "b", Some("b|-|b")),
            ("^x$", "x\n", Some("x")),
            (r"^\d+$", "12\n", Some("12")),
            (r"^\d+$", "12\n\n", None),
            (r"^\d+\z", "12\n", None),
            (r"^\d+\Z", "12\n", Some("12")),
            ("(?m)^b$", "a\nb\nc", Some("b")),
            (r"^\Qa.c\E$", "a.c", Some("a.c")),
            (r"^\Qa.c\E$", "abc", None),
            (r"\Qa.c", "xa.c", Some("a.c")),
            (r"^(\w+)\s\1$", "ab ab", Some("ab ab|ab")),
            (r"^(\w+)\s\1$", "ab ac", None),
            ("^(?=1)12", "12", Some("12")),
            ("^(?!1)12", "12", None),
            ("^(?!911|112)[0-9]+$", "113", Some("113")),
            ("^(?!911|112)[0-9]+$", "112", None),
            (r"(?<=\+)1", "+1", Some("1")),
            ("^a++b", "aab", Some("aab")),
            ("^a++ab", "aab", None),
            ("^(?>a|ab)c", "abc", None),
            (r"^(?<area>\d{3})(?P=area)$", "123123", Some("123123|123")),
            (r"^(?'q'a)\k{q}\g{-1}$", "aaa", Some("aaa|a")),
            (r"^[\d\-]+$", "1-2", Some("1-2")),
            ("^[]a]+$", "]a]", Some("]a]")),
            ("^[^]a]$", "b", Some("b")),
            ("^[[:digit:][:upper:]]+$", "1A", Some("1A")),
            ("^[^[:^digit:]]+$", "12", Some("12")),
            ("^[a&&b]+$", "&ab", Some("&ab")),
            ("^[a[b]+$", "[ab", Some("[ab")),
            ("^a{2}$", "aa", Some("aa")),
            ("^a{,2}$", "a{,2}", Some("a{,2}")),
            ("^a{x}$", "a{x}", Some("a{x}")),
            ("^{$", "{", Some("{")),
            ("^a]}$", "a]}", Some("a]}")),
            (r"^\<a\>\#\ $", "<a># ", Some("<a># ")),
            (r"^\x41\x{42}\103\e\0$", "ABC\x1b\0", Some("ABC\x1b\0")),
            ("(?x) ^ a # comment ( [\n b $", "ab", Some("ab")),
            ("(?i:a)b", "Ab", Some("Ab")),
            ("(?i:a)b", "AB", None),
            ("(?i)[^a]", "A", None),
            ("a(?#note)b", "ab", Some("ab")),
            (r"^\d$", "\u{663}", None),
            (r"^\w+$", "é", None),
            ("^.$", "é", None),
            ("^..$", "é", Some("é")),
            ("^é+$", "é", Some("é")),
            ("^[é]{2}$", "é", Some("é")),
            ("^(?=.)(é)x$", "éx", Some("éx|é")),
            (r"\bcat\b", "a cat.", Some("cat")),
            (r"(?=c)\bcat\b", "a cat.", Some("cat")),
            ("^(1)?(?(1)2|3)$", "12", Some("12|1")),
            ("^(1)?(?(1)2|3)$", "3", Some("3|-")),
            ("^$", "", Some("")),
            ("", "anything", Some("")),
            (r"^\(?123$", "123", Some("123")),
            (r"^\*\*(\d+)$", "**12", Some("**12|12")),
            ("a|b|", "c", Some("")),
            (r"\R", "a\r\n", Some("\r\n")),
            (r"^\h\v\N\H$", " \nxy", Some(" \nxy")),
        ];
        for (pattern, subject, expected) in table {
            assert_eq!(groups(pattern, subject).as_deref(), *expected, "{pattern} on {subject:?}");
        }
    }

    #[test]
    fn mistakes_are_found_when_the_pattern_is_read() {
        let table: &[(&str, usize)] = &[
            ("^(1$", 1),
            ("1)", 1),
            ("((", 1),
            ("[a", 0),
            ("*a", 0),
            ("a**", 2),
            ("a{2,1}", 1),
            (r"a\", 1),
            (r"\y", 0),
            ("[z-a]", 1),
            ("[:digit:]", 0),
            ("/a(/i", 2),
            ("(?<1>a)", 0),
            ("(?z)", 0),
        ];
        for (text, start) in table {
            let pattern = Pattern::new(text);
            let error = pattern.error().unwrap_or_else(|| panic!("{text} is accepted"));
            assert_eq!(error.span().map(|at| at.start), Some(*start), "{text}: {error}");
            assert!(pattern.is_match("x").is_err());
        }
        assert_eq!(Pattern::new("/abc").error(), Some(&PatternError::Unterminated));
        for text in [r"\p{L}", "(?R)", "(*UTF8)a", "(?|a)", "(?1)"] {
            assert!(matches!(Pattern::new(text).error(), Some(PatternError::Unsupported { .. })), "{text}");
        }
    }

    #[test]
    fn limits() {
        let large = Pattern::new("(((a{1000}){1000}){1000})");
        assert_eq!(large.is_match("a"), Err(PatternError::TooLarge));
        let deep = Pattern::new(&"(".repeat(1000));
        assert_eq!(deep.error(), Some(&PatternError::TooLarge));
        assert_eq!(groups(r"^(a+)+\1b$", "aaaab").as_deref(), Some("aaaab|aa"));
        let catastrophic = Pattern::new(r"^(?:(a|b|ab)(?!c))*\1d$");
        assert_eq!(catastrophic.is_match(&("ab".repeat(40) + "ed")), Err(PatternError::TooManySteps));
        assert_eq!(Pattern::new("^(a+)+$").is_match(&("a".repeat(5000) + "b")), Ok(false));
    }

    proptest! {
        #[test]
        fn never_panics(text in r"[\[\]()?*+{}|^$.\\a-dQEdwsbxgkPN0-3,:<>=!'#&/_ é-]{0,24}", subject in "[a-d0-3\né]{0,8}") {
            let pattern = Pattern::new(&text);
            let matched = pattern.is_match(&subject);
            if let (Ok(matched), Ok(found)) = (matched, pattern.groups(&subject)) {
                prop_assert_eq!(matched, found.is_some());
            }
        }

        #[test]
        fn shapes_agree_with_the_engine(literal in "[0-9*#+a]{0,5}", subject in "[0-9*#+a\n]{0,6}", anchored: bool) {
            let escaped: String = literal.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\{c}") }).collect();
            let plain = format!("^{escaped}{}", if anchored { "$" } else { "" });
            let engine = format!("(?:{plain})");
            prop_assert!(*Pattern::new(&plain).shape() != Shape::Other);
            prop_assert!(*Pattern::new(&engine).shape() == Shape::Other);
            prop_assert_eq!(Pattern::new(&plain).groups(&subject), Pattern::new(&engine).groups(&subject));
        }
    }
}
