//! Which extensions of a context can match a number at all.
//!
//! An extension whose first condition compares the destination number with a literal text, without any effect when it
//! fails, is found by that text; all others are visited in turn. Order stays that of the file.

use std::collections::HashMap;

use super::program::{Break, Condition, Expression, Extension, Field, Test};
use crate::words::pattern::Shape;

/// The field the index is about.
const FIELD: &str = "destination_number";

/// Extensions by the literal number they ask for.
#[derive(Debug, Default)]
pub(super) struct Index {
    exact: HashMap<Box<str>, Vec<u32>>,
    others: Vec<u32>,
}

impl Index {
    pub(super) fn build(extensions: &[Extension], conditions: &[Condition]) -> Self {
        let mut index = Self::default();
        for (number, extension) in (0u32..).zip(extensions) {
            let Some(first) = extension.conditions.first().and_then(|id| conditions.get(*id as usize)) else {
                continue; // without a condition it never matches
            };
            match literal(first) {
                Some(text) => index.exact.entry(text.into()).or_default().push(number),
                None => index.others.push(number),
            }
        }
        index
    }

    /// The first extension from `from` on that may match a destination.
    pub(super) fn next(&self, from: usize, destination: &str) -> Option<usize> {
        let from = u32::try_from(from).ok()?;
        let mut next = first_from(&self.others, from);
        // `$` also matches before a final newline
        for key in [Some(destination), destination.strip_suffix('\n')].into_iter().flatten() {
            if let Some(found) = self.exact.get(key).and_then(|list| first_from(list, from)) {
                next = Some(next.map_or(found, |next| next.min(found)));
            }
        }
        next.map(|number| number as usize)
    }
}

fn first_from(list: &[u32], from: u32) -> Option<u32> {
    list.get(list.partition_point(|number| *number < from)).copied()
}

/// The literal number without which the condition fails, ends the extension and leaves no trace.
fn literal(condition: &Condition) -> Option<&str> {
    let Condition { test, group: None, breaks: Break::OnFalse | Break::Always, anti_actions, .. } = condition else {
        return None;
    };
    let Test { field: Some(Field::Profile(name)), expression: Expression::Constant(pattern), dates: None, .. } = test
    else {
        return None;
    };
    match pattern.shape() {
        Shape::Exact(text) if anti_actions.is_empty() && name.eq_ignore_ascii_case(FIELD) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ast::Span;
    use super::super::program::ConditionId;
    use super::*;
    use crate::words::pattern::Pattern;

    fn condition(pattern: &str) -> Condition {
        Condition {
            test: Test {
                field: Some(Field::Profile(FIELD.into())),
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

    #[test]
    fn order_is_kept() {
        let patterns = ["^1$", "^2$", "^(1)$", "^1$", "^3$"];
        let conditions: Vec<_> = patterns.iter().map(|pattern| condition(pattern)).collect();
        let extensions: Vec<_> = (0..5 as ConditionId)
            .map(|id| Extension { name: "x".into(), continues: false, conditions: vec![id], span: Span::default() })
            .collect();
        let index = Index::build(&extensions, &conditions);
        let visited = |destination: &str| {
            std::iter::successors(index.next(0, destination), |last| index.next(last + 1, destination))
                .collect::<Vec<_>>()
        };
        assert_eq!(visited("1"), [0, 2, 3]);
        assert_eq!(visited("1\n"), [0, 2, 3]);
        assert_eq!(visited("9"), [2]);
    }
}
