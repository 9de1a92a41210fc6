//! `module_exists`: whether the switch has what FreeSWITCH calls a module of this name.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct ModuleExists;

impl ApiFunction for ModuleExists {
    fn name(&self) -> &'static str {
        "module_exists"
    }

    fn doc(&self) -> &'static str {
        "Whether the switch has what FreeSWITCH calls a module of this name"
    }

    fn syntax(&self) -> &'static str {
        "<module>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        if args.is_empty() {
            return String::new();
        }
        (if context.module_exists(args) { "true" } else { "false" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("module_exists", "mod_sofia", "true");
        check("module_exists", "mod_nosuch", "false");
        check("module_exists", "", "");
    }
}
