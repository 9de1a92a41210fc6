//! `toupper`: the text in upper case (ASCII letters).

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Toupper;

impl ApiFunction for Toupper {
    fn name(&self) -> &'static str {
        "toupper"
    }

    fn doc(&self) -> &'static str {
        "The text in upper case (ASCII letters)"
    }

    fn syntax(&self) -> &'static str {
        "<text>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        args.to_ascii_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("toupper", "abc Def9é", "ABC DEF9é");
    }
}
