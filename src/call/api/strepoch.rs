//! `strepoch`: seconds since 1970 of a date in the server's zone, or now.

use super::{ApiContext, ApiFunction};
use crate::words::civil::Moment;

/// The command.
pub(super) struct Strepoch;

impl ApiFunction for Strepoch {
    fn name(&self) -> &'static str {
        "strepoch"
    }

    fn doc(&self) -> &'static str {
        "Seconds since 1970 of a date in the server's zone, or now"
    }

    fn syntax(&self) -> &'static str {
        "[<date>]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        if args.is_empty() {
            return context.now().as_second().to_string();
        }
        let zone = context.zones().server();
        let today = context.now().to_zoned(zone.clone()).date();
        let seconds = Moment::parse(args)
            .and_then(|moment| zone.to_timestamp(moment.on(today)).ok())
            .map_or(0, jiff::Timestamp::as_second);
        seconds.to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("strepoch", "", "1795611909");
        check("strepoch", "2001-09-09 01:46:40", "1000000000");
        check("strepoch", "nonsense", "0");
    }
}
