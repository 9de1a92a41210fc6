//! `in_group`: whether the user is a member of the group.
//!
//! The original answers `false` for groups of the static directory; here the group's members decide.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct InGroup;

impl ApiFunction for InGroup {
    fn name(&self) -> &'static str {
        "in_group"
    }

    fn doc(&self) -> &'static str {
        "Whether the user is a member of the group"
    }

    fn syntax(&self) -> &'static str {
        "<user>[@<domain>] <group>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let Some((user, group)) = args.split_once(' ') else { return "false".to_owned() };
        let (user, domain) = match user.split_once('@') {
            Some((user, domain)) => (user, Some(domain)),
            None => (user, None),
        };
        (if context.directory().in_group(user, domain, group.trim()) { "true" } else { "false" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("in_group", "1000@example.com sales", "true");
        check("in_group", "1000 sales", "true");
        check("in_group", "1001@example.com sales", "false");
        check("in_group", "", "false");
    }
}
