//! Which extensions of a context can match a call at all.
//!
//! An extension whose first condition compares a field of the caller profile with a fixed pattern, without any effect
//! when it fails, is found by how a text that matches must begin; all others are visited in turn. Order stays that of the
//! file.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::program::{Break, Condition, Expression, Extension, Field, Test};
use crate::words::pattern::{Heads, Pattern, Shape};

/// Beginnings under which one extension may be listed.
const MOST_HEADS: usize = 16;

/// Extensions by what their first condition asks for.
#[derive(Debug, Default)]
pub(super) struct Index {
    fields: BTreeMap<Box<str>, ByField>,
    others: Vec<u32>,
}

/// Those that ask for one field.
#[derive(Debug, Default)]
struct ByField {
    exact: HashMap<Box<[u8]>, Vec<u32>>,
    prefixes: HashMap<Box<[u8]>, Vec<u32>>,
    /// Lengths of the prefixes.
    lengths: Vec<usize>,
}

impl Index {
    pub(super) fn build(extensions: &[Extension], conditions: &[Condition]) -> Self {
        let mut index = Self::default();
        for (number, extension) in (0u32..).zip(extensions) {
            let Some(first) = extension.conditions.first().and_then(|id| conditions.get(*id as usize)) else {
                continue; // without a condition it never matches
            };
            match fixed(first).map(|(field, pattern)| (field, heads(pattern))) {
                Some((field, Heads::Exact(heads))) => index.field(field).list(heads, number, true),
                Some((field, Heads::Prefix(heads))) => index.field(field).list(heads, number, false),
                _ => index.others.push(number),
            }
        }
        index
    }

    fn field(&mut self, name: &str) -> &mut ByField {
        self.fields.entry(name.into()).or_default()
    }

    /// The first extension from `from` on that may match a call with these fields.
    pub(super) fn next<'f>(&self, from: usize, value: impl Fn(&str) -> Option<Cow<'f, str>>) -> Option<usize> {
        let from = u32::try_from(from).ok()?;
        let others = first_from(&self.others, from);
        let listed = self.fields.iter().filter_map(|(name, field)| {
            let value = value(name).unwrap_or_default();
            field.next(from, value.as_bytes())
        });
        listed.chain(others).min().map(|number| number as usize)
    }
}

impl ByField {
    fn list(&mut self, heads: Vec<Vec<u8>>, number: u32, exact: bool) {
        for head in heads {
            let length = head.len();
            let lists = if exact { &mut self.exact } else { &mut self.prefixes };
            let list = lists.entry(head.into_boxed_slice()).or_default();
            if list.last() != Some(&number) {
                list.push(number);
            }
            if let (false, Err(at)) = (exact, self.lengths.binary_search(&length)) {
                self.lengths.insert(at, length);
            }
        }
    }

    fn next(&self, from: u32, value: &[u8]) -> Option<u32> {
        // `$` also matches before a final newline
        let exact =
            [Some(value), value.strip_suffix(b"\n")].into_iter().flatten().filter_map(|key| self.exact.get(key));
        let prefixes = self.lengths.iter().map_while(|length| value.get(..*length));
        let lists = exact.chain(prefixes.filter_map(|key| self.prefixes.get(key)));
        lists.filter_map(|list| first_from(list, from)).min()
    }
}

fn first_from(list: &[u32], from: u32) -> Option<u32> {
    list.get(list.partition_point(|number| *number < from)).copied()
}

/// The field and the pattern without which the condition fails, ends the extension and leaves no trace.
fn fixed(condition: &Condition) -> Option<(&str, &Pattern)> {
    let Condition { test, group: None, breaks: Break::OnFalse | Break::Always, anti_actions, .. } = condition else {
        return None;
    };
    let Test { field: Some(Field::Profile(name)), expression: Expression::Constant(pattern), dates: None, .. } = test
    else {
        return None;
    };
    anti_actions.is_empty().then_some((name, pattern))
}

fn heads(pattern: &Pattern) -> Heads {
    match pattern.shape() {
        Shape::Exact(text) => Heads::Exact(vec![text.clone().into_bytes()]),
        Shape::Prefix(text) => Heads::Prefix(vec![text.clone().into_bytes()]),
        Shape::Anything => Heads::Any,
        Shape::Other => pattern.heads(MOST_HEADS),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ast::Span;
    use super::super::program::ConditionId;
    use super::*;
    use crate::words::pattern::Pattern;

    fn condition(field: &str, pattern: &str) -> Condition {
        Condition {
            test: Test {
                field: Some(Field::Profile(field.into())),
                expression: Expression::Constant(Box::new(Pattern::new(pattern))),
                dates: None,
                span: Span::default(),
            },
            group: None,
            breaks: Break::OnFalse,
            require_nested: true,
            actions: Vec::new(),
            anti_actions: Vec::new(),
            nested: Vec::new(),
        }
    }

    /// What is visited for a number, and for a caller.
    fn visited(rows: &[(&str, &str)], number: &str, caller: &str) -> Vec<usize> {
        let conditions: Vec<_> = rows.iter().map(|(field, pattern)| condition(field, pattern)).collect();
        let extensions: Vec<_> = (0..rows.len() as ConditionId)
            .map(|id| Extension { name: "x".into(), continues: false, conditions: vec![id], span: Span::default() })
            .collect();
        let index = Index::build(&extensions, &conditions);
        let value = |name: &str| Some(Cow::Borrowed(if name == "destination_number" { number } else { caller }));
        std::iter::successors(index.next(0, value), |last| index.next(last + 1, value)).collect()
    }

    #[test]
    fn order_is_kept() {
        let number = "destination_number";
        let rows = [
            (number, "^1$"),
            (number, "^2$"),
            (number, "^(1)$"),
            (number, "1|2"),
            ("caller_id_number", "^1"),
            (number, r"^(\+?1)?$"),
            (number, "^3$"),
        ];
        assert_eq!(visited(&rows, "1", "9"), [0, 2, 3, 5]);
        assert_eq!(visited(&rows, "1\n", "12"), [0, 2, 3, 4, 5]);
        assert_eq!(visited(&rows, "9", "1"), [3, 4]);
    }
}
