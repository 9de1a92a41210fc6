//! Templates of `cdr_csv.conf` and `cdr_sqlite.conf`: text with `${variables}`, expanded in the scope of the leg.

use std::borrow::Cow;

use super::detail::Detail;
use crate::words::expand::{Answers, Api, Lookup, expand_with};

/// The template of records whose configuration names none that exists (spec: configuration files, 5).
pub const BUILT_IN: &str = "\"${accountcode}\",\"${caller_id_number}\",\"${destination_number}\",\"${context}\",\
                            \"${caller_id}\",\"${channel_name}\",\"${bridge_channel}\",\"${last_app}\",\"${last_arg}\",\
                            \"${start_stamp}\",\"${answer_stamp}\",\"${end_stamp}\",\"${duration}\",\"${billsec}\",\
                            \"${hangup_cause}\",\"${amaflags}\",\"${uuid}\",\"${userfield}\"";

/// What lies beyond the leg.
pub trait Surroundings: Send + Sync {
    /// A global variable.
    fn global(&self, name: &str) -> Option<String>;

    /// Output of an API command that answers at once; none: there is no such command, or it would have to be awaited.
    fn api(&self, name: &str, args: &str) -> Option<String>;
}

struct Scope<'a> {
    detail: &'a Detail,
    around: &'a dyn Surroundings,
}

impl Lookup for Scope<'_> {
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        self.detail.read(name, index).or_else(|| self.around.global(name).map(Cow::Owned))
    }

    fn api(&mut self, name: &str, args: &str) -> Api {
        self.around.api(name, args).map_or(Api::Unknown, Api::Value)
    }
}

/// A template's text for this leg.
pub fn expand(template: &str, detail: &Detail, around: &dyn Surroundings) -> String {
    let mut answers = Answers::new();
    let mut scope = Scope { detail, around };
    loop {
        match expand_with(template, &mut scope, &mut answers) {
            Ok(text) => return text.into_owned(),
            // `Scope` never asks anybody to wait.
            Err(_) => answers.push(None),
        }
    }
}

/// One value of a template that is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its template.
    pub template: String,
    /// It was written in quotes: text, whatever it holds.
    pub quoted: bool,
}

/// The values of a comma list. Each may stand in `"` or `'`; commas within quotes or `${}` separate nothing.
pub fn columns(template: &str) -> Vec<Column> {
    let (mut columns, mut text) = (Vec::new(), String::new());
    let (mut quote, mut depth, mut quoted) = (None, 0_u32, false);
    for letter in template.trim().chars() {
        match (letter, quote) {
            ('"' | '\'', None) if depth == 0 && text.trim().is_empty() => {
                (quote, quoted) = (Some(letter), true);
                text.clear();
            }
            (letter, Some(open)) if letter == open && depth == 0 => quote = None,
            (',', None) if depth == 0 => {
                columns.push(column(&mut text, quoted));
                quoted = false;
            }
            (letter, _) => {
                depth = match letter {
                    '{' => depth.saturating_add(1),
                    '}' => depth.saturating_sub(1),
                    _ => depth,
                };
                text.push(letter);
            }
        }
    }
    columns.push(column(&mut text, quoted));
    columns
}

fn column(text: &mut String, quoted: bool) -> Column {
    let text = std::mem::take(text);
    Column { template: if quoted { text } else { text.trim().to_owned() }, quoted }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Nothing, detail};
    use super::*;

    #[test]
    fn a_template_reads_the_leg_the_globals_and_commands() {
        for (template, expected) in [
            ("\"${caller_id_number}\",\"${destination_number}\"", "\"1000\",\"2000\""),
            ("${x}|${nothing}|${global}", "a b&c||everywhere"),
            ("${upper(q)}", "Q"),
            ("${waits(q)}", ""),
        ] {
            assert_eq!(expand(template, &detail(), &Nothing), expected, "{template}");
        }
        assert!(expand(BUILT_IN, &detail(), &Nothing).starts_with("\"\",\"1000\",\"2000\",\"public\","));
    }

    #[test]
    fn columns_of_a_list() {
        let column = |template: &str, quoted| Column { template: template.to_owned(), quoted };
        for (template, expected) in [
            ("\"${a}\", ${b},'c,d'", vec![column("${a}", true), column("${b}", false), column("c,d", true)]),
            // A comma within braces belongs to the reference.
            ("${f(1,2)},${g,h}", vec![column("${f(1,2)}", false), column("${g,h}", false)]),
            ("", vec![column("", false)]),
            ("\"a", vec![column("a", true)]),
        ] {
            assert_eq!(columns(template), expected, "{template}");
        }
    }
}
