//! Requests out of a stream of bytes.

/// Longest command with its headers, bytes.
const MAX_HEAD: usize = 10 << 20;
/// Longest body, bytes.
const MAX_BODY: usize = 16 << 20;

/// What a client asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The first line.
    pub command: String,
    /// Name and value of the lines that follow, as written.
    pub headers: Vec<(String, String)>,
    /// What follows the blank line.
    pub body: Option<String>,
}

impl Request {
    /// The first header of a name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Every value of a name, in any case.
    pub fn all<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn read(lines: &[String]) -> Self {
        let command = lines.first().cloned().unwrap_or_default();
        let header = |line: &String| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim_start_matches(' ').to_owned()))
        };
        Self { command, headers: lines.iter().skip(1).filter_map(header).collect(), body: None }
    }

    /// Bytes of body that the headers announce. As in C, digits count as far as they go.
    fn announced(&self) -> Result<usize, Refused> {
        let Some(text) = self.header("Content-Length").map(str::trim) else { return Ok(0) };
        if text.starts_with('-') {
            return Err(Refused::Body);
        }
        let digits: String = text.trim_start_matches('+').chars().take_while(char::is_ascii_digit).collect();
        match digits.parse::<usize>() {
            Ok(length) if length <= MAX_BODY => Ok(length),
            Err(_) if digits.is_empty() => Ok(0),
            _ => Err(Refused::Body),
        }
    }
}

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The command and its headers are longer than 10 MiB.
    #[error("a request without end")]
    Head,
    /// `Content-Length` is negative or beyond 16 MiB.
    #[error("a body of that length is not taken")]
    Body,
}

/// Bytes in, requests out. Each byte is looked at once.
#[derive(Debug, Default)]
pub struct Requests {
    buffer: Vec<u8>,
    /// Where the present line begins, and how far it was searched for its end.
    line: usize,
    searched: usize,
    lines: Vec<String>,
    /// A request that waits for so many bytes of body.
    waiting: Option<(Request, usize)>,
}

impl Requests {
    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a request has begun and is not complete.
    pub fn is_partial(&self) -> bool {
        self.waiting.is_some() || !self.lines.is_empty() || self.line < self.buffer.len()
    }

    /// The next complete request; none: more bytes are needed.
    pub fn take(&mut self) -> Result<Option<Request>, Refused> {
        if self.waiting.is_none() {
            let Some(lines) = self.head()? else { return Ok(None) };
            let request = Request::read(&lines);
            let length = request.announced()?;
            self.waiting = Some((request, length));
        }
        let Some((_, length)) = &self.waiting else { return Ok(None) };
        let length = *length;
        let Some(body) = self.buffer.get(self.line..self.line.saturating_add(length)) else { return Ok(None) };
        let body = (length > 0).then(|| String::from_utf8_lossy(body).into_owned());
        self.buffer.drain(..self.line.saturating_add(length));
        (self.line, self.searched) = (0, 0);
        Ok(self.waiting.take().map(|(request, _)| Request { body, ..request }))
    }

    /// The lines up to a blank one.
    fn head(&mut self) -> Result<Option<Vec<String>>, Refused> {
        loop {
            let unseen = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(at) = memchr::memchr(b'\n', unseen) else {
                self.searched = self.buffer.len();
                return if self.buffer.len() > MAX_HEAD { Err(Refused::Head) } else { Ok(None) };
            };
            let end = self.searched.saturating_add(at);
            let line = self.buffer.get(self.line..end).unwrap_or_default();
            let text = String::from_utf8_lossy(line).trim_matches('\r').to_owned();
            self.line = end.saturating_add(1);
            self.searched = self.line;
            match (text.is_empty(), self.lines.is_empty()) {
                (false, _) => self.lines.push(text),
                (true, false) => return Ok(Some(std::mem::take(&mut self.lines))),
                (true, true) => {}
            }
            if end > MAX_HEAD {
                return Err(Refused::Head);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(chunks: &[&[u8]]) -> Vec<Request> {
        let mut requests = Requests::default();
        let mut found = Vec::new();
        for chunk in chunks {
            requests.feed(chunk);
            while let Some(request) = requests.take().unwrap() {
                found.push(request);
            }
        }
        found
    }

    #[test]
    fn commands_headers_bodies() {
        let bytes =
            b"\n\r\nsendevent CUSTOM\r\nEvent-Subclass:   a::b\nno colon\nContent-Length: 6\n\nbo\n\ndyapi x\n\n";
        let found = all(&[bytes]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].command, "sendevent CUSTOM");
        assert_eq!(found[0].header("event-subclass"), Some("a::b"));
        assert_eq!((found[0].headers.len(), found[0].body.as_deref()), (2, Some("bo\n\ndy")));
        assert_eq!((found[1].command.as_str(), found[1].body.as_deref()), ("api x", None));
    }

    #[test]
    fn lengths_that_are_refused() {
        for (value, refused) in [
            ("-1", true),
            ("16777217", true),
            ("99999999999999999999999999", true),
            ("0", false),
            ("abc", false),
            ("", false),
        ] {
            let mut requests = Requests::default();
            requests.feed(format!("api x\nContent-Length: {value}\n\n").as_bytes());
            assert_eq!(requests.take().is_err(), refused, "{value}");
        }
    }

    #[test]
    fn a_request_without_end_is_refused() {
        let mut requests = Requests::default();
        requests.feed(b"api ");
        let chunk = vec![b'x'; 1 << 20];
        let mut refused = None;
        for _ in 0..12 {
            requests.feed(&chunk);
            refused = refused.or(requests.take().err());
        }
        assert_eq!(refused, Some(Refused::Head));
        let mut requests = Requests::default();
        let mut refused = None;
        for _ in 0..(1 << 20) {
            requests.feed(b"a: b cdefghijk\n");
            refused = refused.or(requests.take().err());
            if refused.is_some() {
                break;
            }
        }
        assert_eq!(refused, Some(Refused::Head), "headers without end");
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..9) {
            let bytes: Vec<u8> = bytes.into_iter().chain(*b"\n\napi x\nContent-Length: 3\n\nabc").collect();
            let mut whole = Requests::default();
            whole.feed(&bytes);
            let mut pieces = Requests::default();
            let mut found = Vec::new();
            for chunk in bytes.chunks(size) {
                pieces.feed(chunk);
                while let Ok(Some(request)) = pieces.take() {
                    found.push(request);
                }
            }
            let mut expected = Vec::new();
            while let Ok(Some(request)) = whole.take() {
                expected.push(request);
            }
            prop_assert_eq!(found, expected);
        }
    }
}
