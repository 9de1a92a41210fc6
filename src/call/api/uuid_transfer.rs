//! `uuid_transfer`: transfers a channel.
//!
//! Not here: `-bleg` and `-both`.

use super::{ApiContext, ApiFunction};
use crate::call::control::Order;
use crate::words::expand::split;

/// The command.
pub(super) struct UuidTransfer;

impl ApiFunction for UuidTransfer {
    fn name(&self) -> &'static str {
        "uuid_transfer"
    }

    fn doc(&self) -> &'static str {
        "Transfers a channel"
    }

    fn syntax(&self) -> &'static str {
        "<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words = split(args, ' ', 5);
        let named = |at: usize| words.get(at).filter(|text| !text.is_empty()).cloned();
        let (Some(uuid), Some(extension)) = (named(0), named(1)) else {
            return format!("-USAGE: {}\n", self.syntax());
        };
        if extension.starts_with('-') {
            return format!("-ERR {extension} is not available yet\n");
        }
        let told = context.order(&uuid, Order::Transfer { extension, dialplan: named(2), context: named(3) });
        (if told { "+OK\n" } else { "-ERR No such channel!\n" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::{check, orders};
    use crate::call::control::Order;

    #[test]
    fn examples() {
        check("uuid_transfer", "abc 1000 XML default", "+OK\n");
        check("uuid_transfer", "none 1000", "-ERR No such channel!\n");
        check("uuid_transfer", "abc", "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n");
        check("uuid_transfer", "abc -bleg 1000", "-ERR -bleg is not available yet\n");
        let order = Order::Transfer { extension: "1".into(), dialplan: Some("XML".into()), context: None };
        assert_eq!(orders("uuid_transfer", "abc 1 XML"), [order]);
    }
}
