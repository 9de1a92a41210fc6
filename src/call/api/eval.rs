//! `eval`: the text with its ${} expanded.

use super::{ApiContext, ApiFunction};
use std::borrow::Cow;

use crate::words::expand::{Api, Lookup, expand};

/// The command.
pub(super) struct Eval;

impl ApiFunction for Eval {
    fn name(&self) -> &'static str {
        "eval"
    }

    fn doc(&self) -> &'static str {
        "The text with its ${} expanded"
    }

    fn syntax(&self) -> &'static str {
        "[uuid:<uuid>] <text>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        if let Some(rest) = args.strip_prefix("uuid:") {
            let (uuid, text) = rest.split_once(' ').unwrap_or((rest, ""));
            return of_channel(uuid, text, context);
        }
        match expand(args, context) {
            Ok(text) => text.into_owned(),
            Err(pending) => format!("-ERR {pending}\n"),
        }
    }
}

/// Expands in terms of another channel's event headers: `${variable_name}` and `${Unique-ID}`, not bare names.
fn of_channel(uuid: &str, text: &str, context: &mut dyn ApiContext) -> String {
    if !context.channel_exists(uuid) {
        return "-ERR No such channel!\n".to_owned();
    }
    match expand(text, &mut Headers { uuid, context }) {
        Ok(text) => text.into_owned(),
        Err(pending) => format!("-ERR {pending}\n"),
    }
}

struct Headers<'c> {
    uuid: &'c str,
    context: &'c mut dyn ApiContext,
}

impl Lookup for Headers<'_> {
    fn variable(&self, name: &str, _index: Option<usize>) -> Option<Cow<'_, str>> {
        if name.eq_ignore_ascii_case("Unique-ID") {
            return Some(self.uuid.into());
        }
        let Some(variable) = name.strip_prefix("variable_") else {
            return self.context.channel_header(self.uuid, name).map(Cow::Owned);
        };
        self.context.channel_variable(self.uuid, variable).flatten().map(Cow::Owned)
    }

    fn api(&mut self, name: &str, args: &str) -> Api {
        self.context.api(name, args)
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("eval", "plain text", "plain text");
        check("eval", "${color} costs $5", "blue costs $5");
        check("eval", "<${md5(a)}>", "<0cc175b9c0f1b6a831c399e269772661>");
        check("eval", "a${no_such_function(x)}b", "ab");
        check("eval", "uuid:abc ${variable_name} ${Unique-ID}.", "value abc.");
        check("eval", "uuid:abc ${Caller-Context}/${name}.", "public/.");
        check("eval", "uuid:none ${variable_name}", "-ERR No such channel!\n");
    }
}
