//! `uuid_exists`: whether a channel lives.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct UuidExists;

impl ApiFunction for UuidExists {
    fn name(&self) -> &'static str {
        "uuid_exists"
    }

    fn doc(&self) -> &'static str {
        "Whether a channel lives"
    }

    fn syntax(&self) -> &'static str {
        "<uuid>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        (if context.channel_exists(args) { "true" } else { "false" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("uuid_exists", "abc", "true");
        check("uuid_exists", "none", "false");
        check("uuid_exists", "", "false");
    }
}
