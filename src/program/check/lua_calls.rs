//! Calls of what the switch offers to scripts, and what is passed to them, as far as the text alone tells.

use std::collections::BTreeMap;
use std::ops::Range;

use super::lua_text::{Token, Word};
use crate::call::lua::{Signature, signatures};

/// A call whose receiver is known.
#[derive(Debug, Clone)]
pub(super) struct Call<'t> {
    /// Class of the object; empty: the table `freeswitch`.
    pub(super) class: &'static str,
    /// How the script names it: `session:`, `freeswitch.`, …
    pub(super) receiver: String,
    pub(super) name: &'t str,
    /// Place of the name.
    pub(super) at: Range<usize>,
    pub(super) arguments: Vec<Argument<'t>>,
    /// The last argument may stand for any number of values, or the call is open.
    pub(super) uncertain: bool,
}

/// One argument.
#[derive(Debug, Clone)]
pub(super) struct Argument<'t> {
    pub(super) value: Given<'t>,
    pub(super) at: Range<usize>,
    /// It is a call of `gsub` and nothing else: two values when it stands last.
    pub(super) substitutes: bool,
}

/// What is passed, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given<'t> {
    /// A string as it is written.
    Text(&'t str),
    /// A string and something appended to it.
    Start(&'t str),
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// nil.
    Nil,
    /// A table.
    Table,
    /// A function.
    Function,
    /// Something else.
    Unknown,
}

impl Call<'_> {
    /// As the script writes it.
    pub(super) fn full_name(&self) -> String {
        format!("{}{}", self.receiver, self.name)
    }

    /// What the switch has under this name.
    pub(super) fn signature(&self) -> Option<Signature> {
        signatures().find(|found| match self.class {
            // `freeswitch.Session` is a function of that table, too.
            "" => (found.class.is_empty() || found.is_constructor()) && found.name == self.name,
            class => found.class == class && found.name == self.name && !found.is_constructor(),
        })
    }

    /// A literal string argument and its place.
    pub(super) fn text(&self, number: usize) -> Option<(&str, Range<usize>)> {
        let argument = self.arguments.get(number)?;
        let Given::Text(text) = argument.value else { return None };
        Some((text, argument.at.clone()))
    }
}

/// Classes that scripts make objects of.
fn class(name: &str) -> Option<&'static str> {
    signatures().find(|found| found.is_constructor() && found.name == name).map(|found| found.class)
}

/// Calls `object:name(…)`, `freeswitch.name(…)` and `freeswitch.Class(…):name(…)`, in order of their names.
pub(super) fn calls<'t>(tokens: &[Token<'t>]) -> Vec<Call<'t>> {
    let objects = objects(tokens);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let Some(Token { word: Word::Name(name), .. }) = tokens.get(at) else { continue };
        if is_field(tokens, at) {
            continue;
        }
        if *name == "freeswitch" {
            if !is(tokens, at + 1, ".") {
                continue;
            }
            found.extend(call(tokens, at + 2, "", "freeswitch."));
            let Some(made) = word(tokens, at + 2).and_then(class) else { continue };
            if let Some(close) = is(tokens, at + 3, "(").then(|| matching(tokens, at + 3)).flatten()
                && is(tokens, close + 1, ":")
            {
                found.extend(call(tokens, close + 2, made, &format!("freeswitch.{made}():")));
            }
        } else if let Some(class) = objects.get(name)
            && is(tokens, at + 1, ":")
        {
            found.extend(call(tokens, at + 2, class, &format!("{name}:")));
        }
    }
    found.sort_by_key(|call| call.at.start);
    found
}

/// Names of functions that the script adds to the table `freeswitch`.
pub(super) fn additions<'t>(tokens: &[Token<'t>]) -> Vec<&'t str> {
    let added = |at: usize| {
        let field = word(tokens, at) == Some("freeswitch") && is(tokens, at + 1, ".");
        let defined = at > 0 && word(tokens, at - 1) == Some("function");
        word(tokens, at + 2).filter(|_| field && (defined || is(tokens, at + 3, "=")))
    };
    (0..tokens.len()).filter_map(added).collect()
}

fn word<'t>(tokens: &[Token<'t>], at: usize) -> Option<&'t str> {
    match tokens.get(at)?.word {
        Word::Name(name) => Some(name),
        _ => None,
    }
}

fn is(tokens: &[Token<'_>], at: usize, sign: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.is(sign))
}

fn is_field(tokens: &[Token<'_>], at: usize) -> bool {
    at > 0 && (is(tokens, at - 1, ".") || is(tokens, at - 1, ":"))
}

/// The call whose name stands here.
fn call<'t>(tokens: &[Token<'t>], at: usize, class: &'static str, receiver: &str) -> Option<Call<'t>> {
    let (name, place) = (word(tokens, at)?, tokens.get(at)?.at.clone());
    let (arguments, uncertain) = match tokens.get(at + 1)?.word {
        Word::Sign("(") => arguments(tokens, at + 1),
        Word::Text(_) => (tokens.get(at + 1..at + 2).map(argument).into_iter().collect(), false),
        Word::Sign("{") => {
            let end = matching(tokens, at + 1)?;
            (tokens.get(at + 1..=end).map(argument).into_iter().collect(), false)
        }
        _ => return None,
    };
    Some(Call { class, receiver: receiver.to_owned(), name, at: place, arguments, uncertain })
}

/// Arguments between the parenthesis at `open` and the one that closes it.
fn arguments<'t>(tokens: &[Token<'t>], open: usize) -> (Vec<Argument<'t>>, bool) {
    let Some(close) = matching(tokens, open) else { return (Vec::new(), true) };
    let Some(inside) = tokens.get(open + 1..close).filter(|inside| !inside.is_empty()) else {
        return (Vec::new(), false);
    };
    let parts = split(inside);
    let uncertain = parts.last().is_some_and(|last| may_be_several(last));
    (parts.into_iter().map(argument).collect(), uncertain)
}

/// How a word changes the number of open brackets and blocks.
fn step(token: &Token<'_>) -> isize {
    match token.word {
        Word::Sign("(" | "{" | "[") | Word::Name("function" | "if" | "do" | "repeat") => 1,
        Word::Sign(")" | "}" | "]") | Word::Name("end" | "until") => -1,
        _ => 0,
    }
}

/// The place of what closes the bracket here.
fn matching(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0isize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += step(token);
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Parts between commas that no bracket and no block holds.
fn split<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let mut depth = 0isize;
    let outside = |token: &Token<'t>| {
        depth += step(token);
        depth == 0 && token.is(",")
    };
    tokens.split(outside).collect()
}

const OPERATORS: &[&str] =
    &["..", "+", "-", "*", "/", "//", "%", "^", "<", ">", "<=", ">=", "==", "~=", "&", "|", "~", "<<", ">>"];

/// Whether an operator stands between two values, outside of all brackets.
fn has_operator(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0isize;
    tokens.iter().skip(1).any(|token| {
        depth += step(token);
        depth == 0
            && match token.word {
                Word::Sign(sign) => OPERATORS.contains(&sign),
                Word::Name(name) => matches!(name, "and" | "or"),
                _ => false,
            }
    })
}

/// Whether a last argument may stand for more or less than one value: a call, or `...`.
fn may_be_several(tokens: &[Token<'_>]) -> bool {
    let single = match tokens {
        [one] => !one.is("..."),
        [first, ..] => {
            let whole = (first.is("(") || first.is("{") || first.word == Word::Name("function"))
                && matching(tokens, 0) == Some(tokens.len() - 1);
            let indexed =
                matches!(tokens.last(), Some(Token { word: Word::Name(_) | Word::Sign("]") | Word::Number, .. }));
            let unary = matches!(first.word, Word::Name("not") | Word::Sign("-" | "#" | "~"));
            whole || indexed || unary || has_operator(tokens)
        }
        [] => false,
    };
    !single
}

fn argument<'t>(tokens: &[Token<'t>]) -> Argument<'t> {
    let start = tokens.first().map_or(0, |token| token.at.start);
    let mut at = start..tokens.last().map_or(start, |token| token.at.end);
    let whole = |open: &str| is(tokens, 0, open) && matching(tokens, 0) == Some(tokens.len() - 1);
    let value = match tokens {
        [one] => match one.word {
            Word::Text(text) => {
                at = one.inner.clone();
                Given::Text(text)
            }
            Word::Number => Given::Number,
            Word::Name("true" | "false") => Given::Boolean,
            Word::Name("nil") => Given::Nil,
            _ => Given::Unknown,
        },
        [Token { word: Word::Sign("-"), .. }, Token { word: Word::Number, .. }] => Given::Number,
        [Token { word: Word::Text(text), inner, .. }, second, ..] if second.is("..") => {
            at = inner.clone();
            Given::Start(text)
        }
        [Token { word: Word::Name("function"), .. }, ..] if matching(tokens, 0) == Some(tokens.len() - 1) => {
            Given::Function
        }
        _ if whole("{") => Given::Table,
        _ => Given::Unknown,
    };
    Argument { value, at, substitutes: substitutes(tokens) }
}

/// Whether this is `text:gsub(…)` or `string.gsub(…)`, and nothing behind it.
fn substitutes(tokens: &[Token<'_>]) -> bool {
    if has_operator(tokens) {
        return false;
    }
    let mut depth = 0isize;
    let name = tokens.iter().rposition(|token| {
        depth += step(token);
        depth == 0 && token.word == Word::Name("gsub")
    });
    name.is_some_and(|name| {
        is_field(tokens, name)
            && (matches!(tokens.get(name + 1), Some(Token { word: Word::Text(_), .. })) && name + 2 == tokens.len()
                || is(tokens, name + 1, "(") && matching(tokens, name + 1) == Some(tokens.len() - 1))
    })
}

/// Variables that hold an object of one class wherever the text sets them. What another file, a parameter or a loop may
/// set is left out.
fn objects<'t>(tokens: &[Token<'t>]) -> BTreeMap<&'t str, &'static str> {
    let mut known: BTreeMap<&str, Option<&'static str>> =
        [("session", Some("Session")), ("stream", Some("Stream")), ("env", Some("Event"))].into();
    let mut note = |name: &'t str, class: Option<&'static str>| {
        known.entry(name).and_modify(|before| *before = before.filter(|_| *before == class)).or_insert(class);
    };
    // Other names of an object: `local s = session`.
    let mut aliases = Vec::new();
    // Open brackets, to tell `name = value` from a field of a table.
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.word {
            Word::Sign(sign @ ("(" | "{" | "[")) => open.push(sign),
            Word::Sign(")" | "}" | "]") => drop(open.pop()),
            // A block inside a table's function: its statements assign.
            Word::Name("function") => {
                open.push("function");
                let list = (at + 1..tokens.len()).find(|at| is(tokens, *at, "("));
                let list = list.and_then(|from| tokens.get(from + 1..matching(tokens, from)?));
                for parameter in list.into_iter().flatten() {
                    if let Word::Name(name) = parameter.word
                        && name != "session"
                    {
                        note(name, None);
                    }
                }
            }
            Word::Name("if" | "do" | "repeat") => open.push("block"),
            Word::Name("end" | "until") => drop(open.pop()),
            Word::Name("for") => {
                let names = tokens.iter().skip(at + 1).map_while(|token| match token.word {
                    Word::Name("in") => None,
                    Word::Name(name) => Some(Some(name)),
                    Word::Sign(",") => Some(None),
                    _ => None,
                });
                names.flatten().for_each(|name| note(name, None));
            }
            Word::Sign("=") if open.last() != Some(&"{") => {
                let names = assigned(tokens, at);
                let single = names.len() == 1;
                for name in names {
                    if !single {
                        note(name, None);
                    } else if let Some(target) = alone(tokens, at + 1).filter(|target| *target != name) {
                        aliases.push((name, target));
                    } else if word(tokens, at + 1) != Some("nil") {
                        note(name, made(tokens, at + 1));
                    }
                }
            }
            _ => {}
        }
    }
    for (name, target) in aliases {
        let class = known.get(target).copied().flatten();
        known.entry(name).and_modify(|before| *before = before.filter(|_| *before == class)).or_insert(class);
    }
    known.into_iter().filter_map(|(name, class)| Some((name, class?))).collect()
}

/// The variable that is the whole value at this place: behind it begins another statement, or nothing.
fn alone<'t>(tokens: &[Token<'t>], at: usize) -> Option<&'t str> {
    let name = word(tokens, at).filter(|name| !VALUES.contains(name))?;
    match tokens.get(at + 1).map(|next| next.word) {
        None | Some(Word::Sign(";")) => Some(name),
        Some(Word::Name(next)) => (!matches!(next, "and" | "or")).then_some(name),
        _ => None,
    }
}

/// Words that are values, or begin one.
const VALUES: &[&str] = &["nil", "true", "false", "not", "function"];

/// Names in front of the sign `=` at this place; of `a.b` none.
fn assigned<'t>(tokens: &[Token<'t>], equals: usize) -> Vec<&'t str> {
    let (mut names, mut at) = (Vec::new(), equals);
    while at > 0 {
        at -= 1;
        // `<const>` and `<close>`.
        if is(tokens, at, ">") && at > 2 {
            at -= 3;
        }
        let Some(name) = word(tokens, at) else { break };
        if !is_field(tokens, at) {
            names.push(name);
        }
        if at == 0 || !is(tokens, at - 1, ",") {
            break;
        }
        at -= 1;
    }
    names
}

/// The class of which `freeswitch.Class(…)` at this place makes an object, if nothing more is done with it.
fn made(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let named = word(tokens, at) == Some("freeswitch") && is(tokens, at + 1, ".");
    let class = word(tokens, at + 2).filter(|_| named).and_then(class)?;
    let end = match tokens.get(at + 3)?.word {
        Word::Sign("(") => matching(tokens, at + 3)?,
        Word::Text(_) => at + 3,
        _ => return None,
    };
    let more = tokens.get(end + 1).is_some_and(|next| match next.word {
        Word::Sign(sign) => sign != ";" && sign != ")" && sign != "}",
        Word::Name(name) => matches!(name, "and" | "or"),
        _ => false,
    });
    (!more).then_some(class)
}

#[cfg(test)]
mod tests {
    use super::super::lua_text::tokens;
    use super::*;

    fn shown(text: &str) -> String {
        let all = calls(&tokens(text));
        let one = |call: &Call<'_>| {
            let count = if call.uncertain { "?".to_owned() } else { call.arguments.len().to_string() };
            format!("{}/{count}", call.full_name())
        };
        all.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn calls_are_found_and_counted() {
        for (text, expected) in [
            ("session:answer()", "session:answer/0"),
            ("session : execute ( 'a,b' , x[1,2] , {1,2} )", "session:execute/3"),
            ("-- session:no(1)\n--[[ session:no() ]] session:a(1)", "session:a/1"),
            ("session:a(f(1, 2))", "session:a/?"),
            ("session:a((f(1, 2)))", "session:a/1"),
            ("session:a('x' .. f(1))", "session:a/1"),
            ("session:a(not f(1))", "session:a/1"),
            ("session:a(x[1])", "session:a/1"),
            ("session:a(f(1, 2), 3)", "session:a/2"),
            ("session:a(...)", "session:a/?"),
            ("session:a(function() if x then return 1, 2 end end, 2)", "session:a/2"),
            ("session:a(function() for i = 1, 2 do f(i, i) end end)", "session:a/1"),
            ("session:say 'x' session:b {1}", "session:say/1 session:b/1"),
            ("x = \"session:no()\" .. [[session:no()]]", ""),
            ("other.session:no() mysession:no() session.x()", ""),
            ("session:a(session:b(1), 2)", "session:a/2 session:b/1"),
            ("session:a(", "session:a/?"),
            ("freeswitch.consoleLog('info', 'x')", "freeswitch.consoleLog/2"),
            ("x = freeswitch.API():execute('a', 'b')", "freeswitch.API/0 freeswitch.API():execute/2"),
            ("local api = freeswitch.API() api:execute('a')", "freeswitch.API/0 api:execute/1"),
            ("api = freeswitch.API(); function f() api:getTime() end", "freeswitch.API/0 api:getTime/0"),
            ("api:execute('a')", ""),
            ("local s = session s:answer()", "s:answer/0"),
            ("local api = freeswitch.API() local a = api a:getTime()", "freeswitch.API/0 a:getTime/0"),
            ("local s = session or other; s:answer()", ""),
            ("local s = session.x s:answer()", ""),
            ("local s = session() s:answer()", ""),
            ("local s = session s = other() s:answer()", ""),
            ("local s = other s:answer()", ""),
            ("session = freeswitch.Event('x') local s = session s:answer()", "freeswitch.Event/1"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn an_object_is_known_only_where_nothing_else_may_be_in_its_variable() {
        let last = "e:getHeader('a')";
        for (text, known) in [
            ("local e = freeswitch.Event('CUSTOM', 'a')", true),
            ("local e <const> = freeswitch.Event('CUSTOM', 'a')", true),
            ("local e = nil; if x then e = freeswitch.Event('a') end", true),
            ("local e = freeswitch.Event('a') local t = {e = 1}", true),
            ("local e = freeswitch.Event('a') t.e = 1", true),
            ("local e = freeswitch.Event('a') e = other()", false),
            ("local e = freeswitch.Event('a') local x, e = f()", false),
            ("local e = freeswitch.Event('a'):getBody()", false),
            ("local e = freeswitch.Event('a') function f(a, e) end", false),
            ("local e = freeswitch.Event('a') for e in all() do end", false),
            ("local e = freeswitch.Event('a') t = {f = function() e = 1 end}", false),
            ("local e = freeswitch.API()", true),
            ("local e = freeswitch.NoSuch()", false),
            ("local e = x or freeswitch.Event('a')", false),
        ] {
            let found = shown(&format!("{text} {last}"));
            assert_eq!(found.contains("e:getHeader/1"), known, "{text}: {found}");
        }
        assert_eq!(shown("local env = {} env:go() stream:write('x')"), "stream:write/1");
        assert_eq!(shown("function f(session) session:answer() end"), "session:answer/0");
    }

    #[test]
    fn arguments_are_known_as_far_as_they_are_written() {
        let first = |text: &str| {
            let text = format!("session:a({text})");
            let tokens = tokens(&text);
            let call = calls(&tokens).remove(0);
            let argument = call.arguments.last().expect("an argument").clone();
            format!("{:?}{}", argument.value, if argument.substitutes { " gsub" } else { "" })
        };
        for (text, expected) in [
            ("'x'", "Text(\"x\")"),
            ("[[x]]", "Text(\"x\")"),
            ("'x ' .. y", "Start(\"x \")"),
            ("-5", "Number"),
            ("true", "Boolean"),
            ("nil", "Nil"),
            ("{1, 2}", "Table"),
            ("function() return 1 end", "Function"),
            ("x", "Unknown"),
            ("x:gsub('a', 'b')", "Unknown gsub"),
            ("string.gsub(x, 'a', 'b')", "Unknown gsub"),
            ("('x'):gsub('a', function(c) return c end)", "Unknown gsub"),
            ("x:gsub('a', 'b'):gsub('c', 'd')", "Unknown gsub"),
            ("x:gsub('a', 'b'):upper()", "Unknown"),
            ("(x:gsub('a', 'b'))", "Unknown"),
            ("x:gsub('a', 'b') .. 'c'", "Unknown"),
            ("f(x:gsub('a', 'b'))", "Unknown"),
        ] {
            assert_eq!(first(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(session|e|freeswitch|Event|=|for|in|function|end|:|\\(|\\)|\\{|\\}|\"|'|\\[|\\]|\\.|,|<|>|\n| ){0,40}") {
            let tokens = tokens(&text);
            calls(&tokens);
            additions(&tokens);
        }
    }
}
