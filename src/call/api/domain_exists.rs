//! `domain_exists`: whether the directory has the domain.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct DomainExists;

impl ApiFunction for DomainExists {
    fn name(&self) -> &'static str {
        "domain_exists"
    }

    fn doc(&self) -> &'static str {
        "Whether the directory has the domain"
    }

    fn syntax(&self) -> &'static str {
        "<domain>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        (if context.directory().domain_exists(args) { "true" } else { "false" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("domain_exists", "example.com", "true");
        check("domain_exists", "nowhere.test", "false");
        check("domain_exists", "", "false");
    }
}
