//! Dates as users write them: `2026-11-25 13:05:09`, `2026-11-25 13`, `13:05`.

use jiff::civil::{Date, DateTime, Time};

/// A date with a time, or a time of the present day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Date and time.
    Full(DateTime),
    /// A bare time: today.
    Today(Time),
}

impl Moment {
    /// Reads `Y-M-D [h[:m[:s]]]` or a bare `h[:m[:s]]`; `None` for anything else, so for the compact form
    /// `YYYYMMDDhhmmss`, which the original takes for a bare time and never makes sense of.
    pub fn parse(text: &str) -> Option<Self> {
        match split_date(text) {
            Some((date, time)) => Some(Self::Full(date?.to_datetime(parse_time(time, false)?))),
            None => parse_time(text, true).map(Self::Today),
        }
    }

    /// The civil time meant, given the present day.
    pub fn on(self, today: Date) -> DateTime {
        match self {
            Self::Full(moment) => moment,
            Self::Today(time) => today.to_datetime(time),
        }
    }
}

/// `d+-d+-d+` at the start, and what follows it. The inner option is empty for a date that does not exist.
fn split_date(text: &str) -> Option<(Option<Date>, &str)> {
    let (year, rest) = digits(text)?;
    let (month, rest) = digits(rest.strip_prefix('-')?)?;
    let (day, rest) = digits(rest.strip_prefix('-')?)?;
    Some((Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok(), rest.trim_start()))
}

/// `h[:m[:s]]`, each part possibly empty; `to_the_end` refuses anything after it.
fn parse_time(text: &str, to_the_end: bool) -> Option<Time> {
    let mut rest = text;
    let mut parts = [0i8; 3];
    for part in &mut parts {
        if let Some((value, after)) = digits(rest) {
            *part = value.try_into().ok()?;
            rest = after;
        }
        match rest.strip_prefix(':') {
            Some(after) => rest = after,
            None => break,
        }
    }
    if to_the_end && !rest.is_empty() {
        return None;
    }
    let [hour, minute, second] = parts;
    Time::new(hour, minute, second, 0).ok()
}

fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn forms() {
        let full = |h, m, s| Some(Moment::Full(date(2026, 11, 25).at(h, m, s, 0)));
        assert_eq!(Moment::parse("2026-11-25 13:05:09"), full(13, 5, 9));
        assert_eq!(Moment::parse("2026-11-25 13:05"), full(13, 5, 0));
        assert_eq!(Moment::parse("2026-11-25"), full(0, 0, 0));
        assert_eq!(Moment::parse("12:00"), Time::new(12, 0, 0, 0).ok().map(Moment::Today));
        for bad in ["foo", "20261125000000", "2026-13-01 00:00", "2026-11-25 25:00", "12:00x"] {
            assert_eq!(Moment::parse(bad), None, "{bad}");
        }
    }
}
