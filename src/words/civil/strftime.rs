//! `strftime` of the C library in the C locale.

use std::fmt::Write;

use jiff::Zoned;

/// Longest text a format may produce; a longer result is cut there.
pub const MAX_FORMATTED: usize = 1024;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Formats an instant. An unknown conversion is copied as it stands.
pub fn strftime(at: &Zoned, format: &str) -> String {
    let mut out = String::new();
    append(at, format, &mut out);
    if out.len() > MAX_FORMATTED {
        let end = (0..=MAX_FORMATTED).rev().find(|end| out.is_char_boundary(*end)).unwrap_or(0);
        out.truncate(end);
    }
    out
}

fn append(at: &Zoned, format: &str, out: &mut String) {
    let mut rest = format;
    while let Some(found) = rest.find('%') {
        if out.len() > MAX_FORMATTED {
            return;
        }
        let (plain, tail) = rest.split_at(found);
        out.push_str(plain);
        rest = conversion(at, tail, out);
    }
    out.push_str(rest);
}

/// Handles a tail that begins with `%` and returns what follows the conversion.
fn conversion<'t>(at: &Zoned, tail: &'t str, out: &mut String) -> &'t str {
    let mut chars = tail.chars();
    chars.next();
    // `E` and `O` ask for other calendars and digits, of which the C locale has none; `-`, `_`, `0`, `^` and `#` are
    // the GNU library's padding and case flags.
    let mut flag = None;
    let mut c = chars.next();
    while let Some(modifier @ ('-' | '_' | '0' | '^' | '#' | 'E' | 'O')) = c {
        if !matches!(modifier, 'E' | 'O') {
            flag = Some(modifier);
        }
        c = chars.next();
    }
    let Some(c) = c else {
        out.push_str(tail);
        return "";
    };
    let rest = chars.as_str();
    let start = out.len();
    if !convert(at, c, flag, out) {
        out.push_str(tail.get(..tail.len() - rest.len()).unwrap_or_default());
    } else if flag == Some('^') {
        let upper = out.get(start..).unwrap_or_default().to_uppercase();
        out.truncate(start);
        out.push_str(&upper);
    }
    rest
}

fn convert(at: &Zoned, c: char, flag: Option<char>, out: &mut String) -> bool {
    let weekday = at.weekday().to_sunday_zero_offset();
    let day = DAYS.get(usize::try_from(weekday).unwrap_or(0)).copied().unwrap_or_default();
    let month = MONTHS.get(usize::try_from(at.month() - 1).unwrap_or(0)).copied().unwrap_or_default();
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let twelve = |hour: i8| if hour % 12 == 0 { 12 } else { hour % 12 };
    let yday = i64::from(at.day_of_year());
    let mut number = |value: i64, width: usize, pad: char| {
        match (flag, pad) {
            (Some('-'), _) => write!(out, "{value}"),
            (Some('_'), _) | (None, ' ') => write!(out, "{value:width$}"),
            _ => write!(out, "{value:0width$}"),
        }
        .is_ok()
    };
    match c {
        'd' => number(at.day().into(), 2, '0'),
        'e' => number(at.day().into(), 2, ' '),
        'H' => number(at.hour().into(), 2, '0'),
        'k' => number(at.hour().into(), 2, ' '),
        'I' => number(twelve(at.hour()).into(), 2, '0'),
        'l' => number(twelve(at.hour()).into(), 2, ' '),
        'm' => number(at.month().into(), 2, '0'),
        'M' => number(at.minute().into(), 2, '0'),
        'S' => number(at.second().into(), 2, '0'),
        'Y' => number(at.year().into(), 1, '0'),
        'y' => number(i64::from(at.year()).rem_euclid(100), 2, '0'),
        'C' => number(i64::from(at.year()).div_euclid(100), 2, '0'),
        'j' => number(yday, 3, '0'),
        'u' => number(at.weekday().to_monday_one_offset().into(), 1, '0'),
        'w' => number(weekday.into(), 1, '0'),
        'U' => number((yday + 6 - i64::from(weekday)) / 7, 2, '0'),
        'W' => number((yday + 6 - i64::from(at.weekday().to_monday_zero_offset())) / 7, 2, '0'),
        'V' => number(at.date().iso_week_date().week().into(), 2, '0'),
        'G' => number(at.date().iso_week_date().year().into(), 1, '0'),
        'g' => number(i64::from(at.date().iso_week_date().year()).rem_euclid(100), 2, '0'),
        's' => number(at.timestamp().as_second(), 1, '0'),
        'a' => push(out, short(day)),
        'A' => push(out, day),
        'b' | 'h' => push(out, short(month)),
        'B' => push(out, month),
        'p' => push(out, if at.hour() < 12 { "AM" } else { "PM" }),
        'P' => push(out, if at.hour() < 12 { "am" } else { "pm" }),
        'n' => push(out, "\n"),
        't' => push(out, "\t"),
        '%' => push(out, "%"),
        'Z' => push(out, at.time_zone().to_offset_info(at.timestamp()).abbreviation()),
        'z' => offset(at, out),
        'c' => composite(at, "%a %b %e %H:%M:%S %Y", out),
        'D' | 'x' => composite(at, "%m/%d/%y", out),
        'F' => composite(at, "%Y-%m-%d", out),
        'r' => composite(at, "%I:%M:%S %p", out),
        'R' => composite(at, "%H:%M", out),
        'T' | 'X' => composite(at, "%H:%M:%S", out),
        _ => false,
    }
}

fn push(out: &mut String, text: &str) -> bool {
    out.push_str(text);
    true
}

fn composite(at: &Zoned, format: &str, out: &mut String) -> bool {
    append(at, format, out);
    true
}

fn offset(at: &Zoned, out: &mut String) -> bool {
    let seconds = at.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Zoned {
        Timestamp::from_second(seconds).unwrap().to_zoned(TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap())
    }

    #[test]
    fn conversions() {
        let table = [
            ("%Y-%m-%d %H:%M:%S", "2001-09-08 21:46:40"),
            ("%F %T|%D|%R|%r", "2001-09-08 21:46:40|09/08/01|21:46|09:46:40 PM"),
            ("%a %A %b %B %h", "Sat Saturday Sep September Sep"),
            ("%j %U %W %V %G %u %w %C %y", "251 35 36 36 2001 6 6 20 01"),
            ("%s %z %Z %p%P", "1000000000 -0400 EDT PMpm"),
            ("%e|%l|%k|%-d|%I", " 8| 9|21|8|09"),
            ("a%%b%Q%", "a%b%Q%"),
            ("%c", "Sat Sep  8 21:46:40 2001"),
            ("", ""),
        ];
        for (format, expected) in table {
            assert_eq!(strftime(&at(1_000_000_000), format), expected, "{format}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(format in "[%a-zA-Z ☃_0-]{0,80}", seconds in -60_000_000_000i64..250_000_000_000) {
            prop_assert!(strftime(&at(seconds), &format).len() <= MAX_FORMATTED);
        }
    }
}
