//! The tree: elements with their attributes, text and places. The only user of the XML event reader; attributes and
//! entities are read here, because the original takes what no conforming reader would.

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::entity::decode;
use super::flat::Flat;
use crate::words::text::{Diagnostic, Span};

/// Elements nested deeper refuse the load.
const MAX_DEPTH: usize = 1_000;

/// A value with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The value, decoded.
    pub text: String,
    /// Where it is written, without quotes.
    pub span: Span,
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Text,
}

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Its attributes in order; of two equal ones the first counts.
    pub attributes: Vec<Attribute>,
    /// Its own text, all pieces joined; none when there is none.
    pub text: Option<Text>,
    /// Its children in order.
    pub children: Vec<Element>,
    /// Its start tag.
    pub span: Span,
}

impl Element {
    /// The value of an attribute; names are case-sensitive.
    pub fn attribute(&self, name: &str) -> Option<&Text> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
    }

    /// Children of one name.
    pub fn named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name whose attribute has this value in any case.
    pub fn find(&self, name: &str, attribute: &str, value: &str) -> Option<&Self> {
        self.children.iter().find(|child| {
            child.name == name && child.attribute(attribute).is_some_and(|found| found.text.eq_ignore_ascii_case(value))
        })
    }
}

/// Parses the flat text.
pub(super) fn parse(flat: &Flat) -> Result<Element, Diagnostic> {
    let skipped = flat.text().find('<').unwrap_or(flat.text().len());
    let text = flat.text().get(skipped..).unwrap_or_default();
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_comments = true;
    config.allow_dangling_amp = true;
    let mut tree = Tree { flat, open: Vec::new(), root: None };
    loop {
        let before = skipped + position(reader.buffer_position());
        let event = reader.read_event();
        let after = skipped + position(reader.buffer_position());
        let raw = flat.text().get(before..after).unwrap_or_default();
        match event {
            Ok(Event::Start(_)) => tree.open(raw, before)?,
            Ok(Event::Empty(_)) => {
                tree.open(raw, before)?;
                tree.close();
            }
            Ok(Event::End(_)) => tree.close(),
            Ok(Event::CData(_)) => {
                let inner = raw.strip_prefix("<![CDATA[").and_then(|raw| raw.strip_suffix("]]>")).unwrap_or_default();
                tree.text(inner, before, true);
            }
            Ok(Event::Text(_) | Event::GeneralRef(_)) => tree.text(raw, before, false),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            Ok(Event::Eof) => break,
            Err(error) => {
                let at = skipped + position(reader.error_position());
                return Err(tree.refuse(at, error.to_string()));
            }
        }
    }
    if let Some(open) = tree.open.last() {
        return Err(Diagnostic::error("xml", open.element.span, format!("unclosed tag <{}>", open.element.name)));
    }
    tree.root.ok_or_else(|| Diagnostic::error("xml", None, "root tag missing: there is no element at all"))
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// An element whose end has not come, with its text as written: pieces not yet decoded.
struct Open {
    element: Element,
    pending: String,
}

struct Tree<'f> {
    flat: &'f Flat,
    open: Vec<Open>,
    root: Option<Element>,
}

impl Tree<'_> {
    fn refuse(&self, at: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error("xml", self.flat.origin(at..at + 1), message)
    }

    fn open(&mut self, raw: &str, at: usize) -> Result<(), Diagnostic> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(self.refuse(at, "unexpected tag: there is a root element already"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.refuse(at, format!("elements are nested more than {MAX_DEPTH} deep")));
        }
        let inner = raw.strip_prefix('<').unwrap_or(raw);
        let length =
            inner.find(|letter: char| letter.is_ascii_whitespace() || "/>".contains(letter)).unwrap_or(inner.len());
        let name = inner.get(..length).unwrap_or_default();
        let starts =
            |letter: char| letter.is_ascii_alphabetic() || letter == '_' || letter == ':' || !letter.is_ascii();
        if !name.starts_with(starts) {
            return Err(self.refuse(at, "unexpected <: a name must follow it (a bare < is written &lt;)"));
        }
        let attributes = self.attributes(raw, at, 1 + length)?;
        let span = self.flat.origin(at..at + raw.len());
        let element = Element { name: name.to_owned(), attributes, span, ..Element::default() };
        self.open.push(Open { element, pending: String::new() });
        Ok(())
    }

    /// Attributes of the start tag `raw`, which begins at `at` of the flat text; its name ends at `from`.
    fn attributes(&self, raw: &str, at: usize, from: usize) -> Result<Vec<Attribute>, Diagnostic> {
        let mut attributes = Vec::new();
        let end = raw.len() - usize::from(raw.ends_with('>'));
        let bytes = raw.as_bytes().get(..end).unwrap_or_default();
        let is = |at: usize, test: fn(u8) -> bool| bytes.get(at).is_some_and(|byte| test(*byte));
        let skip = |mut at: usize, test: fn(u8) -> bool| {
            while is(at, test) {
                at += 1;
            }
            at
        };
        let between = |byte: u8| byte.is_ascii_whitespace() || byte == b'/' || byte == b'=';
        let mut here = from;
        loop {
            here = skip(here, between);
            if here >= bytes.len() {
                return Ok(attributes);
            }
            let name_end = skip(here + 1, |byte| !byte.is_ascii_whitespace() && !b"=/".contains(&byte));
            let name = raw.get(here..name_end).unwrap_or_default().to_owned();
            let sign = skip(name_end, |byte| byte.is_ascii_whitespace());
            let value_at = skip(sign, |byte| byte.is_ascii_whitespace() || byte == b'=');
            let quote =
                bytes.get(value_at).copied().filter(|byte| is(sign, |byte| byte == b'=') && b"\"'".contains(byte));
            let value = if let Some(quote) = quote {
                let length = bytes.get(value_at + 1..).and_then(|rest| rest.iter().position(|byte| *byte == quote));
                let Some(length) = length else {
                    return Err(self.refuse(at + value_at, format!("missing {}", char::from(quote))));
                };
                let (start, end) = (value_at + 1, value_at + 1 + length);
                here = end + 1;
                Text {
                    text: decode(raw.get(start..end).unwrap_or_default(), true),
                    span: self.flat.origin(at + start..at + end),
                }
            } else {
                // An unquoted value is no value; it is read as one more name.
                here = name_end;
                Text { text: String::new(), span: self.flat.origin(at + name_end..at + name_end) }
            };
            attributes.push(Attribute { name, value });
        }
    }

    /// Text of the innermost element. CDATA is not decoded, so what is pending is decoded before it.
    fn text(&mut self, raw: &str, at: usize, plain: bool) {
        let span = self.flat.origin(at..at + raw.len());
        let Some(open) = self.open.last_mut() else { return };
        let text = open.element.text.get_or_insert_with(|| Text { text: String::new(), span });
        if plain {
            text.text.push_str(&decode(&std::mem::take(&mut open.pending), false));
            text.text.push_str(raw);
        } else {
            open.pending.push_str(raw);
        }
    }

    fn close(&mut self) {
        let Some(Open { mut element, pending }) = self.open.pop() else { return };
        if let Some(text) = &mut element.text {
            text.text.push_str(&decode(&pending, false));
        }
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(element),
            None => self.root = Some(element),
        }
    }
}
