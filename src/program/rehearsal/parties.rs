//! The two sides of a call that never leaves the process.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::call::leg::{
    DialRequest, EventSink, Failure, Leg, LegCommand, LegEvent, LegFactory, MediaParams, Prepared, PreparedLeg, Started,
};
use crate::words::model::{Cause, phrase};

/// Endpoints whose legs answer to what was asked for.
pub(super) const ENDPOINTS: &[&str] = &["sofia", "user", "group", "loopback", "null", "pickup"];

/// What every far end does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarEnd {
    /// Answers, and hangs up.
    Answers,
    /// Refuses with this status.
    Status(u16),
    /// Fails with this cause.
    Cause(Cause),
}

impl FarEnd {
    /// `ANSWER`, a SIP status or the name or number of a cause.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("answer") {
            return Ok(Self::Answers);
        }
        match text.parse::<u16>() {
            Ok(status @ 300..=699) => return Ok(Self::Status(status)),
            Ok(other) if !(1..=127).contains(&other) => return Err(format!("{other} is no final SIP status")),
            _ => {}
        }
        match Cause::parse(text) {
            Cause::NONE => Err(format!("{text} is neither a SIP status nor a cause; switch causes lists them")),
            Cause::NORMAL_CLEARING if !matches!(text.to_ascii_uppercase().as_str(), "NORMAL_CLEARING" | "16") => {
                Err(format!("{text} is neither a SIP status nor a cause; switch causes lists them"))
            }
            cause => Ok(Self::Cause(cause)),
        }
    }
}

/// The far ends that a rehearsed call dials.
pub(super) struct FarEnds(pub(super) FarEnd);

impl LegFactory for FarEnds {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        let name = format!("{}/{}", request.endpoint, request.destination);
        if request.endpoint.eq_ignore_ascii_case("error") {
            return Err(match Cause::parse(request.destination) {
                Cause::NONE | Cause::SUCCESS => Cause::DESTINATION_OUT_OF_ORDER,
                cause => cause,
            });
        }
        if !ENDPOINTS.contains(&request.endpoint) {
            return Err(Cause::CHAN_NOT_IMPLEMENTED);
        }
        Ok(Prepared::Leg(Box::new(Dialled { name, far_end: self.0 })))
    }
}

struct Dialled {
    name: String,
    far_end: FarEnd,
}

impl PreparedLeg for Dialled {
    fn channel_name(&self) -> String {
        self.name.clone()
    }

    fn media(&self) -> Option<MediaParams> {
        None
    }

    fn start(self: Box<Self>, _offer: Option<Bytes>, sink: EventSink) -> Started {
        let failed = |failure| sink.signal(LegEvent::Failed(failure));
        match self.far_end {
            FarEnd::Answers => {
                sink.signal(LegEvent::Answered {
                    phrase: phrase(200).to_owned(),
                    headers: Vec::new(),
                    sdp: None,
                    session: None,
                });
                sink.signal(LegEvent::Bye { reason: None, headers: Vec::new() });
            }
            FarEnd::Status(status) => {
                failed(Failure { status, phrase: phrase(status).to_owned(), ..Failure::default() });
            }
            FarEnd::Cause(cause) => failed(Failure { cause: Some(cause), ..Failure::default() }),
        }
        Started { leg: Box::new(Silent), variables: Vec::new() }
    }
}

/// A far end that has nothing to say any more.
struct Silent;

impl Leg for Silent {
    fn send(&mut self, _command: LegCommand) {}
}

/// What the caller was told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// It was answered.
    pub answered: bool,
    /// Final status and phrase of an unanswered call.
    pub refused: Option<(u16, String)>,
}

/// The caller's leg.
pub(super) struct Caller {
    pub(super) told: Arc<Mutex<Told>>,
    pub(super) sink: EventSink,
}

impl Leg for Caller {
    fn send(&mut self, command: LegCommand) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match command {
            LegCommand::Answer { .. } => told.answered = true,
            LegCommand::Reject { status, phrase: own, .. } => {
                told.refused = Some((status, own.unwrap_or_else(|| phrase(status).to_owned())));
            }
            LegCommand::Reinvite { token, .. } | LegCommand::Request { token, .. } => {
                let phrase = phrase(200).to_owned();
                self.sink.signal(LegEvent::Response { token, status: 200, phrase, sdp: None, min_se: None });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_ends_are_named_as_users_name_them() {
        assert_eq!(FarEnd::parse("486"), Ok(FarEnd::Status(486)));
        assert_eq!(FarEnd::parse("user_busy"), Ok(FarEnd::Cause(Cause::USER_BUSY)));
        assert_eq!(FarEnd::parse("17"), Ok(FarEnd::Cause(Cause::USER_BUSY)));
        assert_eq!(FarEnd::parse("Answer"), Ok(FarEnd::Answers));
        for wrong in ["200", "nonsense", "", "999"] {
            assert!(FarEnd::parse(wrong).is_err(), "{wrong}");
        }
    }
}
