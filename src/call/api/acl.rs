//! `acl`: whether an access list lets an address in.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Acl;

impl ApiFunction for Acl {
    fn name(&self) -> &'static str {
        "acl"
    }

    fn doc(&self) -> &'static str {
        "Says whether an access list lets an address in"
    }

    fn syntax(&self) -> &'static str {
        "<ip> <list_name>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let mut words = args.split_whitespace();
        let (Some(ip), Some(list)) = (words.next(), words.next()) else { return "false".to_owned() };
        ip.parse().is_ok_and(|ip| context.directory().access_allows(list, ip)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("acl", "127.0.0.1 loopback.auto", "true");
        check("acl", "8.8.8.8 loopback.auto", "false");
        check("acl", "x loopback.auto", "false");
        check("acl", "", "false");
    }
}
