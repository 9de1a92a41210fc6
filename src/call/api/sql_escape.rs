//! `sql_escape`: the text with quotes doubled, for an SQL string.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct SqlEscape;

impl ApiFunction for SqlEscape {
    fn name(&self) -> &'static str {
        "sql_escape"
    }

    fn doc(&self) -> &'static str {
        "The text with quotes doubled, for an SQL string"
    }

    fn syntax(&self) -> &'static str {
        "<text>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        args.replace('\'', "''")
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("sql_escape", "50%", "50%");
        check("sql_escape", "it's", "it''s");
    }
}
