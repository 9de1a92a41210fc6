//! `url_encode`: the text with everything unsafe in a URL as %XX.

use super::{ApiContext, ApiFunction};
use crate::call::event::url_encoded;

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
        url_encoded(args)
    }
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
