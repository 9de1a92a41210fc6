//! Gathering digits: `session:getDigits`, `read`, `play_and_get_digits`.

use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use super::{DigitRule, Played};
use crate::call::channel::Digit;
use crate::call::control::{Digits, PlayAndGetSpec, ReadSpec};
use crate::words::model::Cause;
use crate::words::pattern::Pattern;

/// Digits one gathering may hold.
const MAX_DIGITS: u32 = 128;

/// The terminators of `read`: a leading `=` demands one; one after `+` or `x` stays among the digits.
#[derive(Debug, Default, PartialEq, Eq)]
struct Terminators {
    required: bool,
    plain: String,
    kept: String,
}

impl Terminators {
    fn parse(text: &str) -> Self {
        let (required, rest) = text.strip_prefix('=').map_or((false, text), |rest| (true, rest));
        let mut terminators = Self { required, ..Self::default() };
        let mut letters = rest.chars();
        while let Some(letter) = letters.next() {
            if letter == '+' || letter == 'x' {
                terminators.kept.extend(letters.next());
            } else {
                terminators.plain.push(letter);
            }
        }
        terminators
    }
}

/// How a gathering ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gathered {
    Enough,
    Terminator,
    Timeout,
    Gone,
}

/// How long to wait, ms; 0: for ever.
#[derive(Debug, Clone, Copy)]
struct Waits {
    first: u32,
    between: u32,
    until: Option<Instant>,
}

impl Call {
    /// `session:getDigits`.
    pub async fn get_digits(
        &mut self,
        max: u32,
        terminators: &str,
        timeout_ms: u32,
        interdigit_ms: u32,
        absolute_ms: u32,
    ) -> Digits {
        if self.executing() && !self.a.has_media() {
            self.hangup(Cause::INCOMPATIBLE_DESTINATION);
            return Digits::default();
        }
        let until = (absolute_ms > 0).then(|| Instant::now() + Duration::from_millis(absolute_ms.into()));
        let between = if interdigit_ms > 0 { interdigit_ms } else { timeout_ms };
        let terminators = Terminators { plain: terminators.to_owned(), ..Terminators::default() };
        let mut digits = Digits::default();
        self.gather(&mut digits, max, &terminators, Waits { first: timeout_ms, between, until }).await;
        digits
    }

    async fn gather(&mut self, digits: &mut Digits, max: u32, ends: &Terminators, waits: Waits) -> Gathered {
        let max = max.clamp(1, MAX_DIGITS) as usize;
        while digits.digits.len() < max {
            let ms = if digits.digits.is_empty() { waits.first } else { waits.between };
            let due = (ms > 0).then(|| Instant::now() + Duration::from_millis(ms.into()));
            if !self.sleep_or_digit(due.into_iter().chain(waits.until).min()).await {
                return if self.executing() { Gathered::Timeout } else { Gathered::Gone };
            }
            let Some(Digit { key: digit, .. }) = self.a.digits.pop_front() else { return Gathered::Gone };
            if ends.plain.contains(digit) {
                digits.terminator = Some(digit);
                return Gathered::Terminator;
            }
            digits.digits.push(digit);
            if ends.kept.contains(digit) {
                digits.terminator = Some(digit);
                return Gathered::Terminator;
            }
        }
        Gathered::Enough
    }

    /// `session:read` and the application `read`: prompt, then digits. Sets `read_result` and `read_terminator_used`.
    pub async fn read(&mut self, spec: &ReadSpec) -> String {
        let min = spec.min.max(1);
        self.read_at_least(spec, min, spec.max.max(min)).await.0
    }

    async fn read_at_least(&mut self, spec: &ReadSpec, min: u32, max: u32) -> (String, bool) {
        self.a.variables.remove("read_result");
        self.a.variables.remove("read_terminator_used");
        if !self.pre_answer().await || !self.executing() {
            self.a.variables.set("read_result", "failure");
            return (String::new(), false);
        }
        if !spec.prompt.is_empty()
            && !spec.prompt.eq_ignore_ascii_case("silence")
            && self.play(&spec.prompt, 0, DigitRule::Barge).await == Played::Interrupted
        {
            self.a.variables.set("read_result", "failure");
            return (String::new(), false);
        }
        let terminators = Terminators::parse(&spec.terminators);
        let first = spec.timeout_ms.max(1);
        let between = if spec.digit_timeout_ms > 0 { spec.digit_timeout_ms } else { first };
        let mut digits = Digits::default();
        let how = self.gather(&mut digits, max, &terminators, Waits { first, between, until: None }).await;
        if let Some(terminator) = digits.terminator {
            self.a.variables.set("read_terminator_used", &terminator.to_string());
        }
        let enough = digits.digits.len() >= min as usize;
        let complete = enough && !(terminators.required && digits.terminator.is_none());
        let result = match how {
            Gathered::Gone => "failure",
            Gathered::Timeout if enough => "timeout",
            _ if complete => "success",
            _ => "failure",
        };
        self.a.variables.set("read_result", result);
        // A terminator alone is a success when no digit is asked for.
        (digits.digits, complete && how != Gathered::Gone)
    }

    /// `session:playAndGetDigits` and the application: tries until the digits match.
    pub async fn play_and_get_digits(&mut self, spec: &PlayAndGetSpec) -> String {
        let min = spec.read.min;
        let max = spec.read.max.max(min).max(1);
        if !spec.variable.is_empty() {
            self.a.variables.remove(&spec.variable);
        }
        for _ in 0..spec.tries.max(1) {
            if !self.executing() {
                return String::new();
            }
            let (digits, complete) = self.read_at_least(&spec.read, min, max).await;
            let bare_terminator = min == 0 && digits.is_empty() && self.a.get("read_terminator_used").is_some();
            if complete && (bare_terminator || (!digits.is_empty() && matches(&spec.regex, &digits))) {
                if !spec.variable.is_empty() {
                    self.a.variables.set(&spec.variable, &digits);
                }
                return digits;
            }
            if complete && !digits.is_empty() && !spec.variable.is_empty() {
                self.a.variables.set(&format!("{}_invalid", spec.variable), &digits);
            }
            if !spec.invalid_prompt.is_empty() && self.executing() {
                self.play(&spec.invalid_prompt, 0, DigitRule::Keep).await;
            }
        }
        if !spec.transfer_on_failure.is_empty() && self.executing() {
            let mut words = spec.transfer_on_failure.split_whitespace();
            let extension = words.next().unwrap_or_default();
            self.transfer(extension, words.next(), words.next());
        }
        String::new()
    }
}

fn matches(pattern: &str, digits: &str) -> bool {
    pattern.is_empty() || Pattern::new(pattern).is_match(digits).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminators() {
        let parsed = Terminators::parse("=#+*x9");
        assert_eq!(parsed, Terminators { required: true, plain: "#".to_owned(), kept: "*9".to_owned() });
        assert_eq!(Terminators::parse(""), Terminators::default());
        assert_eq!(Terminators::parse("+"), Terminators::default());
    }
}
