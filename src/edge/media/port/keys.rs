//! Digits that are to be sent as telephone events, one after the other.

use std::collections::VecDeque;

use crate::engine::rtp::{EventPacket, EventSender, event_of};

/// Digits that may wait.
const MAX_WAITING: usize = 128;
/// Pause after a digit, ms (FreeSWITCH's `rtp_digit_delay`).
const PAUSE_MS: u32 = 40;

/// The queue of a port.
#[derive(Debug, Default)]
pub(super) struct Keys {
    waiting: VecDeque<(char, u32)>,
    sending: Option<EventSender>,
    /// Packet times left of the pause.
    pause: u32,
}

impl Keys {
    /// Adds digits of `duration` units; other letters are passed over.
    pub(super) fn push(&mut self, digits: &str, duration: u32) {
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        let digits = digits.chars().filter(|digit| event_of(*digit).is_some()).take(room);
        self.waiting.extend(digits.map(|digit| (digit, duration)));
    }

    /// Whether packets are still to be sent.
    pub(super) fn active(&self) -> bool {
        self.sending.is_some() || !self.waiting.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The packet of this packet time, of `units` and `ms`; none in a pause.
    pub(super) fn next(&mut self, units: u32, ms: u32) -> Option<EventPacket> {
        if self.pause > 0 {
            self.pause -= 1;
            return None;
        }
        if self.sending.is_none() {
            let (digit, duration) = self.waiting.pop_front()?;
            self.sending = EventSender::new(digit, duration, u16::try_from(units).unwrap_or(u16::MAX));
        }
        let packet = self.sending.as_mut()?.next_packet();
        if packet.is_none_or(|packet| packet.last) {
            self.sending = None;
            self.pause = PAUSE_MS.div_ceil(ms.max(1));
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_each_other_after_a_pause() {
        let mut keys = Keys::default();
        keys.push("1x#", 320);
        let mut shown = String::new();
        while keys.active() {
            shown.push(match keys.next(160, 20) {
                None => '.',
                Some(packet) if packet.marker => {
                    if packet.payload.event == 1 {
                        '1'
                    } else {
                        '#'
                    }
                }
                Some(packet) => {
                    if packet.payload.end {
                        'e'
                    } else {
                        '-'
                    }
                }
            });
        }
        assert_eq!(shown, "1eee..#eee");
        keys.push(&"5".repeat(1000), 1);
        assert_eq!(keys.waiting.len(), MAX_WAITING);
    }
}
