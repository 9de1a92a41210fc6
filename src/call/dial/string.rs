//! Dial strings: `{a=1}[b=2]sofia/internal/1000@host,user/1001|error/USER_BUSY`.
//!
//! ```text
//! dial        := { "<" vars ">" } simple ( ":_:" simple )*
//! simple      := { "<" vars ">" } { "{" vars "}" } alternative ( "|" alternative )*
//! alternative := leg ( "," leg )*
//! leg         := { "[" vars "]" } endpoint [ "/" destination ]
//! vars        := [ "^^" DELIMITER ] name "=" value ( DELIMITER name "=" value )*
//! ```
//!
//! Brackets are matched by counting their own kind, not by quotes. Between brackets `'…'` and `\` protect the delimiters.
//! Variables (`${…}`) are expanded before a dial string is read.

use crate::words::expand::split;

/// Alternatives of a simple dial string, legs of an alternative, simple dial strings of an enterprise one.
const MAX_ITEMS: usize = 128;

/// Pairs in one pair of brackets.
const MAX_PAIRS: usize = 256;

/// Names and values in order; of equal names the last counts.
pub type Pairs = Vec<(String, String)>;

/// A dial string as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialString {
    /// Variables in `<>`: they hold for all simple dial strings.
    pub variables: Pairs,
    /// The simple dial strings. More than one (`:_:`) is an enterprise originate: each runs on its own.
    pub simple: Vec<Simple>,
}

/// Alternatives that are tried in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// Variables in `{}`, and in `<>` after the first simple dial string.
    pub variables: Pairs,
    /// Legs of each alternative ring together.
    pub alternatives: Vec<Vec<DialLeg>>,
}

/// One leg.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialLeg {
    /// Variables in `[]`.
    pub variables: Pairs,
    /// Name of the endpoint, as written.
    pub endpoint: String,
    /// What follows its slash; `service` when nothing does.
    pub destination: String,
}

/// Why a dial string cannot be used. Byte positions count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialStringError {
    /// There is nothing to dial.
    #[error("the dial string names nobody to call")]
    Empty,
    /// A bracket is never closed.
    #[error("'{open}' at byte {at} is never closed")]
    Unclosed {
        /// The bracket.
        open: char,
        /// Where it stands.
        at: usize,
    },
    /// Variables are followed by no endpoint.
    #[error("no endpoint follows the variables at byte {at}")]
    NoEndpoint {
        /// Where one should stand.
        at: usize,
    },
    /// More than 128 alternatives, legs, or simple dial strings.
    #[error("more than {MAX_ITEMS} alternatives or legs")]
    TooMany,
}

impl DialString {
    /// One leg and nothing else.
    pub fn of_leg(leg: DialLeg) -> Self {
        let simple = vec![Simple { variables: Pairs::new(), alternatives: vec![vec![leg]] }];
        Self { variables: Pairs::new(), simple }
    }

    /// Reads a dial string.
    pub fn parse(text: &str) -> Result<Self, DialStringError> {
        let mut dial = Self::default();
        let mut at = brackets(text, 0, '<', '>', &mut dial.variables)?;
        let rest = text.get(at..).unwrap_or_default();
        let parts: Vec<&str> = rest.split(":_:").collect();
        if parts.len() > MAX_ITEMS {
            return Err(DialStringError::TooMany);
        }
        for part in parts {
            dial.simple.push(simple(part, at)?);
            at += part.len() + 3;
        }
        Ok(dial)
    }
}

/// Reads a simple dial string, which stands at `base` of the whole.
fn simple(text: &str, base: usize) -> Result<Simple, DialStringError> {
    let mut simple = Simple::default();
    let mut at = brackets(text, 0, '<', '>', &mut simple.variables).map_err(|error| error.shifted(base))?;
    at = brackets(text, at, '{', '}', &mut simple.variables).map_err(|error| error.shifted(base))?;
    let rest = text.get(at..).unwrap_or_default();
    if rest.trim().is_empty() {
        let empty = simple.variables.is_empty();
        return Err(if empty { DialStringError::Empty } else { DialStringError::NoEndpoint { at: base + at } });
    }
    for (alternative, from) in pieces(rest, '|', false)? {
        let mut legs = Vec::new();
        for (part, start) in pieces(alternative, ',', true)? {
            let place = base + at + from + start;
            legs.push(leg(part).map_err(|error| error.shifted(place))?);
        }
        simple.alternatives.push(legs);
    }
    Ok(simple)
}

fn leg(text: &str) -> Result<DialLeg, DialStringError> {
    let mut variables = Pairs::new();
    let at = brackets(text, 0, '[', ']', &mut variables)?;
    let rest = text.get(at..).unwrap_or_default().trim();
    if rest.is_empty() {
        return Err(DialStringError::NoEndpoint { at });
    }
    // One item, so nothing is split: only quotes and escapes are taken out.
    let cleaned = split(rest, '\n', 1).into_iter().next().unwrap_or_default();
    let (endpoint, destination) = cleaned.split_once('/').unwrap_or((&cleaned, ""));
    let destination = if destination.is_empty() { "service" } else { destination };
    Ok(DialLeg { variables, endpoint: endpoint.to_owned(), destination: destination.to_owned() })
}

/// Reads all groups of one kind of bracket that stand at `at`, blanks around them, and gives the place behind them.
fn brackets(text: &str, mut at: usize, open: char, close: char, pairs: &mut Pairs) -> Result<usize, DialStringError> {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let Some(inner) = rest.get(blanks..).and_then(|rest| rest.strip_prefix(open)) else { return Ok(at + blanks) };
        let begin = at + blanks;
        let mut depth = 1usize;
        let end = inner.char_indices().find_map(|(place, letter)| {
            if letter == open {
                depth += 1;
            } else if letter == close {
                depth -= 1;
            }
            (depth == 0).then_some(place)
        });
        let end = end.ok_or(DialStringError::Unclosed { open, at: begin })?;
        let items = split(inner.get(..end).unwrap_or_default(), ',', MAX_PAIRS);
        pairs.extend(items.iter().filter_map(|item| {
            let (name, value) = item.split_once('=')?;
            (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.to_owned()))
        }));
        at = begin + 1 + end + 1;
    }
}

/// Cuts at a delimiter outside quotes (a quote counts when another follows), not after a backslash, and, with `protect`,
/// not inside `[]`; a delimiter at the very end opens no piece. Pieces keep their quotes and come with their places.
fn pieces(text: &str, delimiter: char, protect: bool) -> Result<Vec<(&str, usize)>, DialStringError> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (0, 0usize, false, false);
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match letter {
            '\\' => escaped = true,
            '\'' => quoted = !quoted && text.get(at + 1..).is_some_and(|rest| rest.contains('\'')),
            '[' if protect => depth += 1,
            ']' if protect => depth = depth.saturating_sub(1),
            _ if letter == delimiter && !quoted && depth == 0 => {
                pieces.push((text.get(start..at).unwrap_or_default(), start));
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    if start < text.len() || pieces.is_empty() {
        pieces.push((text.get(start..).unwrap_or_default(), start));
    }
    if pieces.len() > MAX_ITEMS {
        return Err(DialStringError::TooMany);
    }
    Ok(pieces)
}

impl DialStringError {
    /// The same, `by` bytes further on.
    fn shifted(self, by: usize) -> Self {
        match self {
            Self::Unclosed { open, at } => Self::Unclosed { open, at: at + by },
            Self::NoEndpoint { at } => Self::NoEndpoint { at: at + by },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `<vars>{vars}[vars]endpoint:destination,…|…` with normalised variables.
    fn shape(text: &str) -> String {
        let pairs = |pairs: &Pairs| {
            pairs.iter().flat_map(|(name, value)| [name.as_str(), "=", value.as_str(), ";"]).collect::<String>()
        };
        match DialString::parse(text) {
            Err(error) => error.to_string(),
            Ok(dial) => {
                let simple = dial.simple.iter().map(|simple| {
                    let alternatives = simple.alternatives.iter().map(|legs| {
                        let leg =
                            |leg: &DialLeg| format!("[{}]{}:{}", pairs(&leg.variables), leg.endpoint, leg.destination);
                        legs.iter().map(leg).collect::<Vec<_>>().join(" & ")
                    });
                    format!("{{{}}}{}", pairs(&simple.variables), alternatives.collect::<Vec<_>>().join(" else "))
                });
                format!("<{}>{}", pairs(&dial.variables), simple.collect::<Vec<_>>().join(" :_: "))
            }
        }
    }

    #[test]
    fn grammar() {
        for (text, expected) in [
            ("user/1000", "<>{}[]user:1000"),
            (
                "sofia/internal/sip:1@127.0.0.1:5070;transport=tcp",
                "<>{}[]sofia:internal/sip:1@127.0.0.1:5070;transport=tcp",
            ),
            ("error/USER_BUSY,null/x|user/2", "<>{}[]error:USER_BUSY & []null:x else []user:2"),
            ("loopback", "<>{}[]loopback:service"),
            (" {a=1}{b=2,a=3} [c=4][d=5] user/1 ", "<>{a=1;b=2;a=3;}[c=4;d=5;]user:1"),
            (
                "{origination_caller_id_name='Smith, J.',x=true}[leg_timeout=10]sofia/gateway/a/1|[leg_delay_start=3]user/1001,error/X",
                "<>{origination_caller_id_name=Smith, J.;x=true;}[leg_timeout=10;]sofia:gateway/a/1 else \
                 [leg_delay_start=3;]user:1001 & []error:X",
            ),
            ("{^^:codecs=PCMU,PCMA:x=1}user/1", "<>{codecs=PCMU,PCMA;x=1;}[]user:1"),
            ("{a='1|2'}user/1|user/2", "<>{a=1|2;}[]user:1 else []user:2"),
            ("[a=1,b='2,3',c=4\\,5]user/1,user/2", "<>{}[a=1;b=2,3;c=4,5;]user:1 & []user:2"),
            ("[^^:a=1,2:b=3]user/1,user/2", "<>{}[a=1,2;b=3;]user:1 & []user:2"),
            ("{a={b}c}user/1", "<>{a={b}c;}[]user:1"),
            ("{novalue,=x,a==b}user/1", "<>{a==b;}[]user:1"),
            ("<a=1>{b=2}user/1:_:<c=3>{d=4}user/2", "<a=1;>{b=2;}[]user:1 :_: {c=3;d=4;}[]user:2"),
            ("", "the dial string names nobody to call"),
            ("{a=1}", "no endpoint follows the variables at byte 5"),
            ("user/1,[a=1]", "no endpoint follows the variables at byte 12"),
            ("user/1,", "<>{}[]user:1"),
            ("user/1,,user/2", "no endpoint follows the variables at byte 7"),
            ("{a=1 user/1", "'{' at byte 0 is never closed"),
            ("{a=1}user/2|user/3,[a=1 user/1", "'[' at byte 19 is never closed"),
            ("user/1:_:{x user/1", "'{' at byte 9 is never closed"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
        assert_eq!(DialString::parse(&"user/1,".repeat(129)), Err(DialStringError::TooMany));
        assert_eq!(DialString::parse(&"user/1|".repeat(129)), Err(DialStringError::TooMany));
        assert_eq!(DialString::parse(&"user/1:_:".repeat(129)), Err(DialStringError::TooMany));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(<|>|\\{|\\}|\\[|\\]|,|\\||:_:|'|\\\\|=|/|\\^\\^|a|é| ){0,60}") {
            let _ = DialString::parse(&text);
        }

        #[test]
        fn plain_values_survive(value in "[a-z0-9_.+ -]{1,20}", legs in 1usize..10) {
            let value = value.trim().to_owned();
            prop_assume!(!value.is_empty());
            let text = format!("{{x={value}}}{}", vec![format!("[y={value}]user/{value}"); legs].join(","));
            let dial = DialString::parse(&text).unwrap();
            let simple = &dial.simple[0];
            prop_assert_eq!(&simple.variables, &vec![("x".to_owned(), value.clone())]);
            prop_assert_eq!(simple.alternatives[0].len(), legs);
            for leg in &simple.alternatives[0] {
                prop_assert_eq!(&leg.variables, &vec![("y".to_owned(), value.clone())]);
                prop_assert_eq!(&leg.destination, &value);
            }
        }
    }
}
