//! `group_call`: the dial string of a group of the directory.
//!
//! Each member stands for its `group-dial-string` or `dial-string`, expanded with `dialed_user` and `dialed_domain`, else
//! for `user/<id>@<domain>`. `+F` tries one after another, `+A` (the default) all at once, `+E` all as calls of their own.
//! A group that does not exist, or is empty, gives `error/NO_ROUTE_DESTINATION`.

use std::borrow::Cow;

use super::{ApiContext, ApiFunction};
use crate::words::expand::{Api, Lookup, expand};

/// What a group without members gives: dialling it ends in NO_ROUTE_DESTINATION.
const EMPTY: &str = "error/NO_ROUTE_DESTINATION";

/// The command.
pub(super) struct GroupCall;

impl ApiFunction for GroupCall {
    fn name(&self) -> &'static str {
        "group_call"
    }

    fn doc(&self) -> &'static str {
        "The dial string of a group of the directory"
    }

    fn syntax(&self) -> &'static str {
        "<group>[@<domain>][+<A|E|F>]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let (address, flag) = args.rsplit_once('+').map_or((args, "A"), |(address, flag)| (address, flag.trim()));
        let (group, domain) = match address.split_once('@') {
            Some((group, domain)) => (group, domain.to_owned()),
            None => (address, context.directory().default_domain().to_owned()),
        };
        let members = context.directory().members(group, &domain).unwrap_or_default();
        let separator = match flag {
            flag if flag.eq_ignore_ascii_case("F") => "|",
            flag if flag.eq_ignore_ascii_case("E") => ":_:",
            _ => ",",
        };
        let legs: Vec<String> = members
            .into_iter()
            .map(|(id, dial_string)| match dial_string {
                None => format!("user/{id}@{domain}"),
                Some(dial_string) => {
                    let dialed = [("dialed_user", &*id), ("dialed_domain", &*domain), ("dialed_group", group)];
                    // What needs waiting for (other channels, shells) has no place in a dial string of the directory.
                    expand(&dial_string, &mut Scope { dialed, context }).map(Cow::into_owned).unwrap_or_default()
                }
            })
            .filter(|leg| !leg.is_empty())
            .collect();
        if legs.is_empty() { EMPTY.to_owned() } else { legs.join(separator) }
    }
}

/// The caller's scope, with the member in front.
struct Scope<'a> {
    dialed: [(&'static str, &'a str); 3],
    context: &'a mut dyn ApiContext,
}

impl Lookup for Scope<'_> {
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        match self.dialed.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, value)) => Some(Cow::Borrowed(value)),
            None => self.context.variable(name, index),
        }
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
        let first = "sofia/internal/sip:1000@192.0.2.1,sofia/internal/sip:1000@192.0.2.2";
        for (args, separator) in [
            ("sales@example.com", ","),
            ("sales", ","),
            ("sales@example.com+A", ","),
            ("sales@example.com+F", "|"),
            ("sales+e", ":_:"),
        ] {
            check("group_call", args, &format!("{first}{separator}user/1001@example.com"));
        }
        check("group_call", "nosuch@example.com", "error/NO_ROUTE_DESTINATION");
        check("group_call", "", "error/NO_ROUTE_DESTINATION");
    }
}
