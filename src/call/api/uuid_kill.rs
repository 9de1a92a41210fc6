//! `uuid_kill`: hangs a channel up.

use super::{ApiContext, ApiFunction};
use crate::call::control::Order;
use crate::words::expand::split;
use crate::words::model::Cause;

/// The command.
pub(super) struct UuidKill;

impl ApiFunction for UuidKill {
    fn name(&self) -> &'static str {
        "uuid_kill"
    }

    fn doc(&self) -> &'static str {
        "Hangs a channel up"
    }

    fn syntax(&self) -> &'static str {
        "<uuid> [cause]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split(args, ' ', 2);
        let Some(uuid) = words.first().filter(|uuid| !uuid.is_empty()) else {
            return format!("-USAGE: {}\n", self.syntax());
        };
        let cause = words.get(1).map_or(Cause::NORMAL_CLEARING, |text| Cause::parse(text));
        let told = context.order(uuid, Order::Hangup(cause));
        (if told { "+OK\n" } else { "-ERR No such channel!\n" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::{check, orders};
    use crate::call::control::Order;
    use crate::words::model::Cause;

    #[test]
    fn examples() {
        check("uuid_kill", "abc", "+OK\n");
        check("uuid_kill", "none USER_BUSY", "-ERR No such channel!\n");
        check("uuid_kill", "", "-USAGE: <uuid> [cause]\n");
        assert_eq!(orders("uuid_kill", "abc 17"), [Order::Hangup(Cause::USER_BUSY)]);
        assert_eq!(orders("uuid_kill", "abc"), [Order::Hangup(Cause::NORMAL_CLEARING)]);
    }
}
