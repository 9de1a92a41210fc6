//! `url_encode`: the text with everything unsafe in a URL as %XX.

use super::{ApiContext, ApiFunction};
use std::fmt::Write;

/// The command.
pub(super) struct UrlEncode;

impl ApiFunction for UrlEncode {
    fn name(&self) -> &'static str {
        "url_encode"
    }

    fn doc(&self) -> &'static str {
        "The text with everything unsafe in a URL as %XX"
    }

    fn syntax(&self) -> &'static str {
        "<text>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        let mut out = String::with_capacity(args.len());
        for (at, byte) in args.bytes().enumerate() {
            if is_safe(byte) || (byte == b'%' && is_encoded(args, at)) {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02X}").ok();
            }
        }
        out
    }
}

fn is_safe(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"#%&+:;<=>?@[\\]^`{|}\"".contains(&byte)
}

/// What is encoded already is not encoded again.
fn is_encoded(text: &str, at: usize) -> bool {
    let digit = |b: &u8| matches!(b, b'0'..=b'9' | b'A'..=b'F');
    text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(digit))
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("url_encode", "a b&c=d/e?f", "a%20b%26c%3Dd/e%3Ff");
        check("url_encode", "a+b:c@d", "a%2Bb%3Ac%40d");
        check("url_encode", "", "");
        check("url_encode", "100% %2F é", "100%25%20%2F%20%C3%A9");
    }
}
