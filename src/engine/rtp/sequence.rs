//! Arithmetic modulo 2^16 and 2^32, as sequence numbers and timestamps need it (RFC 3550 5.1, RFC 1982).

/// How far `to` lies ahead of `from`, the shorter way round; negative: behind.
pub fn sequence_distance(from: u16, to: u16) -> i16 {
    to.wrapping_sub(from) as i16
}

/// How far `to` lies ahead of `from`, the shorter way round; negative: behind.
pub fn timestamp_distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

/// Whether `a` comes after `b`.
pub fn newer_sequence(a: u16, b: u16) -> bool {
    sequence_distance(b, a) > 0
}

/// Whether `a` comes after `b`.
pub fn newer_timestamp(a: u32, b: u32) -> bool {
    timestamp_distance(b, a) > 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wrapping() {
        for (from, to, distance) in
            [(0, 1, 1), (65_535, 0, 1), (0, 65_535, -1), (65_530, 10, 16), (5, 5, 0), (0, 0x7FFF, 0x7FFF)]
        {
            assert_eq!(sequence_distance(from, to), distance, "{from} {to}");
        }
        assert_eq!(timestamp_distance(u32::MAX, 159), 160);
        assert_eq!(timestamp_distance(0, u32::MAX), -1);
        assert!(newer_timestamp(3, u32::MAX) && !newer_timestamp(u32::MAX, 3) && !newer_sequence(7, 7));
    }

    proptest! {
        #[test]
        fn a_step_below_half_the_circle_is_seen_as_it_is(from: u16, step in -32_767_i16..=32_767) {
            prop_assert_eq!(sequence_distance(from, from.wrapping_add_signed(step)), step);
        }

        #[test]
        fn of_two_numbers_at_most_one_is_newer(a: u32, b: u32) {
            prop_assert!(!(newer_timestamp(a, b) && newer_timestamp(b, a)) || a.wrapping_sub(b) == 1 << 31);
        }
    }
}
