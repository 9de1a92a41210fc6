//! `replace`: the text with every occurrence replaced.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Replace;

impl ApiFunction for Replace {
    fn name(&self) -> &'static str {
        "replace"
    }

    fn doc(&self) -> &'static str {
        "The text with every occurrence replaced"
    }

    fn syntax(&self) -> &'static str {
        "<text>|<from>|<to>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        let mut parts = args.splitn(3, '|');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(text), Some(from), Some(to)) if !from.is_empty() => text.replace(from, to),
            _ => format!("-USAGE: {}\n", self.syntax()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("replace", "banana|an|X", "bXXa");
        check("replace", "banana|zz|X", "banana");
    }
}
