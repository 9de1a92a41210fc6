//! Digits of a rehearsed channel: `getDigits`, `read`, `playAndGetDigits`.

use std::collections::VecDeque;

use super::{Channel, Woken};
use crate::call::control::{Digits, PlayAndGetSpec, ReadSpec};
use crate::words::pattern::Pattern;

/// Between two digits of one reading, ms.
const KEY_MS: u64 = 200;

/// Times of a reading, ms; 0: none.
pub(super) struct Waits {
    pub(super) first: u32,
    pub(super) next: u32,
    pub(super) all: u32,
}

impl Channel {
    /// The next digit: of this reading's own, or pressed.
    fn key(&mut self, feed: &mut VecDeque<char>, within: u64) -> Woken {
        if self.queue.is_empty() && !feed.is_empty() && self.up() {
            if within < KEY_MS {
                return self.wait(within, true);
            }
            let pressed = feed.pop_front();
            let woken = self.wait(KEY_MS, true);
            return match (woken, pressed) {
                (Woken::Over, Some(digit)) => Woken::Digit(digit),
                (Woken::Digit(first), Some(digit)) => {
                    feed.push_front(digit);
                    Woken::Digit(first)
                }
                (woken, _) => woken,
            };
        }
        if within == 0 { self.wait_for_ever() } else { self.wait(within, true) }
    }

    pub(super) fn collect(&mut self, feed: &str, max: u32, terminators: &str, waits: &Waits) -> Digits {
        let mut feed: VecDeque<char> = feed.chars().collect();
        let mut found = Digits::default();
        let end = (waits.all > 0).then(|| self.clock.now().saturating_add(waits.all.into()));
        while self.up() && (found.digits.len() as u64) < u64::from(max) {
            let next = if found.digits.is_empty() || waits.next == 0 { waits.first } else { waits.next };
            let left = end.map(|end| end.saturating_sub(self.clock.now()));
            let within = match (next, left) {
                (_, Some(0)) => break,
                (0, left) => left.unwrap_or(0),
                (next, left) => u64::from(next).min(left.unwrap_or(u64::MAX)),
            };
            match self.key(&mut feed, within) {
                Woken::Digit(digit) if terminators.contains(digit) => {
                    found.terminator = Some(digit);
                    break;
                }
                Woken::Digit(digit) => found.digits.push(digit),
                Woken::Over | Woken::Hung => break,
            }
        }
        found
    }

    pub(super) fn read(&mut self, spec: &ReadSpec) -> String {
        if !self.up() {
            return String::new();
        }
        self.early |= !self.answered;
        let feed = self.reads.pop_front().unwrap_or_default();
        // The first digit stops the prompt; those of this reading are pressed when it is over.
        let length = match spec.prompt.as_str() {
            "" | "silence" => 0,
            name => self.prompt_length(name).unwrap_or(0),
        };
        match self.wait(length, true) {
            Woken::Digit(digit) => self.queue.push_front(digit),
            Woken::Over => {}
            Woken::Hung => return String::new(),
        }
        let next = if spec.digit_timeout_ms == 0 { spec.timeout_ms } else { spec.digit_timeout_ms };
        let waits = Waits { first: spec.timeout_ms, next, all: 0 };
        let found = self.collect(&feed, spec.max, &spec.terminators, &waits);
        let enough = found.digits.len() as u64 >= u64::from(spec.min);
        self.set("read_result", if enough { "success" } else { "failure" });
        self.set("read_terminator_used", &found.terminator.map(String::from).unwrap_or_default());
        found.digits
    }

    pub(super) fn play_and_get(&mut self, spec: &PlayAndGetSpec) -> String {
        let pattern = Pattern::new(&spec.regex);
        for _ in 0..spec.tries.max(1) {
            if !self.up() {
                return String::new();
            }
            let digits = self.read(&spec.read);
            let enough = digits.len() as u64 >= u64::from(spec.read.min);
            if enough && (spec.regex.is_empty() || pattern.is_match(&digits).unwrap_or(false)) {
                if !spec.variable.is_empty() {
                    self.set(&spec.variable, &digits);
                }
                return digits;
            }
            if !spec.variable.is_empty() && enough {
                self.set(&spec.variable, "");
                self.set(&format!("{}_invalid", spec.variable), &digits);
            }
            let length = self.prompt_length(&spec.invalid_prompt).filter(|_| !spec.invalid_prompt.is_empty());
            self.wait(length.unwrap_or(0), false);
        }
        if !spec.transfer_on_failure.is_empty() && self.up() {
            let mut words = spec.transfer_on_failure.split(' ');
            let extension = words.next().unwrap_or_default().to_owned();
            self.transfer_to(&extension, words.next(), words.next());
        }
        String::new()
    }
}
