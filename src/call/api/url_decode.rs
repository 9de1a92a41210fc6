//! `url_decode`: the text with %XX decoded.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct UrlDecode;

impl ApiFunction for UrlDecode {
    fn name(&self) -> &'static str {
        "url_decode"
    }

    fn doc(&self) -> &'static str {
        "The text with %XX decoded"
    }

    fn syntax(&self) -> &'static str {
        "<text>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        let mut bytes = Vec::with_capacity(args.len());
        let mut rest = args.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            if let (b'%', [high, low, after @ ..]) = (first, tail)
                && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
            {
                bytes.push((high * 16 + low) as u8);
                rest = after;
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("url_decode", "a%20b%26c", "a b&c");
        check("url_decode", "5%", "5%");
        check("url_decode", "%2f%2F", "//");
        check("url_decode", "%zz%C3%A9", "%zzé");
    }
}
