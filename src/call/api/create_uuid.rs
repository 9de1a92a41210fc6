//! `create_uuid`: a fresh identifier.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct CreateUuid;

impl ApiFunction for CreateUuid {
    fn name(&self) -> &'static str {
        "create_uuid"
    }

    fn doc(&self) -> &'static str {
        "A fresh identifier"
    }

    fn syntax(&self) -> &'static str {
        ""
    }

    fn run(&self, context: &mut dyn ApiContext, _args: &str) -> String {
        context.uuid()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("create_uuid", "", "00000000-0000-4000-8000-000000000001");
    }
}
