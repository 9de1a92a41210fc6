//! The parser: start line, header index, body range (RFC 3261 7, 18.3, 25.1).
//!
//! Lenient where peers are known to differ and nothing is ambiguous (bare LF, blanks around the colon, leading empty
//! lines, missing Content-Length); strict where two readers could disagree (lengths, doubled single-value headers).

use bytes::Bytes;

use super::header::{CSeq, NameAddr, Via};
use super::scan::{is_token, number, trim};
use super::{Core, Field, HeaderId, Message, Method, Pieces, Span, Start};

/// How the end of the bytes was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One datagram: without Content-Length the body runs to its end; what follows the stated length is ignored.
    Datagram,
    /// Cut out of a stream by [`super::Framer`]: without Content-Length there is no body.
    Stream,
}

/// The bytes are no SIP message; there is nothing to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but blank lines (a keep-alive).
    #[error("empty")]
    Empty,
    /// The first line is neither a request line nor a status line.
    #[error("no SIP start line")]
    StartLine,
    /// More bytes than any message may have.
    #[error("larger than {MOST_BYTES} bytes")]
    TooLarge,
}

/// A fault of a message whose start line could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// Not SIP/2.0.
    #[error("SIP version is not 2.0")]
    Version,
    /// The Request-URI does not fit its scheme.
    #[error("Bad Request-URI")]
    RequestUri,
    /// A header line without a colon, or whose name is no token.
    #[error("Bad Header Line")]
    HeaderLine,
    /// More header lines than are taken.
    #[error("Too Many Headers")]
    TooManyHeaders,
    /// The headers do not end.
    #[error("Header End Missing")]
    NoHeaderEnd,
    /// A mandatory header is missing.
    #[error("Missing {} Header", .0.as_str())]
    Missing(HeaderId),
    /// A mandatory header cannot be read.
    #[error("Bad {} Header", .0.as_str())]
    Malformed(HeaderId),
    /// A header that may stand once stands twice.
    #[error("Multiple {} Headers", .0.as_str())]
    Doubled(HeaderId),
    /// CSeq names another method than the request line.
    #[error("CSeq Method Mismatch")]
    MethodMismatch,
    /// Content-Length is no number up to 65 535, or two of them differ, or the datagram is shorter.
    #[error("Bad Content-Length")]
    ContentLength,
}

/// Largest message taken, headers and body.
pub(super) const MOST_BYTES: usize = 65_536 + 16 * 1024 * 1024;
/// Header lines taken.
const MOST_HEADERS: usize = 400;
/// Largest Content-Length in a datagram.
const MOST_DATAGRAM_BODY: u32 = 65_535;

pub(super) fn parse(raw: Bytes, framing: Framing) -> Result<Message, ParseError> {
    if raw.len() > MOST_BYTES {
        return Err(ParseError::TooLarge);
    }
    let raw = skip_empty_lines(raw)?;
    let raw = join_folds(raw);
    let mut lines = Lines { text: &raw, position: 0 };
    let Some((start_from, start_to)) = lines.next_line() else { return Err(ParseError::StartLine) };
    let mut defect = None;
    let start = start_line(&raw, start_from, start_to, &mut defect)?;
    let mut fields = Vec::with_capacity(16);
    let mut ended = false;
    while let Some((from, to)) = lines.next_line() {
        if from == to {
            ended = true;
            break;
        }
        if fields.len() >= MOST_HEADERS {
            note(&mut defect, Defect::TooManyHeaders);
            continue;
        }
        match field(&raw, from, to) {
            Some(field) => fields.push(field),
            None => note(&mut defect, Defect::HeaderLine),
        }
    }
    if !ended {
        note(&mut defect, Defect::NoHeaderEnd);
    }
    let body_from = lines.position.min(raw.len());
    let mut message = Message {
        body: Span { start: body_from as u32, end: raw.len() as u32 },
        raw,
        start,
        fields,
        core: Core::default(),
        defect: None,
    };
    let core = core(&message, &mut defect);
    message.core = core;
    match body_length(&message, framing) {
        Ok(length) => message.body.end = (body_from.saturating_add(length)) as u32,
        Err(fault) => note(&mut defect, fault),
    }
    message.defect = defect;
    Ok(message)
}

fn note(defect: &mut Option<Defect>, found: Defect) {
    defect.get_or_insert(found);
}

fn skip_empty_lines(raw: Bytes) -> Result<Bytes, ParseError> {
    let from = raw.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0)).ok_or(ParseError::Empty)?;
    Ok(if from == 0 { raw } else { raw.slice(from..) })
}

/// Folded lines become one line of the same length, so that spans keep their meaning. Copies only when there is a fold.
fn join_folds(raw: Bytes) -> Bytes {
    let mut folds = Vec::new();
    let (mut from, mut line) = (0, 0);
    while let Some(at) = raw.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        let end = from.saturating_add(at);
        // An empty line ends the headers; the start line cannot be continued by a fold that would change its meaning.
        let empty = raw.get(from..end).is_none_or(|text| text.is_empty() || text == b"\r");
        if empty {
            break;
        }
        line += 1;
        if line > 1 && matches!(raw.get(end.saturating_add(1)), Some(b' ' | b'\t')) {
            folds.push(end);
        }
        from = end.saturating_add(1);
    }
    if folds.is_empty() {
        return raw;
    }
    let mut copy = raw.to_vec();
    for end in folds {
        if let Some(byte) = copy.get_mut(end) {
            *byte = b' ';
        }
        if let Some(byte @ b'\r') = end.checked_sub(1).and_then(|before| copy.get_mut(before)) {
            *byte = b' ';
        }
    }
    Bytes::from(copy)
}

struct Lines<'a> {
    text: &'a [u8],
    position: usize,
}

impl Lines<'_> {
    /// Range of the next line without its end; none after the last line end.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        let from = self.position;
        let at = memchr::memchr(b'\n', self.text.get(from..)?)?;
        let end = from.saturating_add(at);
        self.position = end.saturating_add(1);
        let cr = end.checked_sub(1).filter(|before| *before >= from && self.text.get(*before) == Some(&b'\r'));
        Some((from, cr.unwrap_or(end)))
    }
}

fn start_line(raw: &[u8], from: usize, to: usize, defect: &mut Option<Defect>) -> Result<Start, ParseError> {
    let line = raw.get(from..to).ok_or(ParseError::StartLine)?;
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let (Some(first), Some(second), third) = (words.next(), words.next(), words.next()) else {
        return Err(ParseError::StartLine);
    };
    let is_version = |word: &[u8]| word.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"SIP/"));
    let after_first = from.saturating_add(first.len()).saturating_add(1);
    if is_version(first) {
        let code = number(second, 999).filter(|code| *code >= 100 && second.len() == 3).ok_or(ParseError::StartLine)?;
        if !first.eq_ignore_ascii_case(b"SIP/2.0") {
            note(defect, Defect::Version);
        }
        let reason_from = after_first.saturating_add(second.len()).saturating_add(1).min(to);
        return Ok(Start::Response { code: code as u16, reason: Span { start: reason_from as u32, end: to as u32 } });
    }
    // The version is behind the last blank, so that a URI with blanks is still a request (and answered 400).
    let last = line.iter().rposition(|byte| *byte == b' ').ok_or(ParseError::StartLine)?;
    let version = line.get(last.saturating_add(1)..).unwrap_or_default();
    let method = Method::from_bytes(first).ok_or(ParseError::StartLine)?;
    if third.is_none() || !is_version(version) {
        return Err(ParseError::StartLine);
    }
    let uri_to = from.saturating_add(last).max(after_first);
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        note(defect, Defect::Version);
    }
    let uri = raw.get(after_first..uri_to).unwrap_or_default();
    if uri.is_empty() || uri.iter().any(|byte| *byte <= b' ' || matches!(byte, b'<' | b'>' | b'"' | 0x7f)) {
        note(defect, Defect::RequestUri);
    }
    Ok(Start::Request { method, uri: Span { start: after_first as u32, end: uri_to as u32 } })
}

fn field(raw: &[u8], from: usize, to: usize) -> Option<Field> {
    let line = raw.get(from..to)?;
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?;
    let kept = name.len() - name.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let name = name.get(..kept)?;
    if !is_token(name) {
        return None;
    }
    let value = line.get(colon.saturating_add(1)..)?;
    let span = span_of(raw, trim(value)).unwrap_or(Span { start: to as u32, end: to as u32 });
    Some(Field {
        id: HeaderId::of(name),
        name: Span { start: from as u32, end: from.saturating_add(kept) as u32 },
        value: span,
    })
}

/// Where a sub-slice lies in the whole; none for slices of something else (an empty constant).
fn span_of(whole: &[u8], part: &[u8]) -> Option<Span> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(Span { start: start as u32, end: end as u32 })
}

fn core(message: &Message, defect: &mut Option<Defect>) -> Core {
    let raw: &[u8] = &message.raw;
    let mut core = Core::default();
    for id in [HeaderId::From, HeaderId::To, HeaderId::CallId, HeaderId::CSeq, HeaderId::MaxForwards] {
        let mut values = message.values(id);
        if values.next().is_none() {
            // RFC 2543 callers send no Max-Forwards.
            if id != HeaderId::MaxForwards {
                note(defect, Defect::Missing(id));
            }
        } else if values.next().is_some() {
            note(defect, Defect::Doubled(id));
        }
    }
    match message.value(HeaderId::Via).map(|value| Pieces::new(value, b',').next()) {
        None => note(defect, Defect::Missing(HeaderId::Via)),
        Some(value) => match value.and_then(|value| Some((value, Via::parse(value)?))) {
            None => note(defect, Defect::Malformed(HeaderId::Via)),
            Some((value, via)) => {
                core.via = span_of(raw, value).unwrap_or_default();
                core.sent_by = span_of(raw, via.sent_by).unwrap_or_default();
                core.branch = via.branch().and_then(|branch| span_of(raw, branch));
            }
        },
    }
    for (id, tag) in [(HeaderId::From, &mut core.from_tag), (HeaderId::To, &mut core.to_tag)] {
        match message.value(id).map(NameAddr::parse) {
            None => {}
            Some(None) => note(defect, Defect::Malformed(id)),
            Some(Some(address)) => *tag = address.tag().and_then(|tag| span_of(raw, tag)),
        }
    }
    if let Some(value) = message.value(HeaderId::CallId) {
        core.call_id = span_of(raw, value).unwrap_or_default();
        if value.is_empty() || value.iter().any(|byte| *byte <= b' ') {
            note(defect, Defect::Malformed(HeaderId::CallId));
        }
    }
    if let Some(value) = message.value(HeaderId::CSeq) {
        match CSeq::parse(value) {
            None => note(defect, Defect::Malformed(HeaderId::CSeq)),
            Some(cseq) => {
                if message.method().is_some_and(|method| *method != cseq.method) {
                    note(defect, Defect::MethodMismatch);
                }
                core.cseq = cseq.number;
                core.cseq_method = Some(cseq.method);
            }
        }
    }
    if let Some(value) = message.value(HeaderId::MaxForwards)
        && number(value, 255).is_none()
    {
        note(defect, Defect::Malformed(HeaderId::MaxForwards));
    }
    core
}

fn body_length(message: &Message, framing: Framing) -> Result<usize, Defect> {
    let available = (message.body.end as usize).saturating_sub(message.body.start as usize);
    match stated_length(message.values(HeaderId::ContentLength), MOST_BYTES as u32)? {
        Some(length) if framing == Framing::Datagram && length > MOST_DATAGRAM_BODY as usize => {
            Err(Defect::ContentLength)
        }
        Some(length) if length > available => Err(Defect::ContentLength),
        Some(length) => Ok(length),
        None if framing == Framing::Stream => Ok(0),
        None => Ok(available),
    }
}

/// The one length that all given values agree on.
pub(super) fn stated_length<'a>(values: impl Iterator<Item = &'a [u8]>, most: u32) -> Result<Option<usize>, Defect> {
    let mut stated = None;
    for value in values {
        let length = number(trim(value), most).ok_or(Defect::ContentLength)?;
        if stated.is_some_and(|before| before != length) {
            return Err(Defect::ContentLength);
        }
        stated = Some(length);
    }
    Ok(stated.map(|length| length as usize))
}
