//! `regex`: matches a pattern; with a replacement, expands its groups.
//!
//! The pattern may take any form a dialplan's may: `^1(.*)$`, `/expr/i`, `_NXX`. A pattern that cannot be used matches nothing.
//! Groups in the replacement are written `%1` or `$1`.

use super::{ApiContext, ApiFunction};
use crate::words::expand::split;
use crate::words::pattern::Pattern;

/// The command.
pub(super) struct Regex;

impl ApiFunction for Regex {
    fn name(&self) -> &'static str {
        "regex"
    }

    fn doc(&self) -> &'static str {
        "Matches a pattern; with a replacement, expands its groups"
    }

    fn syntax(&self) -> &'static str {
        "[m:<delim>]<subject>|<pattern>[|<replacement>[|n|b]]"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        let (list, delimiter) = delimiter(args);
        let parts = split(list, delimiter, 4);
        let [subject, pattern, rest @ ..] = parts.as_slice() else { return "-ERR".to_owned() };
        let groups = Pattern::new(pattern).groups(subject).ok().flatten();
        match (rest, groups) {
            ([], groups) => groups.is_some().to_string(),
            ([replacement, ..], Some(groups)) => groups.substitute(&replacement.replace('%', "$"), subject),
            ([_, flags], None) if flags.contains('n') => String::new(),
            ([_, flags], None) if flags.contains('b') => "false".to_owned(),
            (_, None) => subject.clone(),
        }
    }
}

/// `m:X` in front picks the delimiter.
fn delimiter(args: &str) -> (&str, char) {
    let Some(after) = args.strip_prefix("m:") else { return (args, '|') };
    let mut chars = after.chars();
    match chars.next() {
        Some(delimiter) => (chars.as_str(), delimiter),
        None => (args, '|'),
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("regex", "foobar|^bar", "false");
        check("regex", "foobar|bar", "true");
        check("regex", "foobar|^foo(.*)$|%1", "bar");
        check("regex", "foobar|^foo(.*)$|$1", "bar");
        check("regex", "zzz|^foo(.*)$|%1", "zzz");
        check("regex", "zzz|^foo(.*)$|%1|n", "");
        check("regex", "zzz|^foo(.*)$|%1|b", "false");
        check("regex", "m:/foobar/bar$", "true");
        check("regex", r"15551234|^1(\d{3})(\d+)$|%2-%1", "1234-555");
        check("regex", "foobar", "-ERR");
        check("regex", "foo|((", "false");
        check("regex", "foobar|^foo(.*)$|x%1y|n", "xbary");
        check("regex", "m:~a|b~a.b", "true");
    }
}
