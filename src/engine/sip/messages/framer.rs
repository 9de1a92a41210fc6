//! Cutting a byte stream into messages (RFC 3261 18.3). Pure: bytes in, messages out.

use bytes::{Buf, Bytes, BytesMut};

use super::HeaderId;
use super::parse::stated_length;
use super::scan::trim;

/// Largest header section.
const MOST_HEADER_BYTES: usize = 65_536;

/// The stream cannot be followed any further: answer what can be answered, then close the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No end of headers within 64 kB.
    #[error("header section larger than {MOST_HEADER_BYTES} bytes")]
    HeaderTooLarge,
    /// The body is larger than allowed. `head` is the header section, good for a 513 (see `Stack::on_oversized`).
    #[error("body of {length} bytes is larger than allowed")]
    BodyTooLarge {
        /// Stated length.
        length: usize,
        /// The header section with its empty line.
        head: Bytes,
    },
    /// Content-Length is no number, or two of them differ.
    #[error("Content-Length cannot be read")]
    ContentLength {
        /// The header section with its empty line.
        head: Bytes,
    },
    /// What arrives is no SIP: a line break in the first bytes is missing or control characters come in.
    #[error("not SIP")]
    NotSip,
}

/// Collects bytes of one connection.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    most_body: usize,
    /// Bytes known to hold no end of headers.
    searched: usize,
    /// Length of header section and body once known.
    whole: Option<usize>,
    pings: u32,
}

impl Framer {
    /// Nothing received yet; bodies up to `most_body` bytes.
    pub fn new(most_body: usize) -> Self {
        Self { buffer: BytesMut::new(), most_body: most_body.min(16 * 1024 * 1024), searched: 0, whole: None, pings: 0 }
    }

    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Buffer to read into directly (`read_buf`), instead of [`Framer::push`].
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Bytes that wait for the rest of their message.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Double-CRLF keep-alives seen since the last call (RFC 5626 3.5.1); each wants a CRLF back.
    pub fn pings(&mut self) -> u32 {
        std::mem::take(&mut self.pings)
    }

    /// Takes a single line end that waits: the answer to a keep-alive of ours. False: something else waits, or nothing.
    pub fn take_pong(&mut self) -> bool {
        let pong = self.whole.is_none() && *self.buffer == *b"\r\n";
        if pong {
            self.buffer.clear();
            self.searched = 0;
        }
        pong
    }

    /// The next whole message; none when more bytes are needed. After an error the framer must not be used again.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.whole.is_none() {
            self.skip_keep_alives();
            let Some(head) = self.head_end()? else { return Ok(None) };
            let length = self.body_length(head)?;
            self.whole = Some(head.saturating_add(length));
        }
        match self.whole {
            Some(whole) if self.buffer.len() >= whole => {
                self.whole = None;
                self.searched = 0;
                Ok(Some(self.buffer.split_to(whole).freeze()))
            }
            _ => Ok(None),
        }
    }

    fn skip_keep_alives(&mut self) {
        while self.buffer.starts_with(b"\r\n\r\n") {
            self.pings = self.pings.saturating_add(1);
            self.buffer.advance(4);
        }
        // A single line end may be the first half of a ping, unless something else follows it.
        while let [b'\r' | b'\n', next, ..] = &*self.buffer {
            let half_ping = self.buffer.len() < 4 && b"\r\n\r\n".starts_with(&self.buffer);
            if half_ping || (*next == b'\n' && self.buffer.len() == 2) {
                break;
            }
            self.buffer.advance(1);
            self.searched = 0;
        }
    }

    /// End of the header section, behind its empty line.
    fn head_end(&mut self) -> Result<Option<usize>, FrameError> {
        let mut from = self.searched;
        while let Some(at) = self.buffer.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let end = from.saturating_add(at).saturating_add(1);
            let empty = match self.buffer.get(end..) {
                Some([b'\n', ..]) => Some(end.saturating_add(1)),
                Some([b'\r', b'\n', ..]) => Some(end.saturating_add(2)),
                _ => None,
            };
            if let Some(head) = empty {
                return if head > MOST_HEADER_BYTES { Err(FrameError::HeaderTooLarge) } else { Ok(Some(head)) };
            }
            from = end;
        }
        if self.buffer.len() > MOST_HEADER_BYTES {
            return Err(FrameError::HeaderTooLarge);
        }
        let first_line = self.buffer.iter().position(|byte| *byte == b'\n').unwrap_or(self.buffer.len());
        let binary = |byte: &u8| *byte < b' ' && !matches!(byte, b'\r' | b'\t');
        if self.buffer.get(..first_line).is_some_and(|line| line.iter().any(binary)) {
            return Err(FrameError::NotSip);
        }
        // The last bytes may be part of the end marker.
        self.searched = self.buffer.len().saturating_sub(4);
        Ok(None)
    }

    fn body_length(&self, head: usize) -> Result<usize, FrameError> {
        let section = self.buffer.get(..head).unwrap_or_default();
        let values = section.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let (name, value) = line.split_at_checked(colon)?;
            (HeaderId::of(trim(name)) == HeaderId::ContentLength).then(|| value.get(1..).unwrap_or_default())
        });
        let head_bytes = || Bytes::copy_from_slice(section);
        match stated_length(values, i32::MAX as u32) {
            Ok(Some(length)) if length > self.most_body => Err(FrameError::BodyTooLarge { length, head: head_bytes() }),
            Ok(length) => Ok(length.unwrap_or(0)),
            Err(_) => Err(FrameError::ContentLength { head: head_bytes() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody";
    const B: &str = "BYE sip:b SIP/2.0\r\nVia: x\r\n\r\n";

    fn all(chunks: &[&[u8]]) -> (Vec<String>, u32, Option<FrameError>) {
        let mut framer = Framer::new(100);
        let mut out = Vec::new();
        let mut pings = 0;
        for chunk in chunks {
            framer.push(chunk);
            loop {
                let next = framer.next_message();
                pings += framer.pings();
                match next {
                    Ok(Some(message)) => out.push(String::from_utf8_lossy(&message).into_owned()),
                    Ok(None) => break,
                    Err(error) => return (out, pings, Some(error)),
                }
            }
        }
        (out, pings, None)
    }

    #[test]
    fn any_cut_gives_the_same_messages() {
        let stream = format!("\r\n\r\n{A}\r\n{B}\r\n\r\n{A}");
        let bytes = stream.as_bytes();
        for size in 1..bytes.len() {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            let (messages, pings, error) = all(&chunks);
            assert_eq!((messages, error), (vec![A.to_owned(), B.to_owned(), A.to_owned()], None), "chunks of {size}");
            assert_eq!(pings, 2, "chunks of {size}");
        }
    }

    #[test]
    fn limits() {
        let (_, _, error) = all(&[b"X a SIP/2.0\r\nl: 101\r\n\r\n"]);
        assert!(matches!(error, Some(FrameError::BodyTooLarge { length: 101, .. })));
        let (_, _, error) = all(&[b"X a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n"]);
        assert!(matches!(error, Some(FrameError::ContentLength { .. })));
        let (_, _, error) = all(&[b"X a SIP/2.0\r\nl: 99999999999999999999\r\n\r\n"]);
        assert!(matches!(error, Some(FrameError::ContentLength { .. })));
        let (_, _, error) = all(&[&vec![b'a'; 70_000]]);
        assert_eq!(error, Some(FrameError::HeaderTooLarge));
        let (_, _, error) = all(&[b"\x16\x03\x01\x02\x00\x01\x00"]);
        assert_eq!(error, Some(FrameError::NotSip));
    }

    proptest! {
        #[test]
        fn never_panics(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..8)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let _ = all(&chunks);
        }

        #[test]
        fn line_noise(text in "(\r|\n|\r\n|A b SIP/2.0\r\n|l: 3\r\n|:){0,20}") {
            let _ = all(&[text.as_bytes()]);
        }
    }
}
