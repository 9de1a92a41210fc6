//! The Call-ID of a datagram, found without reading the message: it decides which shard reads it.

use memchr::memchr;

use crate::engine::sip::HeaderId;

/// Header lines looked at.
const MOST_LINES: usize = 256;

/// Value of the first Call-ID header; none when there is none.
pub(super) fn call_id(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    for number in 0..MOST_LINES {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end)?.trim_ascii();
        if line.is_empty() && number > 0 {
            return None;
        }
        if number > 0
            && let Some(colon) = memchr(b':', line)
            && let Some((name, value)) = line.split_at_checked(colon)
            && matches!(name.first(), Some(b'c' | b'C' | b'i' | b'I'))
            && HeaderId::of(name.trim_ascii()) == HeaderId::CallId
        {
            return Some(value.get(1..)?.trim_ascii());
        }
        rest = rest.get(end.checked_add(1)?..)?;
    }
    None
}

/// Whether a datagram is a keep-alive: nothing but line ends, blanks or zeros.
pub(super) fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn call_ids() {
        for (text, id) in [
            ("INVITE sip:a SIP/2.0\r\nCall-ID: abc@x\r\n\r\n", Some("abc@x")),
            ("SIP/2.0 200 OK\r\nVia: x\r\ni :  1\r\n", Some("1")),
            ("OPTIONS sip:a SIP/2.0\ncall-id:z\n\n", Some("z")),
            ("Call-ID: first-line\r\n\r\n", None),
            ("BYE sip:a SIP/2.0\r\n\r\nCall-ID: body\r\n", None),
            ("Call-Info: x", None),
            ("", None),
        ] {
            assert_eq!(call_id(text.as_bytes()), id.map(str::as_bytes), "{text:?}");
        }
        assert!(is_keep_alive(b"\r\n\r\n") && is_keep_alive(&[0, 0]) && !is_keep_alive(b"\r\nx"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(A b SIP/2.0|\r\n|\n|Call-ID|i|:|x){0,20}") {
            call_id(text.as_bytes());
        }
    }
}
