//! Hangup causes: why a leg ended.
//!
//! One table gives number, name and the SIP status an unanswered inbound leg is refused with. Numbers below 128 are
//! Q.850; the rest are FreeSWITCH's own. A cause is an integer: a number outside the table is legal, prints as
//! `UNKNOWN`, and is refused with 480. Unknown *names* quietly become `NORMAL_CLEARING`, as in FreeSWITCH; the
//! checker tells users about them.

use std::fmt;

/// A hangup cause by its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause(u32);

struct Row {
    number: u32,
    name: &'static str,
    status: u16,
}

macro_rules! causes {
    ($($number:literal $name:ident $status:literal;)*) => {
        /// One constant per row of the table.
        impl Cause {
            $(
                #[doc = concat!("Cause ", stringify!($number), "; refused with SIP ", stringify!($status), ".")]
                pub const $name: Cause = Cause($number);
            )*
        }

        const TABLE: &[Row] = &[
            $(Row { number: $number, name: stringify!($name), status: $status },)*
        ];
    };
}

causes! {
    0 NONE 480;
    1 UNALLOCATED_NUMBER 404;
    2 NO_ROUTE_TRANSIT_NET 404;
    3 NO_ROUTE_DESTINATION 404;
    6 CHANNEL_UNACCEPTABLE 480;
    7 CALL_AWARDED_DELIVERED 480;
    16 NORMAL_CLEARING 480;
    17 USER_BUSY 486;
    18 NO_USER_RESPONSE 408;
    19 NO_ANSWER 480;
    20 SUBSCRIBER_ABSENT 480;
    21 CALL_REJECTED 603;
    22 NUMBER_CHANGED 410;
    23 REDIRECTION_TO_NEW_DESTINATION 410;
    25 EXCHANGE_ROUTING_ERROR 483;
    27 DESTINATION_OUT_OF_ORDER 502;
    28 INVALID_NUMBER_FORMAT 484;
    29 FACILITY_REJECTED 501;
    30 RESPONSE_TO_STATUS_ENQUIRY 480;
    31 NORMAL_UNSPECIFIED 480;
    34 NORMAL_CIRCUIT_CONGESTION 503;
    38 NETWORK_OUT_OF_ORDER 503;
    41 NORMAL_TEMPORARY_FAILURE 503;
    42 SWITCH_CONGESTION 503;
    43 ACCESS_INFO_DISCARDED 480;
    44 REQUESTED_CHAN_UNAVAIL 503;
    45 PRE_EMPTED 480;
    50 FACILITY_NOT_SUBSCRIBED 480;
    52 OUTGOING_CALL_BARRED 403;
    54 INCOMING_CALL_BARRED 403;
    57 BEARERCAPABILITY_NOTAUTH 403;
    58 BEARERCAPABILITY_NOTAVAIL 503;
    63 SERVICE_UNAVAILABLE 480;
    65 BEARERCAPABILITY_NOTIMPL 488;
    66 CHAN_NOT_IMPLEMENTED 480;
    69 FACILITY_NOT_IMPLEMENTED 501;
    79 SERVICE_NOT_IMPLEMENTED 501;
    81 INVALID_CALL_REFERENCE 480;
    88 INCOMPATIBLE_DESTINATION 488;
    95 INVALID_MSG_UNSPECIFIED 480;
    96 MANDATORY_IE_MISSING 480;
    97 MESSAGE_TYPE_NONEXIST 480;
    98 WRONG_MESSAGE 480;
    99 IE_NONEXIST 480;
    100 INVALID_IE_CONTENTS 480;
    101 WRONG_CALL_STATE 480;
    102 RECOVERY_ON_TIMER_EXPIRE 504;
    103 MANDATORY_IE_LENGTH_ERROR 480;
    111 PROTOCOL_ERROR 480;
    127 INTERWORKING 480;
    142 SUCCESS 480;
    487 ORIGINATOR_CANCEL 487;
    700 CRASH 480;
    701 SYSTEM_SHUTDOWN 480;
    702 LOSE_RACE 480;
    703 MANAGER_REQUEST 480;
    800 BLIND_TRANSFER 480;
    801 ATTENDED_TRANSFER 480;
    802 ALLOTTED_TIMEOUT 480;
    803 USER_CHALLENGE 480;
    804 MEDIA_TIMEOUT 480;
    805 PICKED_OFF 480;
    806 USER_NOT_REGISTERED 480;
    807 PROGRESS_TIMEOUT 480;
    808 INVALID_GATEWAY 484;
    809 GATEWAY_DOWN 503;
    810 INVALID_URL 484;
    811 INVALID_PROFILE 502;
    812 NO_PICKUP 480;
    813 SRTP_READ_ERROR 480;
    814 BOWOUT 480;
    815 BUSY_EVERYWHERE 600;
    816 DECLINE 603;
    817 DOES_NOT_EXIST_ANYWHERE 604;
    818 NOT_ACCEPTABLE 606;
    819 UNWANTED 607;
    820 NO_IDENTITY 428;
    821 BAD_IDENTITY_INFO 429;
    822 UNSUPPORTED_CERTIFICATE 437;
    823 INVALID_IDENTITY 438;
    824 STALE_DATE 403;
    825 REJECT_ALL 603;
}

impl Cause {
    /// Any number is a cause; see [`Cause::name`] for those outside the table.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The row with exactly this name, ignoring ASCII case; `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(name)).map(|row| Self(row.number))
    }

    /// What FreeSWITCH makes of a cause text: empty is NORMAL_CLEARING, leading digits are taken as a number without a
    /// range check, otherwise a name in any case; an unknown name is NORMAL_CLEARING.
    pub fn parse(text: &str) -> Self {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let digits: &str = text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
            return Self(digits.parse().unwrap_or(u32::MAX));
        }
        Self::from_name(text).unwrap_or(Self::NORMAL_CLEARING)
    }

    /// The number: Q.850 below 128, FreeSWITCH's own above.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The name, or `UNKNOWN` for a number outside the table.
    pub fn name(self) -> &'static str {
        self.row().map_or("UNKNOWN", |row| row.name)
    }

    /// The final SIP status an unanswered inbound leg gets for this cause, before overrides; 480 outside the table.
    pub fn sip_status(self) -> u16 {
        self.row().map_or(480, |row| row.status)
    }

    /// The number as Q.850 knows it: itself up to 127, else 16.
    pub fn q850(self) -> u32 {
        if self.0 <= 127 { self.0 } else { 16 }
    }

    /// The cause of a leg whose INVITE ended with this final SIP status (or whose BYE did: 200).
    pub fn from_sip_status(status: u16) -> Self {
        match status {
            200 => Self::NORMAL_CLEARING,
            400 | 481 | 500 | 503 => Self::NORMAL_TEMPORARY_FAILURE,
            401..=403 | 407 | 603 | 608 => Self::CALL_REJECTED,
            404 => Self::UNALLOCATED_NUMBER,
            405 => Self::SERVICE_UNAVAILABLE,
            406 | 415 | 501 => Self::SERVICE_NOT_IMPLEMENTED,
            408 | 504 => Self::RECOVERY_ON_TIMER_EXPIRE,
            410 => Self::NUMBER_CHANGED,
            413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => Self::INTERWORKING,
            428 => Self::NO_IDENTITY,
            429 => Self::BAD_IDENTITY_INFO,
            437 => Self::UNSUPPORTED_CERTIFICATE,
            438 => Self::INVALID_IDENTITY,
            480 => Self::NO_USER_RESPONSE,
            482 | 483 => Self::EXCHANGE_ROUTING_ERROR,
            484 => Self::INVALID_NUMBER_FORMAT,
            485 | 604 => Self::NO_ROUTE_DESTINATION,
            486 | 600 => Self::USER_BUSY,
            487 => Self::ORIGINATOR_CANCEL,
            488 | 606 => Self::INCOMPATIBLE_DESTINATION,
            502 => Self::NETWORK_OUT_OF_ORDER,
            607 => Self::UNWANTED,
            _ => Self::NORMAL_UNSPECIFIED,
        }
    }

    /// `DIALSTATUS` of an originate that ended with this cause.
    pub fn dial_status(self) -> &'static str {
        match self {
            Self::ORIGINATOR_CANCEL => "CANCEL",
            Self::USER_BUSY => "BUSY",
            Self::NO_ANSWER => "NOANSWER",
            Self::DESTINATION_OUT_OF_ORDER | Self::INVALID_PROFILE => "INVALIDARGS",
            Self::CALL_REJECTED => "DONTCALL",
            other => other.name(),
        }
    }

    /// Text of the Reason header (RFC 3326) that announces this cause.
    pub fn reason_header(self) -> String {
        let protocol = if self.0 > 0 && self.0 < 128 { "Q.850" } else { "SIP" };
        format!("{protocol};cause={};text=\"{}\"", self.0, self.name())
    }

    /// All rows of the table in number order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| Self(row.number))
    }

    fn row(self) -> Option<&'static Row> {
        let at = TABLE.binary_search_by_key(&self.0, |row| row.number).ok()?;
        TABLE.get(at)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_round_trips() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].number < pair[1].number, "{}", pair[1].name);
        }
        for cause in Cause::all() {
            assert_eq!(Cause::from_name(cause.name()), Some(cause));
            assert_eq!(Cause::parse(&cause.name().to_lowercase()), cause);
            assert_eq!(Cause::parse(&cause.number().to_string()), cause);
        }
    }

    #[test]
    fn texts_parse_as_freeswitch_parses_them() {
        for (text, number) in [
            ("", 16),
            ("user_busy", 17),
            ("NOT_A_CAUSE", 16),
            ("21", 21),
            ("603", 603),
            ("17abc", 17),
            ("alloted_timeout", 16),
            ("99999999999", u32::MAX),
        ] {
            assert_eq!(Cause::parse(text).number(), number, "{text}");
        }
    }

    #[test]
    fn a_number_outside_the_table_is_unknown_and_refused_with_480() {
        let cause = Cause::from_number(603);
        assert_eq!((cause.name(), cause.sip_status()), ("UNKNOWN", 480));
        assert_eq!(cause.reason_header(), "SIP;cause=603;text=\"UNKNOWN\"");
        assert_eq!(Cause::USER_BUSY.reason_header(), "Q.850;cause=17;text=\"USER_BUSY\"");
        assert_eq!(Cause::NONE.reason_header(), "SIP;cause=0;text=\"NONE\"");
    }

    #[test]
    fn the_two_maps_are_not_inverses() {
        for (received, sent) in [(480, 408), (408, 504), (503, 503), (404, 404), (405, 480), (413, 480), (600, 486)] {
            assert_eq!(Cause::from_sip_status(received).sip_status(), sent, "{received}");
        }
    }
}
