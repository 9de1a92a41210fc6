//! `tolower`: the text in lower case (ASCII letters).

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Tolower;

impl ApiFunction for Tolower {
    fn name(&self) -> &'static str {
        "tolower"
    }

    fn doc(&self) -> &'static str {
        "The text in lower case (ASCII letters)"
    }

    fn syntax(&self) -> &'static str {
        "<text>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        args.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("tolower", "ABC Def9", "abc def9");
    }
}
