//! `strftime`: date and time in the server's zone.

use super::{ApiContext, ApiFunction};
use jiff::Timestamp;

use crate::words::civil::strftime;

/// The command.
pub(super) struct Strftime;

impl ApiFunction for Strftime {
    fn name(&self) -> &'static str {
        "strftime"
    }

    fn doc(&self) -> &'static str {
        "Date and time in the server's zone"
    }

    fn syntax(&self) -> &'static str {
        "[<epoch>|]<format>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let (epoch, format) = epoch_and_format(args);
        let instant = epoch.unwrap_or_else(|| context.now());
        let format = if format.is_empty() { "%Y-%m-%d %T" } else { format };
        strftime(&instant.to_zoned(context.zones().server().clone()), format)
    }
}

/// Takes `epoch|` off a format. The original skips one character after the bar; a format that has a blank there and one
/// that has none are both accepted.
pub(super) fn epoch_and_format(args: &str) -> (Option<Timestamp>, &str) {
    let Some((epoch, format)) = args.split_once('|') else { return (None, args) };
    match epoch.trim().parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()) {
        Some(instant) => (Some(instant), format.strip_prefix(' ').unwrap_or(format)),
        None => (None, args),
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("strftime", "%Y", "2026");
        check("strftime", "1000000000| %Y-%m-%d", "2001-09-09");
        check("strftime", "86400|%Y-%m-%d", "1970-01-02");
        check("strftime", "a%%b", "a%b");
        check("strftime", "", "2026-11-25 13:05:09");
    }
}
