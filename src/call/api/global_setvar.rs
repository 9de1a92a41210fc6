//! `global_setvar`: sets a global variable; without a value it is removed.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct GlobalSetvar;

impl ApiFunction for GlobalSetvar {
    fn name(&self) -> &'static str {
        "global_setvar"
    }

    fn doc(&self) -> &'static str {
        "Sets a global variable; without a value it is removed"
    }

    fn syntax(&self) -> &'static str {
        "<name>=<value>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let (name, value) = args.split_once('=').unwrap_or((args, ""));
        context.set_global(name, value);
        "+OK".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("global_setvar", "color=red", "+OK");
        check("global_setvar", "bare", "+OK");
    }
}
