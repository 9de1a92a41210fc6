//! From the XML tree to the syntax tree. Keeps going after a mistake; the mistakes are reported beside the result.

use super::ast::{ActionElement, Condition, Context, Extension, Span, Test, Text};
use super::dates::ATTRIBUTES;
use super::finding::Finding;
use crate::engine::xml;

/// Nested conditions below this depth are left out; no walk gets there.
const MAX_DEPTH: usize = 110;

/// An element of the XML tree.
pub trait Node {
    /// Its name.
    fn name(&self) -> &str;
    /// The value of an attribute, with its place.
    fn attribute(&self, name: &str) -> Option<Text>;
    /// Names of its attributes.
    fn attribute_names(&self) -> Vec<&str>;
    /// Its own text; `None` when there is none.
    fn text(&self) -> Option<Text>;
    /// Its place.
    fn span(&self) -> Span;
    /// Its children in order.
    fn children(&self) -> Vec<&Self>;
}

impl From<&xml::Text> for Text {
    fn from(text: &xml::Text) -> Self {
        Self { text: text.text.clone(), span: text.span }
    }
}

impl Node for xml::Element {
    fn name(&self) -> &str {
        &self.name
    }

    fn attribute(&self, name: &str) -> Option<Text> {
        xml::Element::attribute(self, name).map(Text::from)
    }

    fn attribute_names(&self) -> Vec<&str> {
        self.attributes.iter().map(|attribute| &*attribute.name).collect()
    }

    fn text(&self) -> Option<Text> {
        self.text.as_ref().map(Text::from)
    }

    fn span(&self) -> Span {
        self.span
    }

    fn children(&self) -> Vec<&Self> {
        self.children.iter().collect()
    }
}

/// A context whose extensions are not read yet.
pub(super) struct Outline<'n, N> {
    pub(super) name: Text,
    pub(super) extensions: Vec<&'n N>,
    pub(super) span: Span,
}

/// Reads everything.
pub(super) fn parse(root: &impl Node, findings: &mut Vec<Finding>) -> Vec<Context> {
    let read = |outline: Outline<'_, _>| Context {
        name: outline.name,
        extensions: outline.extensions.into_iter().map(|node| extension(node, findings)).collect(),
        span: outline.span,
    };
    outlines(root, &mut Vec::new()).into_iter().map(read).collect()
}

/// The contexts of a document: of its first `<section name="dialplan">`, or of the root when it is that section.
pub(super) fn outlines<'n, N: Node>(root: &'n N, findings: &mut Vec<Finding>) -> Vec<Outline<'n, N>> {
    let is_dialplan = |node: &_| is_named(node, "section") && value_is(node, "name", "dialplan");
    if is_dialplan(root) {
        return contexts(root, findings);
    }
    let mut sections = root.children().into_iter().filter(|node| is_dialplan(*node));
    let first = sections.next().map(|section| contexts(section, findings)).unwrap_or_default();
    for dead in sections {
        findings.push(Finding::DuplicateSection { at: dead.span() });
    }
    first
}

fn is_named(node: &impl Node, name: &str) -> bool {
    node.name() == name
}

fn value_is(node: &impl Node, attribute: &str, value: &str) -> bool {
    node.attribute(attribute).is_some_and(|found| found.text.eq_ignore_ascii_case(value))
}

fn contexts<'n, N: Node>(section: &'n N, findings: &mut Vec<Finding>) -> Vec<Outline<'n, N>> {
    let mut contexts = Vec::new();
    for node in section.children() {
        if node.name() != "context" {
            findings.push(unknown(node, "section"));
            continue;
        }
        let Some(name) = node.attribute("name") else {
            findings.push(Finding::NamelessContext { at: node.span() });
            continue;
        };
        let extensions = named(node, "extension", "context", findings);
        contexts.push(Outline { name, extensions, span: node.span() });
    }
    contexts
}

/// Children of one name; others are reported.
fn named<'n, N: Node>(node: &'n N, name: &str, within: &'static str, findings: &mut Vec<Finding>) -> Vec<&'n N> {
    let (wanted, others): (Vec<_>, Vec<_>) = node.children().into_iter().partition(|child| child.name() == name);
    findings.extend(others.into_iter().map(|other| unknown(other, within)));
    wanted
}

fn unknown(node: &impl Node, within: &'static str) -> Finding {
    Finding::UnknownElement { name: node.name().to_owned(), within, at: node.span() }
}

/// Reads an extension.
pub(super) fn extension(node: &impl Node, findings: &mut Vec<Finding>) -> Extension {
    let conditions: Vec<Condition> = named(node, "condition", "extension", findings)
        .into_iter()
        .map(|condition| self::condition(condition, 0, findings))
        .collect();
    if conditions.is_empty() {
        findings.push(Finding::NoCondition { at: node.span() });
    }
    Extension { name: node.attribute("name"), continues: node.attribute("continue"), conditions, span: node.span() }
}

fn condition(node: &impl Node, depth: usize, findings: &mut Vec<Finding>) -> Condition {
    let mut condition = Condition {
        test: test(node),
        breaks: node.attribute("break"),
        group: node.attribute("regex"),
        require_nested: node.attribute("require-nested"),
        span: node.span(),
        ..Condition::default()
    };
    for child in node.children() {
        match child.name() {
            "action" => condition.actions.push(action(child)),
            "anti-action" => condition.anti_actions.push(action(child)),
            "regex" => condition.regexes.push(test(child)),
            "expression" => {}
            "condition" if depth < MAX_DEPTH => {
                condition.nested.push(self::condition(child, depth + 1, findings));
            }
            "condition" => findings.push(Finding::TooDeep { at: child.span() }),
            _ => findings.push(unknown(child, "condition")),
        }
    }
    condition
}

fn test(node: &impl Node) -> Test {
    let child = node.children().into_iter().find(|child| child.name() == "expression");
    let expression = match child {
        Some(child) => Some(child.text().unwrap_or(Text { text: String::new(), span: child.span() })),
        None => node.attribute("expression"),
    };
    let present = node.attribute_names();
    let dates = ATTRIBUTES
        .iter()
        .filter(|name| present.contains(name))
        .filter_map(|name| node.attribute(name).map(|value| (*name, value)))
        .collect();
    Test { field: node.attribute("field"), expression, dates, span: node.span() }
}

fn action(node: &impl Node) -> ActionElement {
    let text = node.text().filter(|text| !text.text.is_empty());
    ActionElement {
        application: node.attribute("application"),
        data: text.or_else(|| node.attribute("data")),
        inline: node.attribute("inline"),
        copies: node.attribute("loop"),
        span: node.span(),
    }
}
