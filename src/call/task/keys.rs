//! Digits that we make: sent to the far end, or put among those that were received.

use std::time::Duration;

use super::Call;
use crate::call::channel::Channel;
use crate::call::media::MediaCommand;

/// Longest text of digits.
const MAX_TEXT: usize = 99;
/// Timestamp units of 8 kHz in a millisecond.
const UNITS_PER_MS: u32 = 8;
/// Length of a digit without one, ms; shortest and longest.
const USUAL_MS: u32 = 250;
const SHORTEST_MS: u32 = 50;
const LONGEST_MS: u32 = 24_000;
/// Between two digits, ms.
const GAP_MS: u64 = 50;

/// One piece of a text of digits.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Digits, and the length of each in ms.
    Digits(String, u32),
    /// `w`, `W`: a pause in ms.
    Pause(u64),
}

/// `<digits>[@<ms>][+…]`; letters that are no digit are left out.
fn pieces(text: &str) -> Vec<Piece> {
    if text.len() > MAX_TEXT {
        tracing::error!("more than {MAX_TEXT} letters of digits are ignored");
        return Vec::new();
    }
    let mut all = Vec::new();
    for part in text.split('+') {
        let (digits, length) = part.split_once('@').unwrap_or((part, ""));
        let length = length.trim().parse().unwrap_or(USUAL_MS).clamp(SHORTEST_MS, LONGEST_MS);
        for letter in digits.chars() {
            match (letter, all.last_mut()) {
                ('w', _) => all.push(Piece::Pause(500)),
                ('W', _) => all.push(Piece::Pause(1000)),
                (letter, _) if !"0123456789*#ABCDabcd".contains(letter) => {}
                (letter, Some(Piece::Digits(digits, known))) if *known == length => {
                    digits.push(letter.to_ascii_uppercase());
                }
                (letter, _) => all.push(Piece::Digits(letter.to_ascii_uppercase().to_string(), length)),
            }
        }
    }
    all
}

impl Call {
    /// Sends digits to the far end. Returns at once unless there is a pause among them.
    pub async fn send_digits(&mut self, text: &str) {
        let all = pieces(text);
        let mut before = 0u64;
        for piece in all {
            match piece {
                Piece::Digits(digits, length) => {
                    let count = u64::try_from(digits.len()).unwrap_or(u64::MAX);
                    before = before.saturating_add(count.saturating_mul(u64::from(length).saturating_add(GAP_MS)));
                    self.audio
                        .command(MediaCommand::SendDtmf { digits, duration: length.saturating_mul(UNITS_PER_MS) });
                    self.a.variables.set("last_dtmf_duration", &length.saturating_mul(UNITS_PER_MS).to_string());
                }
                Piece::Pause(ms) => {
                    let whole = Duration::from_millis(before.saturating_add(ms));
                    before = 0;
                    if !self.sleep(whole).await {
                        return;
                    }
                }
            }
        }
    }

    /// Puts digits among those that the far end has sent.
    pub fn receive_digits(&mut self, text: &str) {
        receive(&mut self.a, text);
    }
}

/// Puts digits among those that a channel's far end has sent.
pub(super) fn receive(channel: &mut Channel, text: &str) {
    for piece in pieces(text) {
        if let Piece::Digits(digits, length) = piece {
            for key in digits.chars() {
                channel.push_digit(key, length.saturating_mul(UNITS_PER_MS));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_digits() {
        let digits = |text: &str, ms| Piece::Digits(text.to_owned(), ms);
        assert_eq!(pieces("12#"), [digits("12#", 250)]);
        assert_eq!(pieces("1w2@100+a@9"), [digits("1", 100), Piece::Pause(500), digits("2", 100), digits("A", 50)]);
        assert_eq!(pieces("x y"), []);
        assert_eq!(pieces(&"1".repeat(100)), []);
    }
}
