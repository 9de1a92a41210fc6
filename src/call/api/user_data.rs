//! `user_data`: an entry of a user of the directory.

use super::UserField;
use super::{ApiContext, ApiFunction};
use crate::words::expand::split_unlimited;

/// The command.
pub(super) struct UserData;

impl ApiFunction for UserData {
    fn name(&self) -> &'static str {
        "user_data"
    }

    fn doc(&self) -> &'static str {
        "An entry of a user of the directory"
    }

    fn syntax(&self) -> &'static str {
        "<user>@<domain> attr|var|param <name>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split_unlimited(args, ' ');
        let [user, kind, name] = words.as_slice() else { return String::new() };
        let field = match kind.as_str() {
            "attr" => UserField::Attribute,
            "var" => UserField::Variable,
            "param" => UserField::Param,
            _ => return String::new(),
        };
        let Some((user, domain)) = user.split_once('@') else { return String::new() };
        context.directory().user_field(user, domain, field, name).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("user_data", "1000@example.com var accountcode", "1000");
        check("user_data", "1000@example.com param password", "secret");
        check("user_data", "1000@example.com attr id", "1000");
        check("user_data", "1000@example.com frob x", "");
        check("user_data", "9999@example.com var accountcode", "");
        check("user_data", "", "");
    }
}
