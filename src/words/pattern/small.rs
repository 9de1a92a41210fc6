//! Patterns simple enough to be walked without an engine.
//!
//! Most patterns of a dialplan are a few literals, classes and groups: `^(\+?1)?(\d{7,10})$`. Building an engine for one
//! costs a thousand times what a match of it does, and some ten kilobytes. This walker backtracks as PCRE does, greedy and
//! leftmost, over a subset in which nothing repeats but single bytes. Outside the subset: flags, assertions other than `^`
//! first and `$` last, back-references, lazy or possessive quantifiers, repeated groups.

use super::class::{self, ByteSet};

/// Most items of a pattern and of its groups together: they bound the depth of the walk.
const MAX_ITEMS: usize = 64;
/// Most capture groups.
const MAX_GROUPS: usize = 9;
/// Most quantifiers that leave a choice: more of them make for polynomials of too high a degree.
const MAX_CHOICES: usize = 6;
/// Steps after which an engine has to decide.
const MAX_STEPS: usize = 20_000;
/// No upper bound of a repetition.
const ENDLESS: u16 = u16::MAX;

/// A pattern of the subset.
#[derive(Debug)]
pub(super) struct Small {
    items: Box<[Item]>,
    /// It begins with `^`.
    anchored: bool,
    /// It ends with `$`.
    ended: bool,
    groups: usize,
}

#[derive(Debug)]
enum Item {
    Text(Box<[u8]>),
    Set { set: Box<ByteSet>, min: u16, max: u16 },
    Group(Box<Group>),
}

#[derive(Debug)]
struct Group {
    /// Its number, from 1 on.
    capture: Option<usize>,
    optional: bool,
    branches: Box<[Box<[Item]>]>,
}

/// Where the whole match and each group stand.
pub(super) type Captures = [Option<(usize, usize)>; MAX_GROUPS + 1];

/// How any text that matches must begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heads {
    /// It is one of these (a final newline apart).
    Exact(Vec<Vec<u8>>),
    /// It begins with one of these.
    Prefix(Vec<Vec<u8>>),
    /// Nothing is known.
    Any,
}

/// The walk took too many steps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooHard;

impl Small {
    /// Reads an expression that is known to be valid; `None`: it is outside the subset.
    pub(super) fn read(expression: &str) -> Option<Self> {
        let input = expression.as_bytes();
        let (anchored, input) = input.strip_prefix(b"^").map_or((false, input), |rest| (true, rest));
        let mut reader = Reader { input, at: 0, items: 0, groups: 0, choices: 0, ended: false };
        let items = reader.sequence(true)?;
        (reader.at == input.len()).then_some(Self { items, anchored, ended: reader.ended, groups: reader.groups })
    }

    /// Number of capture groups.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// The first match.
    pub(super) fn find(&self, subject: &[u8]) -> Result<Option<Captures>, TooHard> {
        let mut walk = Walk { subject, ended: self.ended, captures: Captures::default(), steps: 0 };
        let last = if self.anchored { 0 } else { subject.len() };
        for start in 0..=last {
            if let Some(end) = walk.run(&self.items, None, start)? {
                walk.captures[0] = Some((start, end));
                return Ok(Some(walk.captures));
            }
        }
        Ok(None)
    }

    /// Some texts that match, at most `limit`.
    pub(super) fn examples(&self, limit: usize) -> Vec<String> {
        let texts = illustrate(&self.items, vec![Vec::new()], limit);
        let texts = texts.into_iter().filter_map(|text| String::from_utf8(text).ok());
        texts.filter(|text| matches!(self.find(text.as_bytes()), Ok(Some(_)))).collect()
    }

    /// How texts that match begin, in at most `limit` ways.
    pub(super) fn heads(&self, limit: usize) -> Heads {
        if !self.anchored {
            return Heads::Any;
        }
        let (heads, complete) = extend(&self.items, vec![Vec::new()], limit);
        match complete && self.ended {
            true => Heads::Exact(heads),
            false if heads.iter().any(Vec::is_empty) => Heads::Any,
            false => Heads::Prefix(heads),
        }
    }
}

/// Sets with more members than this end a head that says something already.
const FEW: usize = 4;

/// Appends what some texts that match may look like to each beginning.
fn illustrate(items: &[Item], mut texts: Vec<Vec<u8>>, limit: usize) -> Vec<Vec<u8>> {
    for item in items {
        let mut next = Vec::new();
        match item {
            Item::Text(literal) => {
                next = texts;
                for text in &mut next {
                    text.extend_from_slice(literal);
                }
            }
            Item::Set { set, min, max } => {
                for count in [*min, min.saturating_add(1).min(*max)] {
                    for byte in typical(set) {
                        let run = std::iter::repeat_n(byte, usize::from(count));
                        next.extend(
                            texts.iter().map(|text| text.iter().copied().chain(run.clone()).collect::<Vec<_>>()),
                        );
                    }
                }
            }
            Item::Group(group) => {
                if group.optional {
                    next.clone_from(&texts);
                }
                for branch in &group.branches {
                    next.extend(illustrate(branch, texts.clone(), limit));
                }
            }
        }
        next.sort();
        next.dedup();
        next.truncate(limit);
        texts = next;
    }
    texts
}

/// One or two members of a set, digits first.
fn typical(set: &ByteSet) -> Vec<u8> {
    let digits = || (b'0'..=b'9').filter(|byte| set.contains(*byte));
    let mut members: Vec<u8> = digits().next().into_iter().chain(digits().next_back()).collect();
    if members.is_empty() {
        members.extend((b' '..=b'~').find(|byte| set.contains(*byte)));
    }
    members.dedup();
    members
}

/// Appends what the items demand to each head; false: only the beginning of it could be said.
fn extend(items: &[Item], mut heads: Vec<Vec<u8>>, limit: usize) -> (Vec<Vec<u8>>, bool) {
    for item in items {
        match item {
            Item::Text(text) => heads.iter_mut().for_each(|head| head.extend_from_slice(text)),
            Item::Set { set, min, max } => {
                for _ in 0..*min {
                    match cross(&heads, set, limit) {
                        Some(longer) => heads = longer,
                        None => return (heads, false),
                    }
                }
                match (max - min, cross(&heads, set, limit)) {
                    (0, _) => {}
                    (1, Some(longer)) if longer.len() + heads.len() <= limit => heads.extend(longer),
                    _ => return (heads, false),
                }
            }
            Item::Group(group) => {
                let mut all = if group.optional { heads.clone() } else { Vec::new() };
                let mut complete = true;
                for branch in &group.branches {
                    let (longer, whole) = extend(branch, heads.clone(), limit);
                    all.extend(longer);
                    complete &= whole;
                }
                if all.len() > limit {
                    return (heads, false);
                }
                heads = all;
                if !complete {
                    return (heads, false);
                }
            }
        }
    }
    (heads, true)
}

fn cross(heads: &[Vec<u8>], set: &ByteSet, limit: usize) -> Option<Vec<Vec<u8>>> {
    let members: Vec<u8> = (0..=u8::MAX).filter(|byte| set.contains(*byte)).take(limit + 1).collect();
    let said = heads.iter().any(|head| !head.is_empty());
    if heads.len() * members.len() > limit || (said && members.len() > FEW) {
        return None;
    }
    let longer = |head: &[u8], byte: u8| head.iter().copied().chain([byte]).collect();
    Some(heads.iter().flat_map(|head| members.iter().map(move |byte| longer(head, *byte))).collect())
}

struct Reader<'p> {
    input: &'p [u8],
    at: usize,
    items: usize,
    groups: usize,
    choices: usize,
    ended: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Items up to `|`, `)` or the end; `$` may end the outermost.
    fn sequence(&mut self, outermost: bool) -> Option<Box<[Item]>> {
        let mut items = Vec::new();
        let mut text = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'|' | b')' if outermost => return None,
                b'|' | b')' => break,
                b'$' if outermost && self.at + 1 == self.input.len() => {
                    self.at += 1;
                    self.ended = true;
                    break;
                }
                b'(' => {
                    flush(&mut text, &mut items);
                    items.push(self.group()?);
                }
                _ => {
                    let single = self.single()?;
                    match (single, self.quantifier()?) {
                        (Single::Byte(byte), (1, 1)) => text.push(byte),
                        (single, (min, max)) => {
                            flush(&mut text, &mut items);
                            items.push(Item::Set { set: Box::new(single.into_set()), min, max });
                        }
                    }
                }
            }
        }
        flush(&mut text, &mut items);
        self.items += items.len();
        (self.items <= MAX_ITEMS && self.choices <= MAX_CHOICES).then(|| items.into_boxed_slice())
    }

    fn group(&mut self) -> Option<Item> {
        self.at += 1;
        let capture = if self.eat(b'?') {
            if !self.eat(b':') {
                return None;
            }
            None
        } else {
            self.groups += 1;
            Some(self.groups)
        };
        if self.groups > MAX_GROUPS {
            return None;
        }
        let mut branches = vec![self.sequence(false)?];
        while self.eat(b'|') {
            branches.push(self.sequence(false)?);
        }
        if !self.eat(b')') {
            return None;
        }
        let optional = match self.quantifier()? {
            (1, 1) => false,
            // What an optional group that matched nothing captures is a matter of the engine.
            (0, 1) if !branches.iter().any(|branch| may_be_empty(branch)) => true,
            _ => return None,
        };
        Some(Item::Group(Box::new(Group { capture, optional, branches: branches.into_boxed_slice() })))
    }

    /// One byte or one class.
    fn single(&mut self) -> Option<Single> {
        let byte = self.peek()?;
        match byte {
            b'\\' => {
                let letter = *self.input.get(self.at + 1)?;
                self.at += 2;
                if letter.is_ascii_punctuation() {
                    return Some(Single::Byte(letter));
                }
                if !matches!(letter, b'd' | b'D' | b'w' | b'W' | b's' | b'S') {
                    return None;
                }
                let (set, negated) = class::escape_set(letter)?;
                Some(Single::Set(set, negated))
            }
            b'[' => {
                let class = class::parse(self.input, self.at).ok()?;
                self.at = class.end;
                Some(Single::Set(class.set, class.negated))
            }
            b'.' => {
                self.at += 1;
                let mut newline = ByteSet::default();
                newline.insert(b'\n');
                Some(Single::Set(newline, true))
            }
            b'^' | b'$' | b'*' | b'+' | b'?' | b'{' => None,
            plain => {
                self.at += 1;
                Some(Single::Byte(plain))
            }
        }
    }

    /// `?`, `*`, `+`, `{n}`, `{n,}`, `{n,m}`, or nothing; `None` for what the subset lacks.
    fn quantifier(&mut self) -> Option<(u16, u16)> {
        let bounds = match self.peek() {
            Some(b'?') => (0, 1),
            Some(b'*') => (0, ENDLESS),
            Some(b'+') => (1, ENDLESS),
            Some(b'{') => {
                let rest = self.input.get(self.at + 1..)?;
                let length = rest.iter().position(|byte| *byte == b'}')?;
                let inner = std::str::from_utf8(rest.get(..length)?).ok()?;
                self.at += length + 1;
                let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number < ENDLESS);
                match inner.split_once(',') {
                    None => (number(inner)?, number(inner)?),
                    Some((min, "")) => (number(min)?, ENDLESS),
                    Some((min, max)) => (number(min)?, number(max)?),
                }
            }
            _ => return Some((1, 1)),
        };
        self.at += 1;
        if bounds.0 != bounds.1 {
            self.choices += 1;
        }
        match self.peek() {
            Some(b'?' | b'+') => None,
            _ => (bounds.0 <= bounds.1).then_some(bounds),
        }
    }
}

enum Single {
    Byte(u8),
    Set(ByteSet, bool),
}

impl Single {
    fn into_set(self) -> ByteSet {
        let mut set = ByteSet::default();
        match self {
            Self::Byte(byte) => set.insert(byte),
            Self::Set(plain, false) => set = plain,
            Self::Set(other, true) => {
                (0..=u8::MAX).filter(|byte| !other.contains(*byte)).for_each(|byte| set.insert(byte));
            }
        }
        set
    }
}

fn flush(text: &mut Vec<u8>, items: &mut Vec<Item>) {
    if !text.is_empty() {
        items.push(Item::Text(std::mem::take(text).into_boxed_slice()));
    }
}

fn may_be_empty(items: &[Item]) -> bool {
    items.iter().all(|item| match item {
        Item::Text(_) => false,
        Item::Set { min, .. } => *min == 0,
        Item::Group(group) => group.optional || group.branches.iter().any(|branch| may_be_empty(branch)),
    })
}

struct Walk<'s> {
    subject: &'s [u8],
    ended: bool,
    captures: Captures,
    steps: usize,
}

/// What follows a group's branch.
struct Then<'p> {
    items: &'p [Item],
    capture: Option<usize>,
    /// Where the group began.
    start: usize,
    outer: Option<&'p Then<'p>>,
}

impl Walk<'_> {
    /// The end of the first way in which the items, and what follows them, match from `at` on.
    fn run(&mut self, items: &[Item], then: Option<&Then<'_>>, at: usize) -> Result<Option<usize>, TooHard> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(TooHard);
        }
        let Some((item, rest)) = items.split_first() else { return self.leave(then, at) };
        let left = self.subject.get(at..).unwrap_or_default();
        match item {
            Item::Text(text) if left.starts_with(text) => self.run(rest, then, at + text.len()),
            Item::Text(_) => Ok(None),
            Item::Set { set, min, max } => {
                let (min, max) = (usize::from(*min), if *max == ENDLESS { usize::MAX } else { usize::from(*max) });
                let most = left.iter().take(max).take_while(|byte| set.contains(**byte)).count();
                for count in (min..=most).rev() {
                    if let Some(end) = self.run(rest, then, at + count)? {
                        return Ok(Some(end));
                    }
                }
                Ok(None)
            }
            Item::Group(group) => {
                let next = Then { items: rest, capture: group.capture, start: at, outer: then };
                for branch in &group.branches {
                    if let Some(end) = self.run(branch, Some(&next), at)? {
                        return Ok(Some(end));
                    }
                }
                if group.optional { self.run(rest, then, at) } else { Ok(None) }
            }
        }
    }

    /// The items are used up: the group around them ends, or the pattern does.
    fn leave(&mut self, then: Option<&Then<'_>>, at: usize) -> Result<Option<usize>, TooHard> {
        let Some(next) = then else {
            let matched = !self.ended || matches!(self.subject.get(at..), Some(b"" | b"\n"));
            return Ok(matched.then_some(at));
        };
        let capture = next.capture.filter(|number| *number < self.captures.len());
        let former = capture.and_then(|number| self.captures.get_mut(number)?.replace((next.start, at)));
        let end = self.run(next.items, next.outer, at)?;
        if end.is_none()
            && let Some(place) = capture.and_then(|number| self.captures.get_mut(number))
        {
            *place = former;
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Pattern;
    use super::*;

    #[test]
    fn the_subset() {
        for inside in ["^9$", "1", r"^(\+?1)?(\d{7,10})$", "^(?:a|b(c))d", r"^\*98$", "^[^#]+$", ".*", "", "^a{2}$"] {
            assert!(Small::read(inside).is_some(), "{inside}");
        }
        for outside in ["a|b", "(?i)a", "^(?!1)", r"(a)\1", "a+?", "a++", "(a)*", "(a?)?", "a^", "$a", r"\bx", "a{x}"] {
            assert!(Small::read(outside).is_none(), "{outside}");
        }
    }

    #[test]
    fn heads_are_what_a_match_begins_with() {
        let heads = |text: &str| Small::read(text).map(|small| small.heads(16));
        let texts = |list: &[&str]| list.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        let table = [
            ("^123$", Heads::Exact(texts(&["123"]))),
            (r"^(\+?1)?55$", Heads::Exact(texts(&["55", "155", "+155"]))),
            (r"^55(\d{2,4})$", Heads::Prefix(texts(&["55"]))),
            ("^(?:44|49)[12]", Heads::Prefix(texts(&["441", "442", "491", "492"]))),
            (r"^\d+$", Heads::Prefix((b'0'..=b'9').map(|digit| vec![digit]).collect())),
            ("123", Heads::Any),
            ("^.*1$", Heads::Any),
        ];
        for (text, expected) in table {
            let found = heads(text).unwrap();
            match (&found, &expected) {
                (Heads::Prefix(found), Heads::Prefix(expected)) | (Heads::Exact(found), Heads::Exact(expected)) => {
                    let (mut found, mut expected) = (found.clone(), expected.clone());
                    found.sort();
                    expected.sort();
                    assert_eq!(found, expected, "{text}");
                }
                _ => assert_eq!(found, expected, "{text}"),
            }
        }
    }

    #[test]
    fn examples_match() {
        let examples = |text: &str| Small::read(text).unwrap().examples(8);
        assert_eq!(examples("^123$"), ["123"]);
        assert_eq!(examples(r"^(\+?1)?55$"), ["+155", "155", "55"]);
        assert_eq!(examples("^[2-4]x$"), ["2x", "4x"]);
        assert_eq!(examples(r"^9(\d{2,4})$"), ["900", "9000", "999", "9999"]);
        assert_eq!(examples("^(?:a|b)$"), ["a", "b"]);
        assert!(examples("^[a-c][a-c][a-c]*(x|y|z)?").len() <= 8);
    }

    #[test]
    fn hard_patterns_are_left_to_an_engine() {
        let small = Small::read("^a*a*a*a*a*b$").unwrap();
        assert_eq!(small.find(&[b'a'; 60]), Err(TooHard));
        assert_eq!(Pattern::new("^a*a*a*a*a*b$").is_match(&"a".repeat(60)), Ok(false));
    }

    fn piece() -> impl Strategy<Value = String> {
        let single = prop_oneof![
            "[0-3a]",
            Just(r"\d".to_owned()),
            Just("[12]".to_owned()),
            Just("[^1]".to_owned()),
            Just(".".to_owned()),
            Just(r"\+".to_owned())
        ];
        let quantifier = prop_oneof![3 => Just(""), 1 => Just("?"), 1 => Just("*"), 1 => Just("+"), 1 => Just("{2}"), 1 => Just("{1,3}"), 1 => Just("{1,}")];
        (single, quantifier).prop_map(|(single, quantifier)| single + quantifier)
    }

    fn expression() -> impl Strategy<Value = String> {
        let plain = prop::collection::vec(piece(), 1..4).prop_map(|pieces| pieces.concat());
        let part = plain.prop_recursive(2, 12, 3, |inner| {
            let branches = prop::collection::vec(inner, 1..3).prop_map(|branches| branches.join("|"));
            (prop_oneof![Just("("), Just("(?:")], branches, prop_oneof![Just(")"), Just(")?")])
                .prop_map(|(open, inner, close)| format!("{open}{inner}{close}"))
        });
        (any::<bool>(), prop::collection::vec(part, 1..4), any::<bool>()).prop_map(|(start, parts, end)| {
            format!("{}{}{}", if start { "^" } else { "" }, parts.concat(), if end { "$" } else { "" })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn agrees_with_the_engine(text in expression(), subject in "[0-3a+]{0,8}\n?") {
            if let Some(small) = Small::read(&text) {
                // With a flag the expression is an engine's. `$` before a final newline is the backtracking engine's
                // business, which hands parts to another one and then does not come back to them as PCRE does.
                let subject = if small.ended { subject.trim_end_matches('\n') } else { &subject };
                let engine = Pattern::new(&format!("/{text}/i"));
                prop_assume!(engine.error().is_none());
                let found = small.find(subject.as_bytes()).unwrap();
                let expected = engine.groups(subject).unwrap();
                let ranges = |captures: &Captures| (0..=small.groups()).map(|n| captures[n].map(|(start, end)| start..end)).collect::<Vec<_>>();
                let expected = expected.map(|groups| (0..groups.len()).map(|n| groups.range(n)).collect::<Vec<_>>());
                prop_assert_eq!(found.as_ref().map(ranges), expected, "{}", text);
                if found.is_some() {
                    let text = subject.strip_suffix('\n').unwrap_or(subject).as_bytes();
                    let right = match small.heads(16) {
                        Heads::Any => true,
                        Heads::Exact(heads) => heads.iter().any(|head| head == text || head == subject.as_bytes()),
                        Heads::Prefix(heads) => heads.iter().any(|head| subject.as_bytes().starts_with(head)),
                    };
                    prop_assert!(right);
                }
            }
        }
    }
}
