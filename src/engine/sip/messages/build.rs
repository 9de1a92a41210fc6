//! Writing messages: order and spelling as given, CRLF line ends, Content-Length always, no header injection.

use bytes::Bytes;

use super::super::command::{Body, Headers};
use super::HeaderId;
use super::scan::is_token;

/// Headers that only the stack writes.
pub(crate) const fn is_own(id: HeaderId) -> bool {
    matches!(
        id,
        HeaderId::Via
            | HeaderId::From
            | HeaderId::To
            | HeaderId::CallId
            | HeaderId::CSeq
            | HeaderId::Route
            | HeaderId::RecordRoute
            | HeaderId::ContentLength
    )
}

/// A message being written.
#[derive(Debug)]
pub struct Builder {
    out: Vec<u8>,
}

impl Builder {
    /// A request line.
    pub fn request(method: &str, uri: &[u8]) -> Self {
        let mut builder = Self { out: Vec::with_capacity(1024) };
        builder.out.extend_from_slice(method.as_bytes());
        builder.out.push(b' ');
        // A blank or line end in a URI would break the line in two.
        builder.out.extend(uri.iter().filter(|byte| **byte > b' ' && **byte != 0x7f));
        builder.out.extend_from_slice(b" SIP/2.0\r\n");
        builder
    }

    /// A status line.
    pub fn response(code: u16, reason: &str) -> Self {
        let mut builder = Self { out: Vec::with_capacity(1024) };
        builder.out.extend_from_slice(b"SIP/2.0 ");
        builder.out.extend_from_slice(&[
            b'0' + (code / 100 % 10) as u8,
            b'0' + (code / 10 % 10) as u8,
            b'0' + (code % 10) as u8,
            b' ',
        ]);
        builder.clean(reason.as_bytes());
        builder.out.extend_from_slice(b"\r\n");
        builder
    }

    /// Appends a header. Line ends in the value become blanks; a name that is no token drops the header.
    pub fn header(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.pieces(name, &[value.as_ref()])
    }

    /// Appends a header whose value is given in pieces.
    pub fn pieces(&mut self, name: &str, value: &[&[u8]]) -> &mut Self {
        if is_token(name.as_bytes()) {
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b": ");
            for piece in value {
                self.clean(piece);
            }
            self.out.extend_from_slice(b"\r\n");
        }
        self
    }

    /// Appends pairs of a command, leaving out those that only the stack writes and Content-Type when there is a body.
    pub(crate) fn headers(&mut self, headers: &Headers, body: Option<&Body>) -> &mut Self {
        for (name, value) in headers {
            let id = HeaderId::of(name.as_bytes());
            let replaced = id == HeaderId::ContentType && body.is_some();
            if !replaced && !is_own(id) {
                self.header(name, value);
            }
        }
        self
    }

    /// Ends the message with Content-Type, Content-Length and body.
    pub fn finish(mut self, body: Option<&Body>) -> Bytes {
        let bytes: &[u8] = match body {
            Some(body) => {
                self.header("Content-Type", &body.content_type);
                &body.bytes
            }
            None => &[],
        };
        self.out.extend_from_slice(b"Content-Length: ");
        self.out.extend_from_slice(bytes.len().to_string().as_bytes());
        self.out.extend_from_slice(b"\r\n\r\n");
        self.out.extend_from_slice(bytes);
        Bytes::from(self.out)
    }

    fn clean(&mut self, bytes: &[u8]) {
        self.out.extend(bytes.iter().map(|byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_injected() {
        let mut builder = Builder::request("INFO", b"sip:a\r\nX: y");
        builder.header("X-A", "1\r\nX-B: 2").header("bad name", "x").header("", "x");
        builder.headers(&vec![("v".to_owned(), "x".to_owned()), ("x-C".to_owned(), "ü".to_owned())], None);
        let text = String::from_utf8(builder.finish(None).to_vec()).unwrap();
        assert_eq!(text, "INFO sip:aX:y SIP/2.0\r\nX-A: 1  X-B: 2\r\nx-C: ü\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn status_line_and_body() {
        let text = Builder::response(486, "Busy\nHere")
            .finish(Some(&Body { content_type: "a/b".to_owned(), bytes: Bytes::from_static(b"xyz") }));
        assert_eq!(text, "SIP/2.0 486 Busy Here\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nxyz");
    }
}
