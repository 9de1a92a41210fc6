//! `error/<cause>`: creation fails with that cause, no leg is made.
//!
//! The cause is a name or a number; text that names none is NORMAL_CLEARING. What is no failure (`NONE`, `0`, `SUCCESS`)
//! becomes DESTINATION_OUT_OF_ORDER.

use crate::call::leg::{DialRequest, LegFactory, Prepared};
use crate::words::model::Cause;

/// The endpoint `error`.
#[derive(Debug, Clone, Copy)]
pub struct ErrorEndpoint;

impl LegFactory for ErrorEndpoint {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        Err(match Cause::parse(request.destination) {
            Cause::NONE | Cause::SUCCESS => Cause::DESTINATION_OUT_OF_ORDER,
            cause => cause,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_request::dial;
    use super::*;

    #[test]
    fn the_text_is_the_cause() {
        for (text, cause) in [
            ("USER_BUSY", Cause::USER_BUSY),
            ("user_not_registered", Cause::USER_NOT_REGISTERED),
            ("19", Cause::NO_ANSWER),
            ("foo", Cause::NORMAL_CLEARING),
            ("NONE", Cause::DESTINATION_OUT_OF_ORDER),
            ("0", Cause::DESTINATION_OUT_OF_ORDER),
            ("SUCCESS", Cause::DESTINATION_OUT_OF_ORDER),
        ] {
            assert_eq!(dial(&ErrorEndpoint, "error", text, &[]).err(), Some(cause), "{text}");
        }
    }
}
