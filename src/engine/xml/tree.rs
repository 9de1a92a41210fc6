//! The tree: elements with their attributes, text and places. The only user of the XML event reader; attributes and
//! entities are read here, because the original takes what no conforming reader would.

use quick_xml::Error;
use quick_xml::errors::IllFormedError;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::entity::decode;
use super::flat::Flat;
use crate::words::text::{Diagnostic, Span};

/// The rule of all mistakes found here.
const CODE: &str = "malformed-xml";

/// Bytes of a tag without end that are looked into for the mistake.
const MAX_LOOK: usize = 4096;

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
    /// Whether the value stands in quotes; if not it is empty.
    pub quoted: bool,
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

    /// Lets the places of the element and all below it point nowhere: for a document whose sources are not kept.
    pub fn forget_places(&mut self) {
        let nowhere = Span { file: u32::MAX, start: 0, end: 0 };
        let texts = self.attributes.iter_mut().map(|attribute| &mut attribute.value).chain(&mut self.text);
        texts.for_each(|text| text.span = nowhere);
        self.span = nowhere;
        self.children.iter_mut().for_each(Self::forget_places);
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
    // Ends are compared here, to name the tag that was left open.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut tree = Tree { flat, open: Vec::new(), root: None, suspect: None };
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
            Ok(Event::End(_)) => tree.end(raw, before)?,
            Ok(Event::CData(_)) => {
                let inner = raw.strip_prefix("<![CDATA[").and_then(|raw| raw.strip_suffix("]]>")).unwrap_or_default();
                tree.text(inner, before, true);
            }
            Ok(Event::Text(_) | Event::GeneralRef(_)) => tree.text(raw, before, false),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            Ok(Event::Eof) => break,
            Err(error) => {
                let at = skipped + position(reader.error_position());
                tree.look_into(at)?;
                let remedy = match error {
                    Error::IllFormed(IllFormedError::DoubleHyphenInComment) => "write no -- inside a comment",
                    _ => "close it",
                };
                return Err(tree.refuse(at, error.to_string(), remedy));
            }
        }
    }
    if let Some(innermost) = tree.open.len().checked_sub(1) {
        // It lacks its end for certain; those around it lack theirs because the text is over.
        return Err(tree.unclosed(innermost, "the text ends"));
    }
    tree.root.ok_or_else(|| {
        Diagnostic::error(CODE, None, "root tag missing: there is no element at all").remedy("write one root element")
    })
}

/// Whether a name may begin so.
fn starts_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || letter == ':' || !letter.is_ascii()
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// An element whose end has not come, with its text as written: pieces not yet decoded.
struct Open {
    element: Element,
    /// Where its start tag begins.
    at: usize,
    pending: String,
}

struct Tree<'f> {
    flat: &'f Flat,
    open: Vec<Open>,
    root: Option<Element>,
    /// The first value that looks as if its closing quote were missing: its name and place.
    suspect: Option<(String, usize)>,
}

impl Tree<'_> {
    /// The error at a place; or, when a quote is missing above it, at that value.
    fn refuse(&self, at: usize, message: impl Into<String>, remedy: impl Into<String>) -> Diagnostic {
        match &self.suspect {
            Some((name, quote)) => {
                let message = format!("the value of {name} that begins here has no closing quote");
                Diagnostic::error(CODE, self.flat.origin(*quote..*quote + 1), message).remedy("close the value")
            }
            None => Diagnostic::error(CODE, self.flat.origin(at..at + 1), message).remedy(remedy),
        }
    }

    /// Reads the attributes of a tag that does not end, to say which value is to blame.
    fn look_into(&mut self, at: usize) -> Result<(), Diagnostic> {
        let rest = self.flat.text().get(at..).unwrap_or_default();
        let raw = rest.get(..MAX_LOOK).unwrap_or(rest);
        let Some(inner) = raw.strip_prefix('<').filter(|inner| inner.starts_with(starts_name)) else { return Ok(()) };
        let name = inner.find(|letter: char| letter.is_ascii_whitespace() || "/>".contains(letter));
        self.attributes(raw, at, 1 + name.unwrap_or(inner.len())).map(|_| ())
    }

    /// The error of an element that is still open.
    fn unclosed(&self, index: usize, before: &str) -> Diagnostic {
        let Some(Open { element, at, .. }) = self.open.get(index) else {
            return self.refuse(0, "unclosed tag", "close it");
        };
        if self.suspect.is_some() {
            return self.refuse(*at, "", "");
        }
        let message = format!("<{}> is never closed: {before} first", element.name);
        let remedy = format!("write <{0} …/> or </{0}>", element.name);
        Diagnostic::error(CODE, element.span, message).remedy(remedy)
    }

    /// An end tag. When it closes an element further out, the outermost one inside that is the one left open.
    fn end(&mut self, raw: &str, at: usize) -> Result<(), Diagnostic> {
        let name = raw
            .trim_start_matches("</")
            .trim_end_matches('>')
            .trim_end_matches(|byte: char| byte.is_ascii_whitespace());
        match self.open.iter().rposition(|open| open.element.name == name) {
            Some(index) if index + 1 == self.open.len() => {
                self.close();
                Ok(())
            }
            Some(index) => Err(self.unclosed(index + 1, &format!("</{name}> comes"))),
            None => {
                let open = self
                    .open
                    .last()
                    .map_or("nothing is open".to_owned(), |open| format!("<{}> is open", open.element.name));
                Err(self.refuse(at, format!("</{name}> closes nothing: {open}"), "take it out, or correct its name"))
            }
        }
    }

    /// Whether a value looks as if its closing quote were missing: it holds the next attribute's name, or a tag of the
    /// next line.
    fn suspect(&mut self, name: &str, value: &str, quote: usize) {
        let swallowed = value.strip_suffix('=').is_some_and(|head| {
            let word = head.rsplit(|letter: char| letter.is_ascii_whitespace()).next().unwrap_or_default();
            word.len() < head.len()
                && !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
        });
        if self.suspect.is_none() && (swallowed || (value.contains('\n') && value.contains('<'))) {
            self.suspect = Some((name.to_owned(), quote));
        }
    }

    fn open(&mut self, raw: &str, at: usize) -> Result<(), Diagnostic> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(self.refuse(at, "unexpected tag: there is a root element already", "write one root element"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.refuse(at, format!("elements are nested more than {MAX_DEPTH} deep"), "nest less deeply"));
        }
        let inner = raw.strip_prefix('<').unwrap_or(raw);
        let length =
            inner.find(|letter: char| letter.is_ascii_whitespace() || "/>".contains(letter)).unwrap_or(inner.len());
        let name = inner.get(..length).unwrap_or_default();
        if !name.starts_with(starts_name) {
            return Err(self.refuse(at, "unexpected <: a name must follow it", "write &lt; for the sign itself"));
        }
        let attributes = self.attributes(raw, at, 1 + length)?;
        let span = self.flat.origin(at..at + raw.len());
        let element = Element { name: name.to_owned(), attributes, span, ..Element::default() };
        self.open.push(Open { element, at, pending: String::new() });
        Ok(())
    }

    /// Attributes of the start tag `raw`, which begins at `at` of the flat text; its name ends at `from`.
    fn attributes(&mut self, raw: &str, at: usize, from: usize) -> Result<Vec<Attribute>, Diagnostic> {
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
                attributes.shrink_to_fit();
                return Ok(attributes);
            }
            let name_end = skip(here + 1, |byte| !byte.is_ascii_whitespace() && !b"=/".contains(&byte));
            let name = raw.get(here..name_end).unwrap_or_default().to_owned();
            if name.contains(['"', '\'', '<']) {
                let message =
                    if name.starts_with('<') { "unexpected <: the tag before it has no >" } else { "unexpected quote" };
                return Err(self.refuse(at + here, message, "close the tag, or the value in front"));
            }
            let sign = skip(name_end, |byte| byte.is_ascii_whitespace());
            let value_at = skip(sign, |byte| byte.is_ascii_whitespace() || byte == b'=');
            let quote =
                bytes.get(value_at).copied().filter(|byte| is(sign, |byte| byte == b'=') && b"\"'".contains(byte));
            let value = if let Some(quote) = quote {
                let length = bytes.get(value_at + 1..).and_then(|rest| rest.iter().position(|byte| *byte == quote));
                let Some(length) = length else {
                    return Err(self.refuse(
                        at + value_at,
                        format!("missing {}", char::from(quote)),
                        "close the value",
                    ));
                };
                let (start, end) = (value_at + 1, value_at + 1 + length);
                here = end + 1;
                self.suspect(&name, raw.get(start..end).unwrap_or_default(), at + value_at);
                Text {
                    text: decode(raw.get(start..end).unwrap_or_default(), true),
                    span: self.flat.origin(at + start..at + end),
                }
            } else {
                // An unquoted value is no value; it is read as one more name.
                here = name_end;
                Text { text: String::new(), span: self.flat.origin(at + name_end..at + name_end) }
            };
            attributes.push(Attribute { name, value, quoted: quote.is_some() });
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
        let Some(Open { mut element, pending, .. }) = self.open.pop() else { return };
        if let Some(text) = &mut element.text {
            text.text.push_str(&decode(&pending, false));
        }
        // Lists grow in steps of four; a large dialplan is mostly lists of one.
        element.children.shrink_to_fit();
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(element),
            None => self.root = Some(element),
        }
    }
}
