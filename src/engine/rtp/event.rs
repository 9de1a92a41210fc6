//! Digits as telephone events (RFC 4733 2.3, 2.5).
//!
//! All packets of an event carry the timestamp of its beginning; the duration grows; the end is sent three times. The
//! receiver knows an event by its timestamp, so that repeated and late packets count once.

use super::packet::Packet;
use super::sequence::newer_timestamp;

/// Length of a digit when nobody says otherwise, timestamp units of 8 kHz (FreeSWITCH's 2000: 250 ms).
pub const DEFAULT_DURATION: u32 = 2000;

/// Power of sent events: -10 dBm0.
const VOLUME: u8 = 10;
/// How often the end is sent.
const END_PACKETS: u8 = 3;

const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// The digit of an event number; none beyond 15.
pub fn digit_of(event: u8) -> Option<char> {
    DIGITS.get(usize::from(event)).copied()
}

/// The event number of a digit, `0-9 * # A-D`, small letters too.
pub fn event_of(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    DIGITS.iter().position(|known| *known == digit).and_then(|at| u8::try_from(at).ok())
}

/// The payload of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPayload {
    /// Event number; 0 to 15 are digits.
    pub event: u8,
    /// Whether the event is over.
    pub end: bool,
    /// Power below 0 dBm0, 0..=63.
    pub volume: u8,
    /// Duration so far, timestamp units.
    pub duration: u16,
}

impl EventPayload {
    /// Reads a payload; none when it is too short. Further events in it are passed over.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low, ..] = payload else { return None };
        let duration = u16::from_be_bytes([*high, *low]);
        Some(Self { event: *event, end: flags & 0x80 != 0, volume: flags & 0x3F, duration })
    }

    /// The payload as bytes.
    pub fn to_bytes(&self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | (self.volume & 0x3F), high, low]
    }
}

/// Turns packets into digits.
///
/// A digit is told when its end arrives. If all end packets are lost, it is told when the next event begins, or by
/// [`EventReceiver::expire`].
#[derive(Debug, Clone, Default)]
pub struct EventReceiver {
    current: Option<Current>,
    /// Timestamp of the event told last.
    told: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    timestamp: u32,
    event: u8,
    duration: u32,
    /// Duration field of the newest packet, to see it start over in a long event.
    field: u16,
}

impl EventReceiver {
    /// Takes a packet of the telephone-event payload number. Digit and duration (timestamp units) of an event that is
    /// over by it; two can be when the end of the one before was lost, then the older is returned and this one follows
    /// with its next packet.
    pub fn receive(&mut self, packet: &Packet<'_>) -> Option<(char, u32)> {
        let payload = EventPayload::parse(packet.payload)?;
        digit_of(payload.event)?;
        let timestamp = packet.header.timestamp;
        if self.told == Some(timestamp) {
            return None;
        }
        match &mut self.current {
            Some(current) if current.timestamp == timestamp => {
                if current.event != payload.event {
                    return None;
                }
                current.take(payload.duration);
                if payload.end { self.tell() } else { None }
            }
            Some(current) if !newer_timestamp(timestamp, current.timestamp) => None,
            Some(current) => {
                // An event longer than 0xFFFF units goes on in another segment, which begins where the last one
                // ended (2.5.1.3).
                if current.event == payload.event
                    && current.field == u16::MAX
                    && timestamp == current.timestamp.wrapping_add(u32::from(u16::MAX))
                {
                    current.timestamp = timestamp;
                    current.field = 0;
                    current.take(payload.duration);
                    return if payload.end { self.tell() } else { None };
                }
                let before = self.tell();
                self.begin(timestamp, payload);
                before
            }
            None => {
                if self.told.is_some_and(|told| !newer_timestamp(timestamp, told) && recent(told, timestamp)) {
                    return None;
                }
                self.begin(timestamp, payload);
                if payload.end { self.tell() } else { None }
            }
        }
    }

    /// Whether an event has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Ends the event that is open: for callers that see no packet of it for too long (RFC 4733 2.5.1.4 suggests three
    /// packet times).
    pub fn expire(&mut self) -> Option<(char, u32)> {
        self.tell()
    }

    fn begin(&mut self, timestamp: u32, payload: EventPayload) {
        let mut current = Current { timestamp, event: payload.event, duration: 0, field: 0 };
        current.take(payload.duration);
        self.current = Some(current);
    }

    fn tell(&mut self) -> Option<(char, u32)> {
        let current = self.current.take()?;
        self.told = Some(current.timestamp);
        Some((digit_of(current.event)?, current.duration))
    }
}

impl Current {
    fn take(&mut self, duration: u16) {
        if duration > self.field {
            self.duration = self.duration.saturating_add(u32::from(duration - self.field));
            self.field = duration;
        }
    }
}

/// Whether a timestamp behind `told` is that of a late packet and not of a stream whose timestamps started over.
fn recent(told: u32, timestamp: u32) -> bool {
    told.wrapping_sub(timestamp) < 80_000
}

/// One packet to be sent, apart from the numbers the stream gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// Marker bit: set on the first packet.
    pub marker: bool,
    /// The payload.
    pub payload: EventPayload,
    /// Whether it is the last packet of the digit.
    pub last: bool,
}

/// The packets of one digit. The caller asks for one every packet time and sends all with the timestamp of the first.
///
/// The end is sent three times, one packet time apart, as FreeSWITCH does.
#[derive(Debug, Clone)]
pub struct EventSender {
    event: u8,
    /// Whole length, units.
    total: u32,
    /// Units per packet.
    step: u16,
    sent: u32,
    first: bool,
    ends_left: u8,
}

impl EventSender {
    /// A digit of `duration` units, in packets every `step` units (160 for 20 ms at 8 kHz). None: no such digit.
    pub fn new(digit: char, duration: u32, step: u16) -> Option<Self> {
        let step = step.max(1);
        // The field has 16 bits; a single segment of 8 seconds is more than any digit needs.
        let total = duration.clamp(u32::from(step), u32::from(u16::MAX));
        Some(Self { event: event_of(digit)?, total, step, sent: 0, first: true, ends_left: END_PACKETS })
    }

    /// The next packet; none after the last.
    pub fn next_packet(&mut self) -> Option<EventPacket> {
        if self.ends_left == 0 {
            return None;
        }
        self.sent = (self.sent + u32::from(self.step)).min(self.total);
        // A digit of one packet still begins with one that is not the end.
        let end = !self.first && self.sent == self.total;
        if end {
            self.ends_left -= 1;
        }
        let payload = EventPayload { event: self.event, end, volume: VOLUME, duration: self.sent as u16 };
        Some(EventPacket { marker: std::mem::take(&mut self.first), payload, last: self.ends_left == 0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::rtp::Header;

    fn receive(receiver: &mut EventReceiver, timestamp: u32, payload: EventPayload) -> Option<(char, u32)> {
        let header = Header { marker: false, payload_type: 101, sequence: 0, timestamp, ssrc: 1 };
        receiver.receive(&Packet { header, payload: &payload.to_bytes() })
    }

    fn event(event: u8, end: bool, duration: u16) -> EventPayload {
        EventPayload { event, end, volume: 10, duration }
    }

    #[test]
    fn digits_go_both_ways() {
        for digit in "0123456789*#ABCD".chars() {
            assert_eq!(digit_of(event_of(digit).unwrap()), Some(digit));
        }
        assert_eq!((event_of('d'), event_of('x'), digit_of(16)), (Some(15), None, None));
    }

    #[test]
    fn a_digit_is_told_once_at_its_end() {
        let mut receiver = EventReceiver::default();
        let rows = [
            (1000, event(5, false, 160), None),
            (1000, event(5, false, 320), None),
            (1000, event(5, true, 480), Some(('5', 480))),
            (1000, event(5, true, 480), None),
            (1000, event(5, true, 480), None),
            (1000, event(5, false, 320), None),
            (3000, event(5, true, 160), Some(('5', 160))),
            (1000, event(5, true, 480), None),
        ];
        for (timestamp, payload, expected) in rows {
            assert_eq!(receive(&mut receiver, timestamp, payload), expected, "{timestamp} {payload:?}");
        }
    }

    #[test]
    fn lost_ends_are_made_up_for() {
        let mut receiver = EventReceiver::default();
        receive(&mut receiver, 1000, event(1, false, 160));
        receive(&mut receiver, 1000, event(1, false, 320));
        assert_eq!(receive(&mut receiver, 4000, event(2, false, 160)), Some(('1', 320)));
        assert!(receiver.is_open());
        assert_eq!(receiver.expire(), Some(('2', 160)));
        assert_eq!((receiver.expire(), receiver.is_open()), (None, false));
        assert_eq!(receive(&mut receiver, 4000, event(2, true, 480)), None);
    }

    #[test]
    fn a_long_event_goes_on_in_segments() {
        let mut receiver = EventReceiver::default();
        receive(&mut receiver, 0, event(9, false, u16::MAX - 5));
        receive(&mut receiver, 0, event(9, false, u16::MAX));
        receive(&mut receiver, 65_535, event(9, false, 160));
        assert_eq!(receive(&mut receiver, 65_535, event(9, true, 320)), Some(('9', 65_535 + 320)));
    }

    #[test]
    fn other_events_and_short_payloads_are_passed_over() {
        let mut receiver = EventReceiver::default();
        assert_eq!(receive(&mut receiver, 1, event(36, true, 100)), None);
        assert_eq!(EventPayload::parse(&[1, 2, 3]), None);
        assert!(!receiver.is_open());
    }

    #[test]
    fn a_digit_is_sent_with_growing_duration_and_three_ends() {
        let mut sender = EventSender::new('#', 400, 160).unwrap();
        let packets: Vec<EventPacket> = std::iter::from_fn(|| sender.next_packet()).collect();
        let shown: Vec<_> = packets.iter().map(|p| (p.marker, p.payload.end, p.payload.duration, p.last)).collect();
        assert_eq!(
            shown,
            [
                (true, false, 160, false),
                (false, false, 320, false),
                (false, true, 400, false),
                (false, true, 400, false),
                (false, true, 400, true)
            ]
        );
        assert!(packets.iter().all(|p| p.payload.event == 11 && p.payload.volume == 10));
        let mut default = EventSender::new('1', DEFAULT_DURATION, 160).unwrap();
        assert_eq!(std::iter::from_fn(|| default.next_packet()).count(), 12 + 3);
        assert!(EventSender::new('x', 400, 160).is_none());
    }

    proptest! {
        #[test]
        fn what_is_sent_is_heard_in_spite_of_loss(
            digits in "[0-9A-D*#]{1,6}", duration in 1_u32..70_000, start: u32, kept in proptest::collection::vec(any::<bool>(), 40)
        ) {
            let (mut receiver, mut heard) = (EventReceiver::default(), String::new());
            let mut timestamp = start;
            let mut keep = kept.iter().cycle();
            for digit in digits.chars() {
                let mut sender = EventSender::new(digit, duration, 160).unwrap();
                while let Some(packet) = sender.next_packet() {
                    // The first packet always arrives; of the others some.
                    if packet.marker || *keep.next().unwrap() {
                        heard.extend(receive(&mut receiver, timestamp, packet.payload).map(|(digit, _)| digit));
                    }
                }
                timestamp = timestamp.wrapping_add(duration + 800);
            }
            heard.extend(receiver.expire().map(|(digit, _)| digit));
            prop_assert_eq!(heard, digits);
        }

        #[test]
        fn no_packet_panics(packets in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..6)), 0..100)) {
            let mut receiver = EventReceiver::default();
            for (timestamp, payload) in packets {
                let header = Header { marker: false, payload_type: 101, sequence: 0, timestamp, ssrc: 1 };
                receiver.receive(&Packet { header, payload: &payload });
            }
        }
    }
}
