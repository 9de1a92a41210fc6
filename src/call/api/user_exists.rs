//! `user_exists`: whether a user with this value of the key attribute exists.

use super::{ApiContext, ApiFunction};
use crate::words::expand::split_unlimited;

/// The command.
pub(super) struct UserExists;

impl ApiFunction for UserExists {
    fn name(&self) -> &'static str {
        "user_exists"
    }

    fn doc(&self) -> &'static str {
        "Whether a user with this value of the key attribute exists"
    }

    fn syntax(&self) -> &'static str {
        "<key> <user> <domain>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split_unlimited(args, ' ');
        let [key, user, domain] = words.as_slice() else { return "false".to_owned() };
        (if context.directory().user_exists(key, user, domain) { "true" } else { "false" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("user_exists", "id 1000 example.com", "true");
        check("user_exists", "id 9999 example.com", "false");
        check("user_exists", "id 1000 nowhere.test", "false");
        check("user_exists", "", "false");
    }
}
