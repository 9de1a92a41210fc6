//! From what was written to what it means.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::ast;
use super::dates::Dates;
use super::finding::Finding;
use super::index::Index;
use super::parse::{Node, Outline, extension};
use super::program::{
    ActionCode, Break, Condition, ConditionId, Context, Dialplan, Expression, Extension, Field, Group, Rule, Test,
};
use super::{AppCatalog, AppFacts};
use crate::words::expand::{Api, Lookup, Template, expand, holds_reference};
use crate::words::model::{is_profile_field, truthy};
use crate::words::pattern::Pattern;

/// Copies of one action that `loop` may ask for.
const MAX_COPIES: i64 = 1_000;

/// Lowers all contexts, one extension at a time, so that of the written form no more than one is in memory. Of contexts
/// with one name only the first can be reached; the others are only read for their mistakes.
pub(super) fn lower<N: Node>(
    contexts: Vec<Outline<'_, N>>,
    catalog: &dyn AppCatalog,
    findings: &mut Vec<Finding>,
) -> Dialplan {
    let mut lowering =
        Lowering { catalog, known: HashMap::new(), shared: HashMap::new(), conditions: Vec::new(), findings };
    let mut program = Dialplan::default();
    for context in contexts {
        let key = context.name.text.to_ascii_lowercase().into_boxed_str();
        if program.names.contains_key(&key) {
            for node in context.extensions {
                extension(node, lowering.findings);
            }
            lowering.findings.push(Finding::DuplicateContext { name: context.name.text, at: context.span });
            continue;
        }
        program.names.insert(key, program.contexts.len());
        let context = lowering.context(context);
        program.contexts.push(context);
    }
    program.conditions = lowering.conditions;
    program
}

struct Lowering<'c> {
    findings: &'c mut Vec<Finding>,
    catalog: &'c dyn AppCatalog,
    known: HashMap<Arc<str>, Option<AppFacts>>,
    shared: HashMap<Box<str>, Arc<str>>,
    conditions: Vec<Condition>,
}

impl Lowering<'_> {
    fn context<N: Node>(&mut self, context: Outline<'_, N>) -> Context {
        let mut extensions = Vec::with_capacity(context.extensions.len());
        let mut names = HashMap::new();
        for (number, node) in context.extensions.into_iter().enumerate() {
            let written = extension(node, self.findings);
            if let Some(name) = &written.name {
                names.entry(name.text.to_ascii_lowercase().into_boxed_str()).or_insert(number);
            }
            extensions.push(self.extension(&written));
        }
        let index = Index::build(&extensions, &self.conditions);
        Context { name: context.name.text.as_str().into(), extensions, names, index }
    }

    fn extension(&mut self, extension: &ast::Extension) -> Extension {
        Extension {
            name: extension.name.as_ref().map_or("UNKNOWN", |name| &name.text).into(),
            continues: extension.continues.as_ref().is_some_and(|value| truthy(&value.text)),
            conditions: extension.conditions.iter().map(|c| self.condition(c)).collect(),
            span: extension.span,
        }
    }

    fn condition(&mut self, condition: &ast::Condition) -> ConditionId {
        let group = condition.group.as_ref().map(|rule| Group {
            rule: match rule.text.to_ascii_lowercase().as_str() {
                "all" => Rule::All,
                "xor" => Rule::Xor,
                _ => Rule::Any,
            },
            tests: condition.regexes.iter().map(|test| self.test(test)).collect(),
        });
        let lowered = Condition {
            test: self.test(&condition.test),
            group,
            breaks: condition.breaks.as_ref().map_or(Break::OnFalse, |value| self.breaks(value)),
            require_nested: condition.require_nested.as_ref().is_none_or(|value| truthy(&value.text)),
            actions: condition.actions.iter().map(|action| self.action(action)).collect(),
            anti_actions: condition.anti_actions.iter().map(|action| self.action(action)).collect(),
            nested: condition.nested.iter().map(|nested| self.condition(nested)).collect(),
        };
        let id = ConditionId::try_from(self.conditions.len()).unwrap_or(ConditionId::MAX);
        self.conditions.push(lowered);
        id
    }

    fn breaks(&mut self, value: &ast::Text) -> Break {
        Break::read(&value.text).unwrap_or_else(|| {
            if !value.text.is_empty() {
                let text = value.text.clone();
                self.findings.push(Finding::UnknownBreak { value: text, at: value.span });
            }
            Break::OnFalse
        })
    }

    fn test(&mut self, test: &ast::Test) -> Test {
        let field = test.field.as_ref().map(|field| self.field(field));
        let expression = test.expression.as_ref().map_or("", |expression| &expression.text);
        let lowered = lower_expression(expression);
        if let (Some(_), Expression::Constant(pattern)) = (&field, &lowered)
            && let Some(error) = pattern.error()
        {
            let at = test.expression.as_ref().map_or(test.span, |expression| expression.span);
            self.findings.push(Finding::BadPattern { error: error.clone(), at });
        }
        Test {
            field,
            expression: lowered,
            dates: Dates::read(test.dates.iter().map(|(name, value)| (*name, value.text.as_str()))),
            span: test.span,
        }
    }

    fn field(&mut self, field: &ast::Text) -> Field {
        if field.text.contains('$') {
            return Field::Template(Template::parse(field.text.as_str()));
        }
        if !field.text.is_empty() && !is_profile_field(&field.text) {
            self.findings.push(Finding::UnknownField { name: field.text.clone(), at: field.span });
        }
        Field::Profile(self.share(&field.text))
    }

    fn action(&mut self, action: &ast::ActionElement) -> ActionCode {
        let application = self.share(action.application.as_ref().map_or("", |name| &name.text));
        let data = action.data.as_ref().map_or("", |data| &data.text);
        let code = ActionCode {
            facts: self.facts(&application),
            application,
            data: Template::parse(self.share(data)),
            dollar: data.contains('$'),
            inline: action.inline.as_ref().is_some_and(|value| truthy(&value.text)),
            copies: action.copies.as_ref().map_or(1, |value| copies(&value.text)),
            span: action.span,
        };
        self.check_action(action, &code);
        code
    }

    fn check_action(&mut self, action: &ast::ActionElement, code: &ActionCode) {
        let name = || code.application.to_string();
        match code.facts {
            None => {
                let at = action.application.as_ref().map_or(action.span, |name| name.span);
                self.findings.push(Finding::UnknownApplication { name: name(), at });
            }
            Some(facts) if code.inline && !facts.inline => {
                self.findings.push(Finding::NotInline { name: name(), at: action.span });
            }
            Some(_) => {}
        }
        if let Some(data) = &action.data
            && code.drops(&data.text)
        {
            self.findings.push(Finding::RefusedData { at: data.span });
        }
    }

    fn facts(&mut self, application: &Arc<str>) -> Option<AppFacts> {
        *self.known.entry(application.clone()).or_insert_with(|| self.catalog.application(application))
    }

    /// Equal texts are kept once.
    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.shared.get(text) {
            return shared.clone();
        }
        let shared: Arc<str> = text.into();
        self.shared.insert(text.into(), shared.clone());
        shared
    }
}

/// An expression without `${}` is expanded now: its escapes do not depend on the call.
fn lower_expression(text: &str) -> Expression {
    let template = Template::parse(text);
    if template.is_literal() {
        return Expression::Constant(Box::new(Pattern::new(text)));
    }
    match expand(text, &mut Nothing) {
        Ok(expanded) if !holds_reference(text) => Expression::Constant(Box::new(Pattern::new(&expanded))),
        _ => Expression::Template(template),
    }
}

/// `atoi`: 0 for what is no number.
fn copies(text: &str) -> u32 {
    let text = text.trim_start();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let value = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    u32::try_from(value.min(MAX_COPIES)).unwrap_or(0)
}

/// A call without anything.
struct Nothing;

impl Lookup for Nothing {
    fn variable(&self, _name: &str, _index: Option<usize>) -> Option<Cow<'_, str>> {
        None
    }

    fn api(&mut self, _name: &str, _args: &str) -> Api {
        Api::Unknown
    }
}
