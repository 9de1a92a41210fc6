//! `strftime_tz`: date and time in a zone.

use super::strftime::epoch_and_format;
use super::{ApiContext, ApiFunction};
use crate::words::civil::strftime;

/// The command.
pub(super) struct StrftimeTz;

impl ApiFunction for StrftimeTz {
    fn name(&self) -> &'static str {
        "strftime_tz"
    }

    fn doc(&self) -> &'static str {
        "Date and time in a zone"
    }

    fn syntax(&self) -> &'static str {
        "<zone> [<epoch>|]<format>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let (name, rest) = args.split_once(' ').unwrap_or((args, ""));
        let Some(zone) = context.zones().named(name) else {
            return "-ERR Invalid timezone/format\n".to_owned();
        };
        let (epoch, format) = epoch_and_format(rest.trim_start());
        let instant = epoch.filter(|instant| instant.as_second() != 0).unwrap_or_else(|| context.now());
        let format = if format.is_empty() { "%Y-%m-%d %T" } else { format };
        strftime(&instant.to_zoned(zone), format)
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("strftime_tz", "America/New_York 1000000000|%Y-%m-%d %H:%M:%S", "2001-09-08 21:46:40");
        check("strftime_tz", "America/New_York 0|%H", "08");
        check("strftime_tz", "Nowhere/Land %Y", "-ERR Invalid timezone/format\n");
    }
}
