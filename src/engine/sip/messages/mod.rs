//! Messages: raw bytes plus an index of them, typed views on demand.
//!
//! A message is parsed once. Nothing is normalised: names keep their spelling, values their bytes (which need not be
//! UTF-8), headers their order. What is wrong with a message that can still be read at all is its [`Defect`]; the stack
//! answers it. Folded header lines are read as one (RFC 3261 7.3.1) and never written.

mod build;
mod framer;
pub mod header;
mod method;
mod name;
mod parse;
pub(crate) mod scan;
#[cfg(test)]
mod tests;
pub mod uri;

use std::borrow::Cow;

use bytes::Bytes;

pub use build::Builder;
pub use framer::{FrameError, Framer};
pub use header::{CSeq, NameAddr, RAck, Via, name_addr};
pub use method::Method;
pub use name::HeaderId;
pub use parse::{Defect, Framing, ParseError};
pub use scan::{Params, Pieces, quote, text, unquote};
pub use uri::{Scheme, Uri, UriError, percent_decode, percent_encode_user};

/// A range of the raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    id: HeaderId,
    name: Span,
    value: Span,
}

#[derive(Debug, Clone)]
enum Start {
    Request { method: Method, uri: Span },
    Response { code: u16, reason: Span },
}

/// What every transaction needs, found once while parsing.
#[derive(Debug, Clone, Default)]
struct Core {
    via: Span,
    branch: Option<Span>,
    sent_by: Span,
    call_id: Span,
    from_tag: Option<Span>,
    to_tag: Option<Span>,
    cseq: u32,
    cseq_method: Option<Method>,
}

/// One SIP message.
#[derive(Debug, Clone)]
pub struct Message {
    raw: Bytes,
    start: Start,
    fields: Vec<Field>,
    core: Core,
    body: Span,
    defect: Option<Defect>,
}

/// One header as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which known name it is.
    pub id: HeaderId,
    /// Name as spelled.
    pub name: &'a [u8],
    /// Value without blanks at both ends; folds are blanks.
    pub value: &'a [u8],
}

impl Message {
    /// Reads one message. An error means that the bytes are no SIP message at all; lesser faults are [`Message::defect`].
    pub fn parse(raw: Bytes, framing: Framing) -> Result<Self, ParseError> {
        parse::parse(raw, framing)
    }

    /// What is wrong with it, if anything.
    pub fn defect(&self) -> Option<&Defect> {
        self.defect.as_ref()
    }

    /// All bytes as received (folded lines joined).
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&Method> {
        match &self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// Whether this is a request of the given method.
    pub fn is(&self, wanted: &Method) -> bool {
        self.method() == Some(wanted)
    }

    /// The Request-URI; empty for responses.
    pub fn uri(&self) -> &[u8] {
        match &self.start {
            Start::Request { uri, .. } => self.bytes(*uri),
            Start::Response { .. } => &[],
        }
    }

    /// The status of a response.
    pub fn code(&self) -> Option<u16> {
        match &self.start {
            Start::Request { .. } => None,
            Start::Response { code, .. } => Some(*code),
        }
    }

    /// The reason phrase on the wire; empty for requests.
    pub fn reason(&self) -> Cow<'_, str> {
        match &self.start {
            Start::Request { .. } => Cow::Borrowed(""),
            Start::Response { reason, .. } => text(self.bytes(*reason)),
        }
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.fields.iter().map(|field| Header {
            id: field.id,
            name: self.bytes(field.name),
            value: self.bytes(field.value),
        })
    }

    /// All values of a known header, in order, as written.
    pub fn values(&self, id: HeaderId) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.id == id).map(|field| self.bytes(field.value))
    }

    /// First value of a known header, as written.
    pub fn value(&self, id: HeaderId) -> Option<&[u8]> {
        self.values(id).next()
    }

    /// First value of a known header as text.
    pub fn text(&self, id: HeaderId) -> Option<Cow<'_, str>> {
        self.value(id).map(text)
    }

    /// First value of any header, by long name in any case.
    pub fn named(&self, name: &str) -> Option<Cow<'_, str>> {
        match HeaderId::of(name.as_bytes()) {
            HeaderId::Other => self
                .headers()
                .find(|header| header.name.eq_ignore_ascii_case(name.as_bytes()))
                .map(|header| text(header.value)),
            id => self.text(id),
        }
    }

    /// The elements of a comma-separated header, over all its lines.
    pub fn list(&self, id: HeaderId) -> impl Iterator<Item = &[u8]> {
        self.values(id).flat_map(|value| Pieces::new(value, b','))
    }

    /// Whether a list of tokens (Require, Supported, Allow) has this one, in any case.
    pub fn lists(&self, id: HeaderId, token: &str) -> bool {
        self.list(id).any(|have| have.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// First value read as an address (From, To, Contact, Refer-To …).
    pub fn address(&self, id: HeaderId) -> Option<NameAddr<'_>> {
        self.list(id).next().and_then(NameAddr::parse)
    }

    /// The topmost Via.
    pub fn via(&self) -> Option<Via<'_>> {
        Via::parse(self.bytes(self.core.via))
    }

    /// The topmost Via as written; empty when missing.
    pub fn via_bytes(&self) -> &[u8] {
        self.bytes(self.core.via)
    }

    /// Branch of the topmost Via.
    pub fn branch(&self) -> Option<&[u8]> {
        self.core.branch.map(|span| self.bytes(span))
    }

    /// `host[:port]` of the topmost Via.
    pub fn sent_by(&self) -> &[u8] {
        self.bytes(self.core.sent_by)
    }

    /// Call-ID; empty when missing.
    pub fn call_id(&self) -> &[u8] {
        self.bytes(self.core.call_id)
    }

    /// Tag of From.
    pub fn from_tag(&self) -> Option<&[u8]> {
        self.core.from_tag.map(|span| self.bytes(span))
    }

    /// Tag of To.
    pub fn to_tag(&self) -> Option<&[u8]> {
        self.core.to_tag.map(|span| self.bytes(span))
    }

    /// Number of CSeq; 0 when missing.
    pub fn cseq(&self) -> u32 {
        self.core.cseq
    }

    /// Method of CSeq.
    pub fn cseq_method(&self) -> Option<&Method> {
        self.core.cseq_method.as_ref()
    }

    /// The body, sharing the buffer.
    pub fn body(&self) -> Bytes {
        self.raw.slice(self.body.start as usize..self.body.end as usize)
    }

    /// Content-Type without parameters, lower case; empty when missing.
    pub fn content_type(&self) -> String {
        let value = self.value(HeaderId::ContentType).unwrap_or_default();
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        text(scan::trim(value.get(..end).unwrap_or(value))).to_ascii_lowercase()
    }

    /// A number header (Expires, Max-Forwards, RSeq, Retry-After …); none when missing or malformed.
    pub fn number(&self, id: HeaderId) -> Option<u32> {
        let value = self.value(id)?;
        let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
        scan::number(value.get(..end)?, u32::MAX)
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.raw.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}
