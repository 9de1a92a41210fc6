//! `escape`: a text for a quoted argument: `\\`, `\"` and control letters get a backslash.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Escape;

impl ApiFunction for Escape {
    fn name(&self) -> &'static str {
        "escape"
    }

    fn doc(&self) -> &'static str {
        "Writes a backslash before what a quoted argument cannot hold"
    }

    fn syntax(&self) -> &'static str {
        "<data>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let _ = context;
        let mut text = String::with_capacity(args.len());
        for letter in args.chars() {
            match letter {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '"' | '\\' => {
                    text.push('\\');
                    text.push(letter);
                }
                _ => text.push(letter),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("escape", "a'b", "a'b");
        check("escape", "a\"b", "a\\\"b");
        check("escape", "", "");
    }
}
