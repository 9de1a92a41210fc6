//! Character classes as sets of bytes.

use super::PatternError;
use super::syntax::syntax;

/// A set of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word & (1 << (byte & 63)) != 0)
    }

    fn insert_where(&mut self, test: impl Fn(u8) -> bool) {
        for byte in 0..=u8::MAX {
            if test(byte) {
                self.insert(byte);
            }
        }
    }

    /// Its runs, in order.
    pub(super) fn ranges(&self) -> Vec<(u8, u8)> {
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for byte in (0..=u8::MAX).filter(|byte| self.contains(*byte)) {
            match runs.last_mut() {
                Some((_, high)) if *high == byte.wrapping_sub(1) => *high = byte,
                _ => runs.push((byte, byte)),
            }
        }
        runs
    }
}

/// A class, read.
pub(super) struct Class {
    pub set: ByteSet,
    pub negated: bool,
    /// First byte after it.
    pub end: usize,
}

/// The set of `\d`, `\W` …, and whether it is negated.
pub(super) fn escape_set(letter: u8) -> Option<(ByteSet, bool)> {
    let test: fn(u8) -> bool = match letter.to_ascii_lowercase() {
        b'd' => |b| b.is_ascii_digit(),
        b'w' => |b| b.is_ascii_alphanumeric() || b == b'_',
        b's' => |b| matches!(b, b' ' | 0x09..=0x0d),
        b'h' => |b| matches!(b, b' ' | b'\t' | 0xa0),
        b'v' => |b| matches!(b, 0x0a..=0x0d | 0x85),
        _ => return None,
    };
    let mut set = ByteSet::default();
    set.insert_where(test);
    Some((set, letter.is_ascii_uppercase()))
}

/// An escape that stands for one byte; `letter` is what followed the backslash, `at` the place after it.
pub(super) fn escaped_byte(input: &[u8], at: &mut usize, letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 0x07,
        b'e' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0'..=b'7' => {
            let digits = std::iter::once(letter).chain(input.get(*at..)?.iter().copied());
            let (value, used) = number(digits.take(3), 8)?;
            *at += used - 1;
            u8::try_from(value).ok()?
        }
        b'o' => braced(input, at, 8)?,
        b'x' if input.get(*at) == Some(&b'{') => braced(input, at, 16)?,
        b'x' => {
            let (value, used) = number(input.get(*at..)?.iter().copied().take(2), 16).unwrap_or((0, 0));
            *at += used;
            u8::try_from(value).ok()?
        }
        b'c' => {
            let control = *input.get(*at).filter(|b| b.is_ascii_graphic())?;
            *at += 1;
            control.to_ascii_uppercase() ^ 0x40
        }
        other if other.is_ascii_alphanumeric() => return None,
        other => other,
    })
}

/// The number that digits begin with, and how many of them it took.
fn number(digits: impl Iterator<Item = u8>, radix: u32) -> Option<(u32, usize)> {
    let mut value = 0u32;
    let mut used = 0;
    for byte in digits {
        let Some(digit) = char::from(byte).to_digit(radix) else { break };
        value = value.checked_mul(radix)?.checked_add(digit)?;
        used += 1;
    }
    (used > 0).then_some((value, used))
}

fn braced(input: &[u8], at: &mut usize, radix: u32) -> Option<u8> {
    let rest = input.get(*at..)?.strip_prefix(b"{")?;
    let length = rest.iter().position(|b| *b == b'}')?;
    let (value, used) = number(rest.iter().copied().take(length), radix)?;
    if used != length {
        return None;
    }
    *at += length + 2;
    u8::try_from(value).ok()
}

/// Whether a byte belongs to a class.
type Member = fn(u8) -> bool;

const POSIX: &[(&str, Member)] = &[
    ("alnum", |b| b.is_ascii_alphanumeric()),
    ("alpha", |b| b.is_ascii_alphabetic()),
    ("ascii", |b| b.is_ascii()),
    ("blank", |b| matches!(b, b' ' | b'\t')),
    ("cntrl", |b| b.is_ascii_control()),
    ("digit", |b| b.is_ascii_digit()),
    ("graph", |b| b.is_ascii_graphic()),
    ("lower", |b| b.is_ascii_lowercase()),
    ("print", |b| b.is_ascii_graphic() || b == b' '),
    ("punct", |b| b.is_ascii_punctuation()),
    ("space", |b| matches!(b, b' ' | 0x09..=0x0d)),
    ("upper", |b| b.is_ascii_uppercase()),
    ("word", |b| b.is_ascii_alphanumeric() || b == b'_'),
    ("xdigit", |b| b.is_ascii_hexdigit()),
];

/// One item of a class.
enum Item {
    Byte(u8),
    Set(ByteSet, bool),
    Nothing,
}

/// Reads the class whose `[` stands at `start`.
pub(super) fn parse(input: &[u8], start: usize) -> Result<Class, PatternError> {
    let mut reader = Reader { input, at: start + 1, start, quoting: false };
    if posix(input, start).is_some() {
        return Err(syntax("POSIX named classes are supported only within a class", start..start + 2));
    }
    let negated = reader.eat(b'^');
    let mut set = ByteSet::default();
    let mut first = true;
    loop {
        if !first && !reader.quoting && reader.eat(b']') {
            return Ok(Class { set, negated, end: reader.at });
        }
        let at = reader.at;
        match reader.item()? {
            Item::Nothing => continue,
            Item::Set(items, inverted) => set.insert_where(|b| items.contains(b) != inverted),
            Item::Byte(low) => match reader.range_end()? {
                Some(high) if high < low => {
                    return Err(syntax("range out of order in character class", at..reader.at));
                }
                Some(high) => (low..=high).for_each(|byte| set.insert(byte)),
                None => set.insert(low),
            },
        }
        first = false;
    }
}

/// `[:name:]` or `[:^name:]` at `at`: its test, whether negated, and its length.
fn posix(input: &[u8], at: usize) -> Option<(Member, bool, usize)> {
    let rest = input.get(at..)?.strip_prefix(b"[:")?;
    let length = rest.windows(2).take(16).position(|pair| pair == b":]")?;
    let name = rest.get(..length)?;
    let (name, negated) = name.strip_prefix(b"^").map_or((name, false), |name| (name, true));
    let (_, test) = POSIX.iter().find(|(known, _)| known.as_bytes() == name)?;
    Some((*test, negated, length + 4))
}

struct Reader<'p> {
    input: &'p [u8],
    at: usize,
    start: usize,
    quoting: bool,
}

impl Reader<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.input.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn item(&mut self) -> Result<Item, PatternError> {
        let Some(byte) = self.input.get(self.at).copied() else {
            return Err(syntax("missing terminating ] for character class", self.start..self.start + 1));
        };
        if self.quoting {
            if self.input.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\E")) {
                self.at += 2;
                self.quoting = false;
                return Ok(Item::Nothing);
            }
            self.at += 1;
            return Ok(Item::Byte(byte));
        }
        if let Some((test, negated, length)) = posix(self.input, self.at) {
            self.at += length;
            let mut set = ByteSet::default();
            set.insert_where(test);
            return Ok(Item::Set(set, negated));
        }
        self.at += 1;
        if byte == b'\\' { self.escape() } else { Ok(Item::Byte(byte)) }
    }

    fn escape(&mut self) -> Result<Item, PatternError> {
        let from = self.at - 1;
        let Some(letter) = self.input.get(self.at).copied() else {
            return Err(syntax(r"\ at end of pattern", from..from + 1));
        };
        self.at += 1;
        match letter {
            b'Q' => {
                self.quoting = true;
                return Ok(Item::Nothing);
            }
            b'E' => return Ok(Item::Nothing),
            b'b' => return Ok(Item::Byte(0x08)),
            _ => {}
        }
        if let Some((set, negated)) = escape_set(letter) {
            return Ok(Item::Set(set, negated));
        }
        match escaped_byte(self.input, &mut self.at, letter) {
            Some(byte) => Ok(Item::Byte(byte)),
            None => Err(syntax(r"unrecognized character follows \ in character class", from..self.at)),
        }
    }

    /// After a byte: `-` and the byte that ends a range. A `-` before `]` or before a set is literal.
    fn range_end(&mut self) -> Result<Option<u8>, PatternError> {
        let before = (self.at, self.quoting);
        if self.quoting || !self.eat(b'-') || self.input.get(self.at) == Some(&b']') {
            (self.at, self.quoting) = before;
            return Ok(None);
        }
        match self.item()? {
            Item::Byte(high) => Ok(Some(high)),
            Item::Set(..) | Item::Nothing => {
                (self.at, self.quoting) = before;
                Ok(None)
            }
        }
    }
}
