//! Date and time attributes, read once into numbers.
//!
//! All attributes present must hold. The lists have the original's syntax and its oddities: a list ends at the first thing
//! it does not understand, numbers read as 0 where there is none, both ends of a range belong to it, and a range whose
//! start is larger than its end wraps around.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::HuntFacts;
use crate::words::civil::{Moment, Zones};
use crate::words::model::truthy;

/// Names of the attributes.
pub const ATTRIBUTES: &[&str] = &[
    "year",
    "yday",
    "mon",
    "mday",
    "week",
    "mweek",
    "wday",
    "hour",
    "minute",
    "minute-of-day",
    "time-of-day",
    "date-time",
    "tz-offset",
    "dst",
];

/// The date and time attributes of one condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Dates(Vec<Rule>);

/// A clock that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownZone(pub String);

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Number(Unit, Vec<(i64, i64)>),
    Weekday([bool; 8]),
    TimeOfDay(Vec<(i64, i64)>),
    /// `None` ends the list as failed.
    DateTime(Vec<Option<(Moment, Moment)>>),
    Offset(Option<i64>),
    DaylightSaving(bool),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Year,
    DayOfYear,
    Month,
    DayOfMonth,
    Week,
    WeekOfMonth,
    Hour,
    Minute,
    MinuteOfDay,
}

impl Dates {
    /// Reads the attributes; `None` when there are none.
    pub(super) fn read<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let rules: Vec<Rule> = attributes.filter_map(|(name, value)| Rule::read(name, value)).collect();
        (!rules.is_empty()).then_some(Self(rules))
    }

    /// Whether all of them hold now.
    pub(super) fn hold(&self, facts: &dyn HuntFacts, zones: &Zones) -> Result<bool, UnknownZone> {
        let now = facts.now();
        let server = now.to_zoned(zones.server().clone());
        let mut chosen: Option<Zoned> = None;
        for rule in &self.0 {
            let clock = if rule.uses_server_clock() {
                &server
            } else {
                if chosen.is_none() {
                    chosen = Some(chosen_clock(facts, zones, now)?);
                }
                chosen.as_ref().unwrap_or(&server)
            };
            if !rule.holds(clock) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The clock the attributes are compared with: variable `tod_tz_offset` in whole hours, else variable `timezone`, else the
/// server's zone.
fn chosen_clock(facts: &dyn HuntFacts, zones: &Zones, now: Timestamp) -> Result<Zoned, UnknownZone> {
    if let Some(hours) = facts.variable("tod_tz_offset", None).and_then(|text| plain_number(&text)) {
        let hours = i8::try_from(hours.clamp(-25, 25)).unwrap_or(0);
        if let Ok(offset) = Offset::from_hours(hours) {
            return Ok(now.to_zoned(TimeZone::fixed(offset)));
        }
    }
    match facts.variable("timezone", None) {
        Some(name) => match zones.named(&name) {
            Some(zone) => Ok(now.to_zoned(zone)),
            None => Err(UnknownZone(name.into_owned())),
        },
        None => Ok(now.to_zoned(zones.server().clone())),
    }
}

/// The integer part of a text of sign, digits and dots only.
fn plain_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| integer(text.as_bytes()).0)
}

impl Rule {
    fn read(name: &str, value: &str) -> Option<Self> {
        let unit = match name {
            "wday" => return Some(Self::Weekday(weekdays(value))),
            "time-of-day" => return Some(Self::TimeOfDay(times_of_day(value))),
            "date-time" => return Some(Self::DateTime(value.split(',').map(date_range).collect())),
            "tz-offset" => return Some(Self::Offset(plain_number(value))),
            "dst" => return Some(Self::DaylightSaving(truthy(value))),
            "year" => Unit::Year,
            "yday" => Unit::DayOfYear,
            "mon" => Unit::Month,
            "mday" => Unit::DayOfMonth,
            "week" => Unit::Week,
            "mweek" => Unit::WeekOfMonth,
            "hour" => Unit::Hour,
            "minute" => Unit::Minute,
            "minute-of-day" => Unit::MinuteOfDay,
            _ => return None,
        };
        Some(Self::Number(unit, numbers(value)))
    }

    /// `date-time` and `dst` go by the server's clock whatever the variables say.
    fn uses_server_clock(&self) -> bool {
        matches!(self, Self::DateTime(_) | Self::DaylightSaving(_))
    }

    fn holds(&self, now: &Zoned) -> bool {
        match self {
            Self::Number(unit, ranges) => within(ranges, unit.of(now.datetime())),
            Self::Weekday(days) => {
                let day = usize::try_from(now.weekday().to_sunday_zero_offset()).unwrap_or(0) + 1;
                days.get(day).copied().unwrap_or(false)
            }
            Self::TimeOfDay(ranges) => within(ranges, second_of_day(now.datetime())),
            Self::DateTime(ranges) => date_time_holds(ranges, now.datetime()),
            Self::Offset(hours) => hours.is_none_or(|hours| hours == i64::from(now.offset().seconds() / 3600)),
            Self::DaylightSaving(wanted) => *wanted && now.time_zone().to_offset_info(now.timestamp()).dst().is_dst(),
        }
    }
}

impl Unit {
    fn of(self, at: DateTime) -> i64 {
        let day_of_year = i64::from(at.day_of_year());
        match self {
            Self::Year => at.year().into(),
            Self::DayOfYear => day_of_year,
            Self::Month => at.month().into(),
            Self::DayOfMonth => at.day().into(),
            Self::Week => (day_of_year - 1) / 7 + 1,
            Self::WeekOfMonth => {
                let first = i64::from(at.date().first_of_month().weekday().to_sunday_zero_offset());
                (i64::from(at.day()) + first + 6) / 7
            }
            Self::Hour => at.hour().into(),
            Self::Minute => at.minute().into(),
            Self::MinuteOfDay => i64::from(at.hour()) * 60 + i64::from(at.minute()) + 1,
        }
    }
}

fn second_of_day(at: DateTime) -> i64 {
    (i64::from(at.hour()) * 60 + i64::from(at.minute())) * 60 + i64::from(at.second())
}

/// Both ends belong to a range; one that runs backwards wraps.
fn within(ranges: &[(i64, i64)], value: i64) -> bool {
    ranges.iter().any(
        |&(low, high)| {
            if low <= high { (low..=high).contains(&value) } else { value >= low || value <= high }
        },
    )
}

/// White space, sign and digits at the start, saturating; 0 when there are none. And how many bytes that took.
fn integer(text: &[u8]) -> (i64, usize) {
    let blank = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let signed = text.get(blank).filter(|b| matches!(b, b'-' | b'+'));
    let start = blank + usize::from(signed.is_some());
    let digits = text.iter().skip(start).take_while(|b| b.is_ascii_digit());
    let count = digits.clone().count();
    if count == 0 {
        return (0, 0);
    }
    let value = digits.fold(0i64, |value, d| value.saturating_mul(10).saturating_add(i64::from(d - b'0')));
    (if signed == Some(&b'-') { -value } else { value }, start + count)
}

/// Comma-separated numbers and ranges.
fn numbers(text: &str) -> Vec<(i64, i64)> {
    let mut rest = text.as_bytes();
    let mut ranges = Vec::new();
    loop {
        let (low, used) = integer(rest);
        rest = rest.get(used..).unwrap_or_default();
        let mut high = low;
        if let Some(after) = rest.strip_prefix(b"-") {
            let (value, used) = integer(after);
            high = value;
            rest = after.get(used..).unwrap_or_default();
        }
        ranges.push((low, high));
        match rest.strip_prefix(b",") {
            Some(after) => rest = after,
            None => return ranges,
        }
    }
}

/// Days 1 (Sunday) to 7 by number or by the first three letters of their names; element 0 is unused.
fn weekdays(text: &str) -> [bool; 8] {
    let mut days = [false; 8];
    let mut mark = |low: usize, high: usize| {
        for (day, marked) in days.iter_mut().enumerate().skip(1) {
            *marked |= if low <= high { (low..=high).contains(&day) } else { day >= low || day <= high };
        }
    };
    let (mut previous, mut range_start) = (None, None);
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        let mut used = 1;
        match first {
            b',' => previous = None,
            b'-' => range_start = previous.take(),
            _ => {
                let Some((day, length)) = weekday(rest) else { break };
                used = length;
                let low = range_start.take().unwrap_or(day);
                mark(low, day);
                previous = Some(day);
            }
        }
        rest = rest.get(used..).unwrap_or_default();
    }
    days
}

fn weekday(text: &[u8]) -> Option<(usize, usize)> {
    let first = *text.first()?;
    if (b'1'..=b'7').contains(&first) {
        return Some((usize::from(first - b'0'), 1));
    }
    let name = text.get(..3)?;
    let names: [&[u8]; 7] = [b"sun", b"mon", b"tue", b"wed", b"thu", b"fri", b"sat"];
    let day = names.iter().position(|known| name.eq_ignore_ascii_case(known))?;
    Some((day + 1, 3))
}

/// Ranges of `H:M[:S]`; what has no `-`, or no `:` on both sides, never matches.
fn times_of_day(text: &str) -> Vec<(i64, i64)> {
    text.split(',')
        .filter_map(|range| {
            let (start, end) = range.split_once('-')?;
            Some((time_of_day(start)?, time_of_day(end)?))
        })
        .collect()
}

fn time_of_day(text: &str) -> Option<i64> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':').unwrap_or((rest, ""));
    let part = |text: &str| integer(text.as_bytes()).0.clamp(-1_000_000, 1_000_000);
    Some((part(hour) * 60 + part(minute)) * 60 + part(second))
}

fn date_range(text: &str) -> Option<(Moment, Moment)> {
    let (start, end) = text.split_once('~')?;
    Some((Moment::parse(start.trim_start())?, Moment::parse(end.trim_start())?))
}

/// The start belongs to a range, the end does not.
fn date_time_holds(ranges: &[Option<(Moment, Moment)>], now: DateTime) -> bool {
    for range in ranges {
        let Some((start, end)) = range else { return false };
        if start.on(now.date()) <= now && now < end.on(now.date()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(name: &str, value: &str, expected: bool) {
        let now: Zoned = "2026-11-25T13:05:09[UTC]".parse().unwrap();
        let rule = Rule::read(name, value).unwrap();
        assert_eq!(rule.holds(&now), expected, "{name}={value}");
    }

    #[test]
    fn lists_and_ranges() {
        for value in ["2026", "2020-2030", "13,2026"] {
            check("year", value, true);
        }
        for (name, value) in [("yday", "329"), ("mon", "11"), ("week", "47"), ("mweek", "4"), ("minute-of-day", "786")]
        {
            check(name, value, true);
        }
        check("hour", "9-13", true);
        check("hour", "18-13", true);
        check("hour", "9 - 17", false);
        check("hour", "9, 13", true);
        check("hour", "", false);
        check("hour", "!13", false);
        check("minute", "", false);
        check("minute", "+5", true);
        check("wday", "mon-fri", true);
        check("wday", "Wednesday", true);
        check("wday", "monday,wednesday", false);
        check("wday", "6-4", true);
        check("wday", "sat-tue", false);
        check("wday", "1, 4", false);
        check("wday", "14", true);
        check("time-of-day", "13:05:09-13:05:09", true);
        check("time-of-day", "08:00-13:05", false);
        check("time-of-day", "22:00-13:06", true);
        check("time-of-day", "13:05", false);
        check("date-time", "2026-11-25 13:05:09~2026-11-25 13:05:10", true);
        check("date-time", "2026-11-25 13:00:00~2026-11-25 13:05:09", false);
        check("date-time", "foo~bar,2026-11-25 00:00:00~2026-11-26 00:00:00", false);
        check("date-time", "12:00~14:00", true);
        check("tz-offset", "0", true);
        check("tz-offset", "1", false);
        check("tz-offset", "any", true);
        check("dst", "false", false);
        check("dst", "true", false);
    }

    proptest! {
        #[test]
        fn never_panics(value in "[0-9,:~ a-z-]{0,30}", which in 0..ATTRIBUTES.len()) {
            let now: Zoned = "2026-11-25T13:05:09[UTC]".parse().unwrap();
            if let Some(rule) = Rule::read(ATTRIBUTES[which], &value) {
                rule.holds(&now);
            }
        }
    }
}
