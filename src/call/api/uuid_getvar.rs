//! `uuid_getvar`: a variable of a channel.

use super::{ApiContext, ApiFunction};
use crate::words::expand::split;

/// The command.
pub(super) struct UuidGetvar;

impl ApiFunction for UuidGetvar {
    fn name(&self) -> &'static str {
        "uuid_getvar"
    }

    fn doc(&self) -> &'static str {
        "A variable of a channel"
    }

    fn syntax(&self) -> &'static str {
        "<uuid> <var>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split(args, ' ', 2);
        let [uuid, name] = words.as_slice() else { return format!("-USAGE: {}\n", self.syntax()) };
        match context.channel_variable(uuid, name) {
            Some(Some(value)) => value,
            Some(None) => "_undef_".to_owned(),
            None => "-ERR No such channel!\n".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("uuid_getvar", "abc name", "value");
        check("uuid_getvar", "abc other", "_undef_");
        check("uuid_getvar", "none name", "-ERR No such channel!\n");
        check("uuid_getvar", "abc", "-USAGE: <uuid> <var>\n");
        check("uuid_getvar", "", "-USAGE: <uuid> <var>\n");
    }
}
