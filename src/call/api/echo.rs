//! `echo`: the text itself.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Echo;

impl ApiFunction for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn doc(&self) -> &'static str {
        "The text itself"
    }

    fn syntax(&self) -> &'static str {
        "<text>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        args.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("echo", "a  b", "a  b");
        check("echo", "", "");
    }
}
