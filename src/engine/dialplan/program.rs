//! What the dialplan means: defaults filled in, patterns read, templates parsed.
//!
//! All conditions of a dialplan stand in one table and refer to each other by number, so that a walk can be put aside and
//! taken up again.

use std::collections::HashMap;
use std::sync::Arc;

use super::ast::Span;
use super::dates::Dates;
use super::finding::Finding;
use super::lower::lower;
use super::parse::{Node, outlines, parse};
use super::{AppCatalog, AppFacts};
use crate::words::expand::Template;
use crate::words::pattern::Pattern;

/// Numbers that stand for one pattern.
const MOST_EXAMPLES: usize = 8;

/// Compiled contexts; immutable and shared.
#[derive(Debug, Default)]
pub struct Dialplan {
    pub(super) contexts: Vec<Context>,
    /// First context of each name, in lower case.
    pub(super) names: HashMap<Box<str>, usize>,
    pub(super) conditions: Vec<Condition>,
}

impl Dialplan {
    /// Compiles the dialplan section of a document. Mistakes do not stop it: the second value lists them.
    pub fn compile(root: &impl Node, catalog: &dyn AppCatalog) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let contexts = outlines(root, &mut findings);
        let program = lower(contexts, catalog, &mut findings);
        (program, findings)
    }

    /// The contexts of a document as they are written, dead ones included.
    pub fn written(root: &impl Node) -> Vec<super::ast::Context> {
        parse(root, &mut Vec::new())
    }

    /// Name and number of extensions of each context that can be reached, in order.
    pub fn contexts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.contexts.iter().map(|context| (&*context.name, context.extensions.len()))
    }

    /// Number of extensions of all contexts.
    pub fn extension_count(&self) -> usize {
        self.contexts.iter().map(|context| context.extensions.len()).sum()
    }

    /// Whether a context of this name exists; names ignore case.
    pub fn has_context(&self, name: &str) -> bool {
        self.context_named(name).is_some()
    }

    /// Numbers that reach the extensions of a context: for each pattern of a destination a few that it matches. The second
    /// value counts the patterns for which none can be told.
    pub fn sample_numbers(&self, context: &str) -> (Vec<String>, usize) {
        let (mut numbers, mut untold) = (Vec::new(), 0);
        let found = self.context_named(context).and_then(|at| self.contexts.get(at));
        let mut open: Vec<ConditionId> = found
            .iter()
            .flat_map(|context| &context.extensions)
            .flat_map(|extension| extension.conditions.clone())
            .collect();
        while let Some(condition) = open.pop().and_then(|id| self.condition(id)) {
            open.extend(&condition.nested);
            let group = condition.group.iter().flat_map(|group| &group.tests);
            for test in group.chain([&condition.test]) {
                let (Some(Field::Profile(name)), Expression::Constant(pattern)) = (&test.field, &test.expression)
                else {
                    continue;
                };
                if name.eq_ignore_ascii_case("destination_number") {
                    let examples = pattern.examples(MOST_EXAMPLES);
                    untold += usize::from(examples.is_empty() && pattern.error().is_none());
                    numbers.extend(examples);
                }
            }
        }
        numbers.sort();
        numbers.dedup();
        (numbers, untold)
    }

    pub(super) fn context_named(&self, name: &str) -> Option<usize> {
        self.names.get(name.to_ascii_lowercase().as_str()).copied()
    }

    pub(super) fn condition(&self, id: ConditionId) -> Option<&Condition> {
        self.conditions.get(id as usize)
    }
}

/// Number of a condition in the table.
pub(super) type ConditionId = u32;

#[derive(Debug)]
pub(super) struct Context {
    pub name: Arc<str>,
    pub extensions: Vec<Extension>,
    /// First extension of each name, in lower case.
    pub names: HashMap<Box<str>, usize>,
    pub index: super::index::Index,
}

#[derive(Debug)]
pub(super) struct Extension {
    pub name: Arc<str>,
    pub continues: bool,
    pub conditions: Vec<ConditionId>,
    pub span: Span,
}

#[derive(Debug)]
pub(super) struct Condition {
    pub test: Test,
    pub group: Option<Group>,
    pub breaks: Break,
    pub require_nested: bool,
    pub actions: Vec<ActionCode>,
    pub anti_actions: Vec<ActionCode>,
    pub nested: Vec<ConditionId>,
}

/// When a condition ends the walk of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    OnFalse,
    OnTrue,
    Always,
    Never,
}

impl Break {
    /// Its value by name; anything unknown means `on-false`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let known = [Self::OnFalse, Self::OnTrue, Self::Always, Self::Never];
        known.into_iter().find(|value| value.name().eq_ignore_ascii_case(text))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OnFalse => "on-false",
            Self::OnTrue => "on-true",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// Whether a condition with this outcome ends the walk.
    pub(super) fn leaves(self, passed: bool) -> bool {
        match self {
            Self::OnFalse => !passed,
            Self::OnTrue => passed,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Group {
    pub rule: Rule,
    pub tests: Vec<Test>,
}

/// `regex="all|any|xor"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    All,
    Any,
    Xor,
}

impl Rule {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Any => "any",
            Self::Xor => "xor",
        }
    }
}

#[derive(Debug)]
pub(super) struct Test {
    pub field: Option<Field>,
    pub expression: Expression,
    pub dates: Option<Dates>,
    pub span: Span,
}

#[derive(Debug)]
pub(super) enum Field {
    /// A field of the caller profile.
    Profile(Arc<str>),
    /// A template.
    Template(Template),
}

impl Field {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Profile(name) => name,
            Self::Template(template) => template.text(),
        }
    }
}

#[derive(Debug)]
pub(super) enum Expression {
    /// Does not depend on the call.
    Constant(Box<Pattern>),
    /// Holds `${}`.
    Template(Template),
}

#[derive(Debug)]
pub(super) struct ActionCode {
    pub application: Arc<str>,
    pub facts: Option<AppFacts>,
    pub data: Template,
    /// The data holds a `$`, so `$n` may stand in it.
    pub dollar: bool,
    pub inline: bool,
    pub copies: u32,
    pub span: Span,
}

impl ActionCode {
    /// Whether the action is dropped for its data: FreeSWITCH loses one whose data hold a backslash before a single quote.
    /// `lua` is spared: its arguments are split by a rule of their own, in which that is a quote.
    pub(super) fn drops(&self, data: &str) -> bool {
        !self.inline && data.contains("\\'") && !self.application.eq_ignore_ascii_case("lua")
    }
}
