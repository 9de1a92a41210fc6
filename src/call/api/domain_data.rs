//! `domain_data`: an entry of a domain of the directory.

use super::UserField;
use super::{ApiContext, ApiFunction};
use crate::words::expand::split_unlimited;

/// The command.
pub(super) struct DomainData;

impl ApiFunction for DomainData {
    fn name(&self) -> &'static str {
        "domain_data"
    }

    fn doc(&self) -> &'static str {
        "An entry of a domain of the directory"
    }

    fn syntax(&self) -> &'static str {
        "<domain> attr|var|param <name>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split_unlimited(args, ' ');
        let [domain, kind, name] = words.as_slice() else { return String::new() };
        let field = match kind.as_str() {
            "attr" => UserField::Attribute,
            "var" => UserField::Variable,
            "param" => UserField::Param,
            _ => return String::new(),
        };
        context.directory().domain_field(domain, field, name).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("domain_data", "example.com attr name", "example.com");
        check("domain_data", "example.com var nothing", "");
        check("domain_data", "nowhere.test attr name", "");
        check("domain_data", "example.com frob x", "");
        check("domain_data", "", "");
    }
}
