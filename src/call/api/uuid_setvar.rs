//! `uuid_setvar`: sets a variable of a channel; without a value it is removed.

use super::{ApiContext, ApiFunction};
use crate::words::expand::split;

/// The command.
pub(super) struct UuidSetvar;

impl ApiFunction for UuidSetvar {
    fn name(&self) -> &'static str {
        "uuid_setvar"
    }

    fn doc(&self) -> &'static str {
        "Sets a variable of a channel; without a value it is removed"
    }

    fn syntax(&self) -> &'static str {
        "<uuid> <var> [value]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split(args, ' ', 3);
        let (uuid, name, value) = match words.as_slice() {
            [uuid, name] => (uuid, name, ""),
            [uuid, name, value] => (uuid, name, value.as_str()),
            _ => return format!("-USAGE: {}\n", self.syntax()),
        };
        let known = context.set_channel_variable(uuid, name, value);
        (if known { "+OK\n" } else { "-ERR No such channel!\n" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("uuid_setvar", "abc name v w", "+OK\n");
        check("uuid_setvar", "abc name", "+OK\n");
        check("uuid_setvar", "none name v", "-ERR No such channel!\n");
        check("uuid_setvar", "abc", "-USAGE: <uuid> <var> [value]\n");
    }
}
