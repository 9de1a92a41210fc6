//! `uuid_transfer`: transfers a channel, the one it is bridged with, or both.

use super::{ApiContext, ApiFunction};
use crate::call::control::{Order, Whom};
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
        let whom = match extension.to_ascii_lowercase().as_str() {
            "-bleg" => Whom::Partner,
            "-both" => Whom::Both,
            _ => Whom::Own,
        };
        let (extension, next) = if whom == Whom::Own { (Some(extension), 2) } else { (named(2), 3) };
        let Some(extension) = extension else { return format!("-USAGE: {}\n", self.syntax()) };
        let order = Order::Transfer { extension, dialplan: named(next), context: named(next + 1), whom };
        let told = context.order(&uuid, order);
        (if told { "+OK\n" } else { "-ERR No such channel!\n" }).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::{check, orders};
    use crate::call::control::{Order, Whom};

    #[test]
    fn examples() {
        check("uuid_transfer", "abc 1000 XML default", "+OK\n");
        check("uuid_transfer", "none 1000", "-ERR No such channel!\n");
        check("uuid_transfer", "abc", "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n");
        check("uuid_transfer", "abc -both", "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n");
        for (args, whom) in
            [("abc 1 XML", Whom::Own), ("abc -bleg 1 XML", Whom::Partner), ("abc -both 1 XML", Whom::Both)]
        {
            let order = Order::Transfer { extension: "1".into(), dialplan: Some("XML".into()), context: None, whom };
            assert_eq!(orders("uuid_transfer", args), [order]);
        }
    }
}
