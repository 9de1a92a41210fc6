//! `switchname`: name of the switch.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Switchname;

impl ApiFunction for Switchname {
    fn name(&self) -> &'static str {
        "switchname"
    }

    fn doc(&self) -> &'static str {
        "Name of the switch"
    }

    fn syntax(&self) -> &'static str {
        ""
    }

    fn run(&self, context: &mut dyn ApiContext, _args: &str) -> String {
        context.switchname().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("switchname", "", "switch.example");
    }
}
