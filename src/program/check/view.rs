//! What rules look at: the configuration as it was written and as it was understood.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Subject;
use super::scripts::Script;
use crate::engine::config::{Directory, SipProfile, Voice};
use crate::engine::dialplan::{Dialplan, ast};
use crate::engine::xml::Element;
use crate::words::expand::needs_expansion;
use crate::words::model::{Variables, truthy};
use crate::words::pattern::Pattern;
use crate::words::text::{Sources, Span};

/// Everything a rule may ask.
pub(super) struct View<'v> {
    pub(super) subject: &'v Subject,
    pub(super) sources: &'v Sources,
    pub(super) root: &'v Element,
    pub(super) globals: &'v Variables,
    pub(super) dialplan: &'v Dialplan,
    pub(super) directory: &'v Directory,
    pub(super) profiles: &'v [SipProfile],
    pub(super) voice: &'v Voice,
    pub(super) scripts: &'v [Script],
    pub(super) contexts: &'v [ast::Context],
    /// Names of all gateways, in lower case.
    pub(super) gateways: BTreeSet<String>,
    /// All extensions in order.
    pub(super) extensions: Vec<Extension<'v>>,
}

/// An extension with all that stands in it.
pub(super) struct Extension<'v> {
    pub(super) context: &'v ast::Context,
    pub(super) written: &'v ast::Extension,
    /// Its actions in the order in which a walk meets them.
    pub(super) actions: Vec<Action<'v>>,
}

/// An action and the condition it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Action<'v> {
    pub(super) condition: &'v ast::Condition,
    pub(super) written: &'v ast::ActionElement,
    pub(super) anti: bool,
}

impl<'v> View<'v> {
    /// All actions of all extensions.
    pub(super) fn actions(&self) -> impl Iterator<Item = Action<'v>> {
        self.extensions.iter().flat_map(|extension| extension.actions.iter().copied())
    }

    /// All texts that are expanded at run time: data, fields and expressions.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'v ast::Text> {
        let data = self.actions().filter_map(|action| action.data());
        let tested = self.conditions().flat_map(tests).flat_map(|test| [&test.field, &test.expression]).flatten();
        data.chain(tested)
    }

    /// All conditions, nested ones after those around them.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &'v ast::Condition> {
        self.extensions.iter().flat_map(|extension| conditions(&extension.written.conditions))
    }

    /// The place of a part of a text.
    pub(super) fn part(&self, text: &ast::Text, part: Range<usize>) -> Span {
        self.sources.part(text.span, &text.text, part)
    }

    /// Elements of a section of the document.
    pub(super) fn section(&self, name: &str) -> Option<&'v Element> {
        self.root.find("section", "name", name)
    }
}

impl<'v> Extension<'v> {
    pub(super) fn all(contexts: &'v [ast::Context]) -> Vec<Self> {
        let of = |context: &'v ast::Context| {
            context.extensions.iter().map(move |written| {
                let mut actions = Vec::new();
                collect(&written.conditions, &mut actions);
                Self { context, written, actions }
            })
        };
        contexts.iter().flat_map(of).collect()
    }

    /// Whether the hunt goes on after it.
    pub(super) fn continues(&self) -> bool {
        self.written.continues.as_ref().is_some_and(|value| truthy(&value.text))
    }

    /// Its name as messages show it.
    pub(super) fn name(&self) -> String {
        self.written.name.as_ref().map_or_else(|| "without name".to_owned(), |name| format!("\"{}\"", name.text))
    }
}

/// Actions and anti-actions of a condition, those of nested ones apart.
pub(super) fn own_actions(condition: &ast::Condition) -> impl Iterator<Item = Action<'_>> {
    let actions = condition.actions.iter().map(move |written| Action { condition, written, anti: false });
    actions.chain(condition.anti_actions.iter().map(move |written| Action { condition, written, anti: true }))
}

fn collect<'v>(conditions: &'v [ast::Condition], actions: &mut Vec<Action<'v>>) {
    for condition in conditions {
        actions.extend(own_actions(condition));
        collect(&condition.nested, actions);
    }
}

/// Conditions with those nested in them.
pub(super) fn conditions(list: &[ast::Condition]) -> impl Iterator<Item = &ast::Condition> {
    let mut open: Vec<&ast::Condition> = list.iter().rev().collect();
    std::iter::from_fn(move || {
        let next = open.pop()?;
        open.extend(next.nested.iter().rev());
        Some(next)
    })
}

/// The tests of a condition: its own, and those of its group.
pub(super) fn tests(condition: &ast::Condition) -> impl Iterator<Item = &ast::Test> {
    std::iter::once(&condition.test).chain(&condition.regexes)
}

/// The expression of a test and its pattern, when it does not depend on the call.
pub(super) fn constant_pattern(test: &ast::Test) -> Option<(&ast::Text, Pattern)> {
    let expression = test.expression.as_ref()?;
    let constant = !needs_expansion(&expression.text);
    constant.then(|| (expression, Pattern::new(&expression.text)))
}

/// An element and all below it, in order.
pub(super) fn elements(root: &Element) -> impl Iterator<Item = &Element> {
    let mut open = vec![root];
    std::iter::from_fn(move || {
        let next = open.pop()?;
        open.extend(next.children.iter().rev());
        Some(next)
    })
}

impl<'v> Action<'v> {
    /// The application as written.
    pub(super) fn application(&self) -> &'v str {
        self.written.application.as_ref().map_or("", |name| &name.text)
    }

    /// Whether it is one of these applications.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.application().eq_ignore_ascii_case(name))
    }

    /// Its data, as far as there are any.
    pub(super) fn data(&self) -> Option<&'v ast::Text> {
        self.written.data.as_ref().filter(|data| !data.text.is_empty())
    }

    /// Its data, when they are known now: no expansion and no capture.
    pub(super) fn constant(&self) -> Option<&'v ast::Text> {
        self.data().filter(|data| !data.text.contains('$'))
    }

    /// Whether it runs during the hunt.
    pub(super) fn inline(&self) -> bool {
        self.written.inline.as_ref().is_some_and(|value| truthy(&value.text))
    }

    /// The place of its application's name, else of itself.
    pub(super) fn span(&self) -> Span {
        self.written.application.as_ref().map_or(self.written.span, |name| name.span)
    }

    /// Name and value that it assigns, with the place of the value in its data.
    pub(super) fn assignments(&self) -> Vec<(&'v str, &'v str, Range<usize>)> {
        let Some(data) = self.data() else { return Vec::new() };
        let text = data.text.as_str();
        let pair = |item: &'v str, from: usize, commas: bool| {
            let cut = item.find('=').or_else(|| if commas { item.find(',') } else { None })?;
            let (name, value) = (item.get(..cut)?, item.get(cut + 1..)?);
            Some((name.trim_start_matches("nolocal:"), value, from + cut + 1..from + item.len()))
        };
        if self.is(&["multiset"]) {
            let (delimiter, skipped) = match text.strip_prefix("^^").and_then(|rest| rest.chars().next()) {
                Some(letter) => (letter, 2 + letter.len_utf8()),
                None => (' ', 0),
            };
            let mut from = skipped;
            let items = text.get(skipped..).unwrap_or_default().split(delimiter);
            return items
                .filter_map(|item| {
                    let found = pair(item, from, false);
                    from += item.len() + delimiter.len_utf8();
                    found
                })
                .collect();
        }
        let assigns = ["set", "export", "bridge_export", "push", "unshift", "set_global"];
        if self.is(&assigns) { pair(text, 0, self.is(&["set"])).into_iter().collect() } else { Vec::new() }
    }
}
