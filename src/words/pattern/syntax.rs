//! PCRE's syntax in the words of the engines.
//!
//! One pass over the bytes of an expression. It finds the mistakes PCRE would find (with their place) and writes the same
//! expression in a form both engines read the PCRE way: classes as sets of bytes, escapes resolved, `\Q..\E` and comments
//! gone, `$` spelled out.

use std::fmt::Write;
use std::ops::Range;

use super::PatternError;
use super::class::{self, ByteSet};

/// Longest expression accepted.
const MAX_LENGTH: usize = 64 << 10;
/// Deepest nesting of groups accepted.
const MAX_DEPTH: usize = 60;
/// Largest number in `{n,m}`.
const MAX_REPEAT: u32 = 65_535;

/// Which engine reads the translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// `regex`, over bytes, Unicode off.
    Linear,
    /// `fancy-regex`, over characters that stand for bytes.
    Backtracking,
}

/// An expression, translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Translation {
    pub text: String,
    /// It uses what only the backtracking engine has.
    pub backtracking: bool,
    /// It holds a `$` that also matches before a final newline.
    pub dollar: bool,
    /// Number of capture groups.
    pub groups: usize,
}

/// Translates an expression.
pub(super) fn translate(
    expression: &str,
    ignore_case: bool,
    dot_newline: bool,
    target: Target,
) -> Result<Translation, PatternError> {
    if expression.len() > MAX_LENGTH {
        return Err(PatternError::TooLarge);
    }
    let mut translator = Translator::new(expression.as_bytes(), target);
    match (ignore_case, dot_newline) {
        (true, true) => translator.out.push_str("(?is)"),
        (true, false) => translator.out.push_str("(?i)"),
        (false, true) => translator.out.push_str("(?s)"),
        (false, false) => {}
    }
    translator.run()?;
    Ok(Translation {
        text: translator.out,
        backtracking: translator.backtracking,
        dollar: translator.dollar,
        groups: translator.groups,
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    multi_line: bool,
    extended: bool,
}

struct Open {
    flags: Flags,
    /// Where the group begins in the output.
    start: usize,
    /// Where it begins in the input.
    at: usize,
}

struct Translator<'p> {
    input: &'p [u8],
    at: usize,
    out: String,
    target: Target,
    flags: Flags,
    open: Vec<Open>,
    groups: usize,
    backtracking: bool,
    dollar: bool,
    /// Where the last item begins in the output, when a quantifier may follow it.
    item: Option<usize>,
}

type Step = Result<(), PatternError>;

impl<'p> Translator<'p> {
    fn new(input: &'p [u8], target: Target) -> Self {
        Self {
            input,
            at: 0,
            out: String::with_capacity(input.len() + 16),
            target,
            flags: Flags::default(),
            open: Vec::new(),
            groups: 0,
            backtracking: false,
            dollar: false,
            item: None,
        }
    }

    fn run(&mut self) -> Step {
        while let Some(byte) = self.peek() {
            self.element(byte)?;
        }
        match self.open.last() {
            Some(open) => Err(syntax("missing closing parenthesis", open.at..open.at + 1)),
            None => Ok(()),
        }
    }

    fn element(&mut self, byte: u8) -> Step {
        let start = self.at;
        match byte {
            b'\\' => self.escape(),
            b'[' => self.class(),
            b'(' => self.group(),
            b')' => self.close(),
            b'*' | b'+' | b'?' => self.quantifier(start),
            b'{' if self.braces().is_some() => self.quantifier(start),
            b'|' => {
                self.at += 1;
                self.out.push('|');
                self.item = None;
                Ok(())
            }
            b'^' => {
                self.at += 1;
                self.assertion("^");
                Ok(())
            }
            b'$' => {
                self.at += 1;
                if self.flags.multi_line {
                    self.assertion("$");
                } else {
                    self.end_of_subject();
                }
                Ok(())
            }
            b'.' => {
                self.at += 1;
                self.item("(?:.)");
                Ok(())
            }
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c if self.flags.extended => {
                self.at += 1;
                Ok(())
            }
            b'#' if self.flags.extended => {
                let rest = self.input.get(self.at..).unwrap_or_default();
                self.at += rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |end| end + 1);
                Ok(())
            }
            _ => {
                self.at += 1;
                self.literal(byte);
                Ok(())
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn looking_at(&self, text: &str) -> bool {
        self.input.get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn item(&mut self, text: &str) {
        self.item = Some(self.out.len());
        self.out.push_str(text);
    }

    fn assertion(&mut self, text: &str) {
        self.item = None;
        self.out.push_str(text);
    }

    fn literal(&mut self, byte: u8) {
        self.item = Some(self.out.len());
        push_byte(&mut self.out, byte);
    }

    /// The end, or before a newline that is the last byte. The linear engine only knows the end; subjects with a final
    /// newline go to the other one.
    fn end_of_subject(&mut self) {
        self.dollar = true;
        self.assertion(match self.target {
            Target::Linear => r"\z",
            Target::Backtracking => r"(?=\n?\z)",
        });
    }

    fn needs_backtracking(&mut self) {
        self.backtracking = true;
    }

    fn escape(&mut self) -> Step {
        let start = self.at;
        self.at += 1;
        let Some(byte) = self.peek() else {
            return Err(syntax(r"\ at end of pattern", start..start + 1));
        };
        self.at += 1;
        let ascii = self.target == Target::Linear;
        match byte {
            b'Q' => self.quoted(),
            b'E' => {}
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'h' | b'H' | b'v' | b'V' => {
                let (set, negated) = class::escape_set(byte).unwrap_or_default();
                let text = set.print(negated);
                self.item(&text);
            }
            b'N' => self.item("[^\\n]"),
            b'C' => self.item("(?s:.)"),
            b'R' => self.item(r"(?:\r\n|\n|\x0b|\x0c|\r|\x85)"),
            b'b' if ascii => self.assertion(r"\b"),
            b'B' if ascii => self.assertion(r"\B"),
            b'b' => self.assertion(r"(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))"),
            b'B' => self.assertion(r"(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))"),
            b'A' | b'G' => self.assertion(r"\A"),
            b'z' => self.assertion(r"\z"),
            b'Z' => self.end_of_subject(),
            b'K' => {
                self.needs_backtracking();
                self.assertion(r"\K");
            }
            b'g' | b'k' => return self.named_reference(start, byte),
            b'1'..=b'9' => return self.numbered(start),
            b'p' | b'P' | b'X' => {
                return Err(PatternError::Unsupported { feature: "a Unicode property", at: start..self.at });
            }
            _ => match class::escaped_byte(self.input, &mut self.at, byte) {
                Some(byte) => self.literal(byte),
                None => return Err(syntax(r"unrecognized character follows \", start..self.at)),
            },
        }
        Ok(())
    }

    /// `\Q…\E`, the opening already eaten.
    fn quoted(&mut self) {
        while let Some(byte) = self.peek() {
            if self.eat("\\E") {
                return;
            }
            self.at += 1;
            self.literal(byte);
        }
    }

    /// A back-reference, or an octal number.
    fn numbered(&mut self, start: usize) -> Step {
        let digits = self.input.get(start + 1..).unwrap_or_default();
        let length = digits.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        let digits = digits.get(..length).unwrap_or_default();
        let number = digits.iter().fold(0usize, |number, digit| number * 10 + usize::from(digit - b'0'));
        if number < 10 || digits.first().is_some_and(|d| *d >= b'8') || number <= self.groups {
            self.at = start + 1 + length;
            self.back_reference(&format!("\\{number}"));
            return Ok(());
        }
        let octal: Vec<u8> = digits.iter().take(3).take_while(|d| **d < b'8').map(|d| d - b'0').collect();
        self.at = start + 1 + octal.len();
        let value = octal.iter().fold(0u32, |value, digit| value * 8 + u32::from(*digit));
        match u8::try_from(value) {
            Ok(byte) => self.literal(byte),
            Err(_) => return Err(syntax("octal value is greater than \\377", start..self.at)),
        }
        Ok(())
    }

    fn back_reference(&mut self, text: &str) {
        self.needs_backtracking();
        self.item = Some(self.out.len());
        self.out.push_str("(?:");
        self.out.push_str(text);
        self.out.push(')');
    }

    /// `\g{2}`, `\g-1`, `\k<name>` and their relatives.
    fn named_reference(&mut self, start: usize, letter: u8) -> Step {
        let bad = |at| syntax("a reference must be followed by a name or number", start..at);
        let name = match self.peek() {
            Some(b'{') => self.delimited(b'}'),
            Some(b'<' | b'\'') if letter == b'g' => {
                return Err(PatternError::Unsupported { feature: "a subroutine call", at: start..self.at });
            }
            Some(b'<') => self.delimited(b'>'),
            Some(b'\'') => self.delimited(b'\''),
            Some(b'-' | b'0'..=b'9') if letter == b'g' => {
                let rest = self.input.get(self.at..).unwrap_or_default();
                let sign = usize::from(rest.first() == Some(&b'-'));
                let digits = rest.iter().skip(sign).take_while(|b| b.is_ascii_digit()).count();
                self.at += sign + digits;
                rest.get(..sign + digits).and_then(|name| std::str::from_utf8(name).ok())
            }
            _ => None,
        };
        let Some(name) = name else { return Err(bad(self.at)) };
        match name.parse::<i64>() {
            Ok(number) => {
                let absolute = if number < 0 { i64::try_from(self.groups).unwrap_or(0) + number + 1 } else { number };
                if absolute < 1 {
                    return Err(bad(self.at));
                }
                self.back_reference(&format!("\\{absolute}"));
            }
            Err(_) if is_name(name) => {
                let text = format!("\\k<{name}>");
                self.back_reference(&text);
            }
            Err(_) => return Err(bad(self.at)),
        }
        Ok(())
    }

    /// The text between the delimiter at hand and `end`; eats both.
    fn delimited(&mut self, end: u8) -> Option<&'p str> {
        let rest = self.input.get(self.at + 1..)?;
        let length = rest.iter().position(|b| *b == end)?;
        self.at += length + 2;
        std::str::from_utf8(rest.get(..length)?).ok()
    }

    fn class(&mut self) -> Step {
        let class = class::parse(self.input, self.at)?;
        self.at = class.end;
        let text = class.set.print(class.negated);
        self.item(&text);
        Ok(())
    }

    fn group(&mut self) -> Step {
        let start = self.at;
        if self.open.len() >= MAX_DEPTH {
            return Err(PatternError::TooLarge);
        }
        self.at += 1;
        if self.looking_at("*") {
            return Err(PatternError::Unsupported { feature: "a (*VERB)", at: start..start + 2 });
        }
        if !self.eat("?") {
            self.groups += 1;
            self.open_group(start, "(", self.flags);
            return Ok(());
        }
        if self.eat("#") {
            let rest = self.input.get(self.at..).unwrap_or_default();
            return match rest.iter().position(|b| *b == b')') {
                Some(end) => {
                    self.at += end + 1;
                    Ok(())
                }
                None => Err(syntax("missing ) after (?# comment", start..start + 3)),
            };
        }
        for (text, needs) in [(":", false), (">", true), ("=", true), ("!", true), ("<=", true), ("<!", true)] {
            if self.eat(text) {
                self.backtracking |= needs;
                self.open_group(start, &format!("(?{text}"), self.flags);
                return Ok(());
            }
        }
        self.special_group(start)
    }

    /// After `(?`: a named group, a reference, a conditional or flags.
    fn special_group(&mut self, start: usize) -> Step {
        let end = match self.peek() {
            Some(b'<') => Some(b'>'),
            Some(b'\'') => Some(b'\''),
            Some(b'P') if self.input.get(self.at + 1) == Some(&b'<') => {
                self.at += 1;
                Some(b'>')
            }
            _ => None,
        };
        if let Some(end) = end {
            let name = self.delimited(end).filter(|name| is_name(name));
            let Some(name) = name else { return Err(syntax("a group needs a name", start..self.at)) };
            self.groups += 1;
            self.open_group(start, &format!("(?P<{name}>"), self.flags);
            return Ok(());
        }
        if self.looking_at("P=") {
            self.at += 1;
            let name = self.delimited(b')').filter(|name| is_name(name));
            let Some(name) = name else { return Err(syntax("a reference needs a name", start..self.at)) };
            self.back_reference(&format!("\\k<{name}>"));
            return Ok(());
        }
        if self.looking_at("(") {
            return self.conditional(start);
        }
        let next = self.input.get(self.at..).unwrap_or_default();
        match next {
            [b'R' | b'&' | b'0'..=b'9', ..] | [b'P', b'>', ..] | [b'+' | b'-', b'0'..=b'9', ..] => {
                Err(PatternError::Unsupported { feature: "recursion", at: start..self.at + 1 })
            }
            [b'|', ..] => Err(PatternError::Unsupported { feature: "a branch reset group", at: start..self.at + 1 }),
            [b'C', ..] => Err(PatternError::Unsupported { feature: "a callout", at: start..self.at + 1 }),
            _ => self.flags(start),
        }
    }

    fn conditional(&mut self, start: usize) -> Step {
        let inner = self.delimited(b')').map(|name| name.trim_matches(['<', '>', '\'']));
        let text = match inner {
            Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => format!("(?({number})"),
            Some(name) if is_name(name) => format!("(?(<{name}>)"),
            _ => return Err(PatternError::Unsupported { feature: "this kind of condition", at: start..self.at }),
        };
        self.needs_backtracking();
        self.open_group(start, &text, self.flags);
        Ok(())
    }

    /// `(?i-s)` up to the end of the group, `(?i-s:…)` for a group of its own.
    fn flags(&mut self, start: usize) -> Step {
        let mut inner = self.flags;
        let (mut on, mut off) = (String::new(), String::new());
        let mut setting = true;
        loop {
            let Some(byte) = self.peek() else {
                return Err(syntax("missing closing parenthesis", start..start + 1));
            };
            self.at += 1;
            match byte {
                b'-' if setting => setting = false,
                b'x' => inner.extended = setting,
                b'i' | b's' | b'm' => {
                    if byte == b'm' {
                        inner.multi_line = setting;
                    }
                    if setting { on.push(byte.into()) } else { off.push(byte.into()) }
                }
                b'U' if self.target == Target::Linear => {
                    if setting {
                        on.push('U');
                    } else {
                        off.push('U');
                    }
                }
                b'U' | b'J' | b'n' | b'^' => {
                    return Err(PatternError::Unsupported { feature: "this option", at: self.at - 1..self.at });
                }
                b')' | b':' => {
                    let text = if off.is_empty() { on } else { format!("{on}-{off}") };
                    if byte == b':' {
                        self.open_group(start, &format!("(?{text}:"), self.flags);
                    } else if !text.is_empty() {
                        write!(self.out, "(?{text})").ok();
                    }
                    self.flags = inner;
                    self.item = None;
                    return Ok(());
                }
                _ => return Err(syntax("unrecognized character after (? or (?-", start..self.at)),
            }
        }
    }

    fn open_group(&mut self, at: usize, text: &str, flags: Flags) {
        self.open.push(Open { flags, start: self.out.len(), at });
        self.out.push_str(text);
        self.item = None;
    }

    fn close(&mut self) -> Step {
        let Some(open) = self.open.pop() else {
            return Err(syntax("unmatched closing parenthesis", self.at..self.at + 1));
        };
        self.at += 1;
        self.out.push(')');
        self.flags = open.flags;
        self.item = Some(open.start);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}` at this place; anything else is literal text.
    fn braces(&self) -> Option<(Range<usize>, u32, Option<u32>)> {
        let rest = self.input.get(self.at + 1..)?;
        let length = rest.iter().position(|b| *b == b'}')?;
        let text = std::str::from_utf8(rest.get(..length)?).ok()?;
        let number = |text: &str| {
            (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().unwrap_or(u32::MAX))
        };
        let (low, high) = match text.split_once(',') {
            None => (number(text)?, Some(number(text)?)),
            Some((low, "")) => (number(low)?, None),
            Some((low, high)) => (number(low)?, Some(number(high)?)),
        };
        Some((self.at..self.at + length + 2, low, high))
    }

    fn quantifier(&mut self, start: usize) -> Step {
        let Some(item) = self.item.take() else {
            return Err(syntax("quantifier does not follow a repeatable item", start..start + 1));
        };
        let end = match self.braces() {
            Some((span, low, high)) if self.peek() == Some(b'{') => {
                if low > MAX_REPEAT || high.is_some_and(|high| high > MAX_REPEAT) {
                    return Err(syntax("number too big in {} quantifier", span));
                }
                if high.is_some_and(|high| high < low) {
                    return Err(syntax("numbers out of order in {} quantifier", span));
                }
                span.end
            }
            _ => start + 1,
        };
        for byte in self.input.get(start..end).unwrap_or_default() {
            self.out.push(char::from(*byte));
        }
        self.at = end;
        if self.eat("?") {
            self.out.push('?');
        } else if self.eat("+") {
            self.needs_backtracking();
            self.out.insert_str(item, "(?>");
            self.out.push(')');
        }
        Ok(())
    }
}

/// Writes one byte so that both engines read it literally.
pub(super) fn push_byte(out: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || byte == b'_' {
        out.push(char::from(byte));
    } else {
        write!(out, "\\x{byte:02X}").ok();
    }
}

pub(super) fn syntax(reason: &str, at: Range<usize>) -> PatternError {
    PatternError::Syntax { reason: reason.to_owned(), at }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= 32
}

impl ByteSet {
    /// The set as a class of the engines.
    fn print(&self, negated: bool) -> String {
        let mut out = String::from(if negated { "[^" } else { "[" });
        let mut empty = true;
        for (low, high) in self.ranges() {
            empty = false;
            push_byte(&mut out, low);
            if high > low {
                out.push('-');
                push_byte(&mut out, high);
            }
        }
        if empty {
            return if negated { "(?s:.)".to_owned() } else { r"[^\x00-\xFF]".to_owned() };
        }
        out.push(']');
        out
    }
}
