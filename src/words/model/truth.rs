//! True and false words of the configuration and of variables.

/// A true word (`yes on true t enabled active allow`, any case) or a number whose integer part is not 0.
pub fn truthy(text: &str) -> bool {
    is_word(text, &["yes", "on", "true", "t", "enabled", "active", "allow"])
        || integer_part(text).is_some_and(|zero| !zero)
}

/// A false word (`no off false f disabled inactive disallow`, any case) or a number whose integer part is 0.
pub fn falsy(text: &str) -> bool {
    is_word(text, &["no", "off", "false", "f", "disabled", "inactive", "disallow"]) || integer_part(text) == Some(true)
}

fn is_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// For a number (optional sign, digits and dots only): whether its integer part is zero.
fn integer_part(text: &str) -> Option<bool> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && digits.bytes().any(|b| b.is_ascii_digit());
    number.then(|| digits.split('.').next().unwrap_or("").bytes().all(|b| b == b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        for (text, is_true, is_false) in [
            ("TRUE", true, false),
            ("t", true, false),
            ("17", true, false),
            ("-3", true, false),
            ("0", false, true),
            ("0.9", false, true),
            ("f", false, true),
            ("", false, false),
            (".", false, false),
            ("17,18", false, false),
            ("maybe", false, false),
        ] {
            assert_eq!((truthy(text), falsy(text)), (is_true, is_false), "{text}");
        }
    }
}
