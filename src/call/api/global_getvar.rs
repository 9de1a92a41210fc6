//! `global_getvar`: a global variable, or all of them.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct GlobalGetvar;

impl ApiFunction for GlobalGetvar {
    fn name(&self) -> &'static str {
        "global_getvar"
    }

    fn doc(&self) -> &'static str {
        "A global variable, or all of them"
    }

    fn syntax(&self) -> &'static str {
        "[<name>]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        if args.is_empty() {
            let mut listing = String::new();
            for (name, value) in context.globals() {
                listing.extend([&name, "=", &value, "\n"]);
            }
            return listing;
        }
        context.global(args).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("global_getvar", "color", "blue");
        check("global_getvar", "unset", "");
        check("global_getvar", "", "color=blue\n");
    }
}
