//! `uuid_break`: breaks what a channel plays or waits for.

use super::{ApiContext, ApiFunction};
use crate::call::control::Order;
use crate::words::expand::split;

/// The command.
pub(super) struct UuidBreak;

impl ApiFunction for UuidBreak {
    fn name(&self) -> &'static str {
        "uuid_break"
    }

    fn doc(&self) -> &'static str {
        "Breaks what a channel plays or waits for"
    }

    fn syntax(&self) -> &'static str {
        "<uuid> [all]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split(args, ' ', 2);
        let Some(uuid) = words.first().filter(|uuid| !uuid.is_empty()) else {
            return format!("-USAGE: {}\n", self.syntax());
        };
        let told = context.order(uuid, Order::Break);
        (if told { "+OK\n" } else { "-ERR No such channel!\n" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::{check, orders};
    use crate::call::control::Order;

    #[test]
    fn examples() {
        check("uuid_break", "abc", "+OK\n");
        check("uuid_break", "abc all", "+OK\n");
        check("uuid_break", "none", "-ERR No such channel!\n");
        check("uuid_break", "", "-USAGE: <uuid> [all]\n");
        assert_eq!(orders("uuid_break", "abc"), [Order::Break]);
    }
}
