//! `hostname`: name of the machine.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Hostname;

impl ApiFunction for Hostname {
    fn name(&self) -> &'static str {
        "hostname"
    }

    fn doc(&self) -> &'static str {
        "Name of the machine"
    }

    fn syntax(&self) -> &'static str {
        ""
    }

    fn run(&self, context: &mut dyn ApiContext, _args: &str) -> String {
        context.hostname().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("hostname", "", "host.example");
    }
}
