//! Numbers, dates and other things said from recorded words: the English rules of FreeSWITCH's `mod_say_en`.
//!
//! The result is a list of file names without suffix, relative to the sound prefix: `digits/1`, `time/mon-10`.

use jiff::Zoned;

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SayType {
    /// `number`, `items`, `persons`, `messages`.
    Number,
    /// `currency`: dollars and cents.
    Currency,
    /// `time_measurement`: `h:m:s`, or seconds.
    TimeMeasurement,
    /// `current_date`.
    CurrentDate,
    /// `current_time`.
    CurrentTime,
    /// `current_date_time`.
    CurrentDateTime,
    /// `telephone_number`, `telephone_extension`.
    Telephone,
    /// `ip_address`.
    IpAddress,
    /// `name_spelled`.
    NameSpelled,
    /// `name_phonetic`.
    NamePhonetic,
    /// `short_date_time`.
    ShortDateTime,
    /// `url`, `email_address`, `postal_address`, `account_number`: known, and said by no rule of English.
    Unsaid,
}

/// How a text is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SayMethod {
    /// `n/a`.
    None,
    /// `pronounced`.
    Pronounced,
    /// `iterated`: one after the other.
    Iterated,
    /// `counted`: first, second, third.
    Counted,
    /// `pronounced_year`.
    PronouncedYear,
}

/// Why a text cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SayError {
    /// No such type.
    #[error("there is nothing to say of the type {0}")]
    Type(String),
    /// No such method.
    #[error("there is no method {0}")]
    Method(String),
    /// The text does not fit the type.
    #[error("{text} cannot be said: {why}")]
    Text {
        /// The text.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl SayType {
    /// By FreeSWITCH's name, ignoring case.
    pub fn parse(name: &str) -> Result<Self, SayError> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "number" | "items" | "persons" | "messages" => Self::Number,
            "currency" => Self::Currency,
            "time_measurement" => Self::TimeMeasurement,
            "current_date" => Self::CurrentDate,
            "current_time" => Self::CurrentTime,
            "current_date_time" => Self::CurrentDateTime,
            "telephone_number" | "telephone_extension" => Self::Telephone,
            "ip_address" => Self::IpAddress,
            "name_spelled" => Self::NameSpelled,
            "name_phonetic" => Self::NamePhonetic,
            "short_date_time" => Self::ShortDateTime,
            "url" | "email_address" | "postal_address" | "account_number" => Self::Unsaid,
            _ => return Err(SayError::Type(name.to_owned())),
        })
    }
}

impl SayMethod {
    /// By FreeSWITCH's name, ignoring case.
    pub fn parse(name: &str) -> Result<Self, SayError> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "n/a" => Self::None,
            "pronounced" => Self::Pronounced,
            "iterated" => Self::Iterated,
            "counted" => Self::Counted,
            "pronounced_year" => Self::PronouncedYear,
            _ => return Err(SayError::Method(name.to_owned())),
        })
    }
}

/// Largest number that is said.
const MOST: u64 = 999_999_999;

/// Most letters or digits that are said one after the other.
const LONGEST: usize = 256;

/// The files of a text. `now` is the present instant in the zone of the channel; dates are read in it.
pub fn say(kind: SayType, method: SayMethod, text: &str, now: &Zoned) -> Result<Vec<String>, SayError> {
    let text = text.trim();
    let mut said = Vec::new();
    match kind {
        SayType::Number => number_text(text, method, &mut said)?,
        SayType::Currency => currency(text, &mut said)?,
        SayType::TimeMeasurement => time_measurement(text, &mut said)?,
        SayType::CurrentDate | SayType::CurrentTime | SayType::CurrentDateTime | SayType::ShortDateTime => {
            let at = instant(text, now)?;
            date_time(kind, method, &at, now, &mut said);
        }
        SayType::Telephone => iterate(text, &mut said)?,
        SayType::IpAddress => ip_address(text, method, &mut said)?,
        SayType::NameSpelled => spell(text, false, &mut said),
        SayType::NamePhonetic => spell(text, true, &mut said),
        SayType::Unsaid => return Err(wrong(text, "this type is said by no rule of English")),
    }
    Ok(said)
}

fn wrong(text: &str, why: &'static str) -> SayError {
    SayError::Text { text: text.chars().take(64).collect(), why }
}

fn file(said: &mut Vec<String>, name: &str) {
    said.push(name.to_owned());
}

fn digits(said: &mut Vec<String>, number: u64) {
    said.push(format!("digits/{number}"));
}

fn number_text(text: &str, method: SayMethod, said: &mut Vec<String>) -> Result<(), SayError> {
    let plain: String = text.chars().filter(|letter| *letter != ',').collect();
    if method == SayMethod::Iterated {
        return iterate(&plain, said);
    }
    if plain.is_empty() || !plain.bytes().all(|letter| letter.is_ascii_digit()) {
        return Err(wrong(text, "it is no number"));
    }
    let value = plain.parse().ok().filter(|value| *value <= MOST).ok_or_else(|| wrong(text, "it has over 9 digits"))?;
    match method {
        SayMethod::PronouncedYear => year(value, said),
        method => number(value, method == SayMethod::Counted, said),
    }
    Ok(())
}

/// A number; counted, its last word is an ordinal.
fn number(value: u64, counted: bool, said: &mut Vec<String>) {
    if value == 0 {
        return digits(said, 0);
    }
    let (millions, thousands, rest) = (value / 1_000_000, value / 1000 % 1000, value % 1000);
    for (group, word) in [(millions, "digits/million"), (thousands, "digits/thousand")] {
        if group > 0 {
            below_thousand(group, false, said);
            file(said, word);
        }
    }
    if rest > 0 {
        below_thousand(rest, counted, said);
    }
}

fn below_thousand(value: u64, counted: bool, said: &mut Vec<String>) {
    let (hundreds, tens, ones) = (value / 100, value / 10 % 10, value % 10);
    if hundreds > 0 {
        digits(said, hundreds);
        file(said, "digits/hundred");
    }
    let last = match (tens, ones) {
        (0, 0) => return,
        (0 | 1, _) | (_, 0) => tens * 10 + ones,
        _ => {
            digits(said, tens * 10);
            ones
        }
    };
    let ordinal = if counted { "h-" } else { "" };
    said.push(format!("digits/{ordinal}{last}"));
}

/// 1999 as 19 99, 2005 as a number.
fn year(value: u64, said: &mut Vec<String>) {
    let (century, rest) = (value / 100, value % 100);
    if !(1000..10_000).contains(&value) || rest < 10 {
        return number(value, false, said);
    }
    number(century, false, said);
    number(rest, false, said);
}

fn iterate(text: &str, said: &mut Vec<String>) -> Result<(), SayError> {
    if text.len() > LONGEST {
        return Err(wrong(text, "it is too long"));
    }
    for letter in text.chars() {
        match letter {
            '0'..='9' => said.push(format!("digits/{letter}")),
            '*' => file(said, "digits/star"),
            '#' => file(said, "digits/pound"),
            '.' => file(said, "digits/dot"),
            '+' | '-' | ' ' | '(' | ')' => {}
            _ => return Err(wrong(text, "it is no number")),
        }
    }
    Ok(())
}

fn currency(text: &str, said: &mut Vec<String>) -> Result<(), SayError> {
    let plain: String = text.chars().filter(|letter| !matches!(letter, ',' | '$')).collect();
    let (plain, negative) = plain.strip_prefix('-').map_or((&*plain, false), |rest| (rest, true));
    let (dollars, cents) = plain.split_once('.').unwrap_or((plain, ""));
    let whole = |text: &str| -> Option<u64> {
        let text = if text.is_empty() { "0" } else { text };
        text.bytes().all(|letter| letter.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let cents: String = format!("{cents}00").chars().take(2).collect();
    let (Some(dollars), Some(cents)) = (whole(dollars).filter(|dollars| *dollars <= MOST), whole(&cents)) else {
        return Err(wrong(text, "it is no sum of money"));
    };
    if negative {
        file(said, "currency/negative");
    }
    number(dollars, false, said);
    file(said, if dollars == 1 { "currency/dollar" } else { "currency/dollars" });
    file(said, "currency/and");
    number(cents, false, said);
    file(said, if cents == 1 { "currency/cent" } else { "currency/cents" });
    Ok(())
}

fn time_measurement(text: &str, said: &mut Vec<String>) -> Result<(), SayError> {
    let parts: Vec<Option<u64>> = text.split(':').map(|part| part.trim().parse().ok()).collect();
    let parts: Option<Vec<u64>> = parts.into_iter().collect();
    let (hours, minutes, seconds) = match parts.as_deref() {
        Some([all]) => (all / 3600, all / 60 % 60, all % 60),
        Some([minutes, seconds]) => (0, *minutes, *seconds),
        Some([hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return Err(wrong(text, "it is no time")),
    };
    if hours.max(minutes).max(seconds) > MOST {
        return Err(wrong(text, "it is too long"));
    }
    for (value, word) in [(hours, "time/hour"), (minutes, "time/minute"), (seconds, "time/second")] {
        number(value, false, said);
        match value {
            0 => {}
            1 => file(said, word),
            _ => said.push(format!("{word}s")),
        }
    }
    Ok(())
}

fn ip_address(text: &str, method: SayMethod, said: &mut Vec<String>) -> Result<(), SayError> {
    let octets: Vec<u8> = text.split('.').filter_map(|octet| octet.parse().ok()).collect();
    let [_, _, _, _] = octets[..] else { return Err(wrong(text, "it is no IPv4 address")) };
    for (at, octet) in octets.iter().enumerate() {
        if at > 0 {
            file(said, "digits/dot");
        }
        if method == SayMethod::Iterated {
            iterate(&octet.to_string(), said)?;
        } else {
            number((*octet).into(), false, said);
        }
    }
    Ok(())
}

fn spell(text: &str, phonetic: bool, said: &mut Vec<String>) {
    for letter in text.chars().take(LONGEST) {
        let letter = letter.to_ascii_lowercase();
        let code = u32::from(letter);
        match letter {
            '0'..='9' if !phonetic => said.push(format!("digits/{letter}")),
            _ if !letter.is_ascii() => {}
            _ if phonetic => said.push(format!("phonetic-ascii/{code}")),
            _ => said.push(format!("ascii/{code}")),
        }
    }
}

/// Seconds since 1970, `YYYY-MM-DD hh:mm:ss`, or `hh:mm:ss`; 0 or nothing is now.
fn instant(text: &str, now: &Zoned) -> Result<Zoned, SayError> {
    if text.is_empty() || text == "0" {
        return Ok(now.clone());
    }
    if let Ok(seconds) = text.parse::<i64>() {
        let instant = jiff::Timestamp::from_second(seconds).map_err(|_| wrong(text, "it is no date"))?;
        return Ok(instant.to_zoned(now.time_zone().clone()));
    }
    let whole = match text.split_once(' ') {
        Some((date, time)) => format!("{date}T{time}"),
        None if text.contains(':') => format!("{}T{text}", now.date()),
        None => format!("{text}T00:00:00"),
    };
    let civil: jiff::civil::DateTime = whole.parse().map_err(|_| wrong(text, "it is no date"))?;
    civil.to_zoned(now.time_zone().clone()).map_err(|_| wrong(text, "it is no date"))
}

fn count(value: i8) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn date_time(kind: SayType, method: SayMethod, at: &Zoned, now: &Zoned, said: &mut Vec<String>) {
    let (mut date, mut time, mut day_of_week, mut whole_year) = (false, false, true, true);
    match kind {
        SayType::CurrentDate => date = true,
        SayType::CurrentTime => time = true,
        SayType::ShortDateTime => {
            time = true;
            let days = at.date().until(now.date()).map_or(i32::MAX, |span| span.get_days());
            match days {
                0 => file(said, "time/today"),
                1 => file(said, "time/yesterday"),
                2..=5 => said.push(weekday(at)),
                _ => (date, day_of_week, whole_year) = (true, false, at.year() != now.year()),
            }
        }
        _ => (date, time) = (true, true),
    }
    if date {
        if day_of_week {
            said.push(weekday(at));
        }
        said.push(format!("time/mon-{}", at.month() - 1));
        number(count(at.day()), true, said);
        if whole_year {
            number(u64::try_from(at.year()).unwrap_or(0), false, said);
        }
    }
    if !time {
        return;
    }
    if kind != SayType::CurrentTime {
        file(said, "time/at");
    }
    let (hour, minute) = (count(at.hour()), count(at.minute()));
    if method == SayMethod::Iterated {
        for (value, word) in [(hour, "time/hours"), (minute, "time/minutes"), (count(at.second()), "time/seconds")] {
            number(value, false, said);
            file(said, word);
        }
        return;
    }
    number(if hour % 12 == 0 { 12 } else { hour % 12 }, false, said);
    match minute {
        0 => file(said, "time/oclock"),
        1..10 => {
            file(said, "time/oh");
            number(minute, false, said);
        }
        _ => number(minute, false, said),
    }
    file(said, if hour < 12 { "time/a-m" } else { "time/p-m" });
}

/// Sunday is 0.
fn weekday(at: &Zoned) -> String {
    format!("time/day-{}", at.weekday().to_sunday_zero_offset())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Zoned {
        jiff::civil::date(2026, 11, 27).at(14, 5, 9, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap()
    }

    fn said(kind: &str, method: &str, text: &str) -> String {
        let (kind, method) = (SayType::parse(kind).unwrap(), SayMethod::parse(method).unwrap());
        match say(kind, method, text, &now()) {
            Ok(files) => files.iter().map(|file| file.trim_start_matches("digits/")).collect::<Vec<_>>().join(" "),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn english() {
        for (kind, method, text, expected) in [
            ("number", "pronounced", "123", "1 hundred 20 3"),
            ("number", "pronounced", "0", "0"),
            ("Number", "PRONOUNCED", "1,234,567", "1 million 2 hundred 30 4 thousand 5 hundred 60 7"),
            ("number", "pronounced", "1000000", "1 million"),
            ("items", "pronounced", "12", "12"),
            ("number", "counted", "21", "20 h-1"),
            ("number", "counted", "30", "h-30"),
            ("number", "counted", "100", "1 hundred"),
            ("number", "counted", "13", "h-13"),
            ("number", "iterated", "1203", "1 2 0 3"),
            ("number", "pronounced_year", "1999", "19 90 9"),
            ("number", "pronounced_year", "2005", "2 thousand 5"),
            ("number", "pronounced", "1234567890", "error: 1234567890 cannot be said: it has over 9 digits"),
            ("number", "pronounced", "12a", "error: 12a cannot be said: it is no number"),
            ("number", "pronounced", "", "error:  cannot be said: it is no number"),
            ("currency", "pronounced", "1.01", "1 currency/dollar currency/and 1 currency/cent"),
            (
                "currency",
                "pronounced",
                "-$1,200.5",
                "currency/negative 1 thousand 2 hundred currency/dollars currency/and 50 currency/cents",
            ),
            ("currency", "pronounced", "x", "error: x cannot be said: it is no sum of money"),
            ("time_measurement", "pronounced", "3661", "1 time/hour 1 time/minute 1 time/second"),
            ("time_measurement", "pronounced", "0:2:0", "0 2 time/minutes 0"),
            ("time_measurement", "pronounced", "1:2:3:4", "error: 1:2:3:4 cannot be said: it is no time"),
            ("telephone_number", "pronounced", "+1 (800) 5*#", "1 8 0 0 5 star pound"),
            ("ip_address", "pronounced", "10.0.0.25", "10 dot 0 dot 0 dot 20 5"),
            ("ip_address", "iterated", "10.0.0.25", "1 0 dot 0 dot 0 dot 2 5"),
            ("ip_address", "iterated", "::1", "error: ::1 cannot be said: it is no IPv4 address"),
            ("name_spelled", "n/a", "Ab1é", "ascii/97 ascii/98 1"),
            ("name_phonetic", "n/a", "A1", "phonetic-ascii/97 phonetic-ascii/49"),
            ("current_date", "pronounced", "0", "time/day-5 time/mon-10 20 h-7 2 thousand 20 6"),
            ("current_time", "pronounced", "", "2 time/oh 5 time/p-m"),
            ("current_time", "pronounced", "00:00:00", "12 time/oclock time/a-m"),
            ("current_time", "iterated", "2026-01-01 13:30:01", "13 time/hours 30 time/minutes 1 time/seconds"),
            (
                "current_date_time",
                "pronounced",
                "946684800",
                "time/day-6 time/mon-0 h-1 2 thousand time/at 12 time/oclock time/a-m",
            ),
            ("short_date_time", "pronounced", "2026-11-27 09:15:00", "time/today time/at 9 15 time/a-m"),
            ("short_date_time", "pronounced", "2026-11-26 09:15:00", "time/yesterday time/at 9 15 time/a-m"),
            ("short_date_time", "pronounced", "2026-11-24 09:15:00", "time/day-2 time/at 9 15 time/a-m"),
            ("short_date_time", "pronounced", "2026-10-03 12:00:00", "time/mon-9 h-3 time/at 12 time/oclock time/p-m"),
            (
                "short_date_time",
                "pronounced",
                "2025-10-03 12:00:00",
                "time/mon-9 h-3 2 thousand 20 5 time/at 12 time/oclock time/p-m",
            ),
            ("current_date", "pronounced", "2026-13-45", "error: 2026-13-45 cannot be said: it is no date"),
            ("url", "pronounced", "x", "error: x cannot be said: this type is said by no rule of English"),
        ] {
            assert_eq!(said(kind, method, text), expected, "{kind} {method} {text}");
        }
    }

    #[test]
    fn unknown_words() {
        assert_eq!(SayType::parse("nonsense"), Err(SayError::Type("nonsense".to_owned())));
        assert_eq!(SayMethod::parse("loudly"), Err(SayError::Method("loudly".to_owned())));
    }

    const TYPES: [&str; 12] = [
        "number",
        "currency",
        "time_measurement",
        "current_date",
        "current_time",
        "current_date_time",
        "telephone_number",
        "ip_address",
        "name_spelled",
        "name_phonetic",
        "short_date_time",
        "url",
    ];

    proptest! {
        #[test]
        fn any_text_is_said_or_refused(kind in 0_usize..12, method in 0_usize..5, text in any::<String>()) {
            let method = ["n/a", "pronounced", "iterated", "counted", "pronounced_year"][method];
            let _ = said(TYPES[kind], method, &text);
        }

        #[test]
        fn any_number_is_said_with_few_words(number in 0_u64..=999_999_999) {
            let text = said("number", "pronounced", &number.to_string());
            prop_assert!(!text.contains("error") && text.split(' ').count() <= 14);
        }
    }
}
