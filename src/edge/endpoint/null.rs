//! `null/<anything>`: a leg without signalling that answers by itself. Its audio goes nowhere and comes from nowhere, but
//! takes its time: files are played, and recordings are as long as they should be.
//!
//! Variables read from the leg's own set: `null_auto_answer_delay` (0..60000 ms before the answer),
//! `null_enable_auto_answer` (false: never answers), `null_pre_answer` (early media first), `null_hangup_cause` (fails
//! with it instead). FreeSWITCH's `null_no_pre_answer` is read from A by the call.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::AbortHandle;

use crate::call::leg::{
    DialRequest, EventSink, Failure, Headers, Leg, LegCommand, LegEvent, LegFactory, MediaParams, Prepared,
    PreparedLeg, Started,
};
use crate::engine::sdp::{Codec, Direction, Local, Preference, SessionDescription};
use crate::words::model::{Cause, falsy, phrase, truthy};

/// Longest delay that `null_auto_answer_delay` may ask for, ms.
const LONGEST_DELAY_MS: u64 = 60_000;

/// The port of the service `discard` (RFC 863).
const DISCARD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// The endpoint `null`.
#[derive(Debug, Clone, Copy)]
pub struct NullEndpoint;

impl LegFactory for NullEndpoint {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        let variable = |name: &str| request.variables.get(name);
        let delay = variable("null_auto_answer_delay").and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Prepared::Leg(Box::new(PreparedNull {
            destination: request.destination.to_owned(),
            delay: Duration::from_millis(u64::min(delay, LONGEST_DELAY_MS)),
            early: variable("null_pre_answer").is_some_and(truthy),
            outcome: match variable("null_hangup_cause") {
                Some(cause) => Outcome::Fail(Cause::parse(cause)),
                None if variable("null_enable_auto_answer").is_some_and(falsy) => Outcome::Wait,
                None => Outcome::Answer,
            },
        })))
    }
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Answer,
    Wait,
    Fail(Cause),
}

struct PreparedNull {
    destination: String,
    delay: Duration,
    early: bool,
    outcome: Outcome,
}

impl PreparedLeg for PreparedNull {
    fn channel_name(&self) -> String {
        format!("null/{}", self.destination)
    }

    fn media(&self) -> Option<MediaParams> {
        Some(super::loopback::media())
    }

    fn start(self: Box<Self>, offer: Option<Bytes>, sink: EventSink) -> Started {
        let sdp = offer.and_then(|offer| answer_to(&offer));
        if self.early {
            sink.signal(LegEvent::Progress {
                status: 183,
                phrase: phrase(183).to_owned(),
                headers: Headers::new(),
                sdp: Some(sdp.clone().unwrap_or_default()),
            });
        }
        let outcome = self.outcome;
        let mut waiting = None;
        if self.delay.is_zero() {
            tell(&sink, outcome, sdp);
        } else {
            let sink = sink.clone();
            let task = tokio::spawn(async move {
                tokio::time::sleep(self.delay).await;
                tell(&sink, outcome, sdp);
            });
            waiting = Some(task.abort_handle());
        }
        Started { leg: Box::new(NullLeg { sink, waiting }), variables: Vec::new() }
    }
}

/// Takes what it is offered, and only listens, at a port where nobody does.
fn answer_to(offer: &[u8]) -> Option<Bytes> {
    let offer = SessionDescription::parse(offer).ok()?;
    let (codecs, _) = Codec::list(&super::loopback::media().codecs);
    let agreed = offer.agree(&codecs, Preference::Generous).ok()?;
    let local = Local {
        name: "switch".to_owned(),
        session: 1,
        version: 1,
        address: DISCARD,
        dtmf: agreed.dtmf,
        direction: Direction::RecvOnly,
    };
    Some(Bytes::from(offer.answer(&local, &agreed).to_string()))
}

fn tell(sink: &EventSink, outcome: Outcome, sdp: Option<Bytes>) {
    match outcome {
        Outcome::Answer => {
            sink.signal(LegEvent::Answered {
                phrase: phrase(200).to_owned(),
                headers: Headers::new(),
                sdp,
                session: None,
            });
        }
        Outcome::Fail(cause) => {
            sink.signal(LegEvent::Failed(Failure { cause: Some(cause), ..Failure::default() }));
        }
        Outcome::Wait => {}
    }
}

struct NullLeg {
    sink: EventSink,
    waiting: Option<AbortHandle>,
}

impl NullLeg {
    fn stop(&mut self) {
        if let Some(task) = self.waiting.take() {
            task.abort();
        }
    }
}

impl Leg for NullLeg {
    fn send(&mut self, command: LegCommand) {
        match command {
            LegCommand::Cancel { .. } | LegCommand::Bye { .. } => self.stop(),
            LegCommand::Reinvite { token, .. } | LegCommand::Request { token, .. } => {
                self.sink.signal(LegEvent::Response {
                    token,
                    status: 200,
                    phrase: phrase(200).to_owned(),
                    sdp: None,
                    min_se: None,
                });
            }
            other => tracing::debug!(?other, "a null leg has no use for this"),
        }
    }
}

impl Drop for NullLeg {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_request::leg;
    use super::*;
    use crate::call::leg::CallEvent;

    async fn events(variables: &[(&str, &str)], wait: bool) -> Vec<String> {
        let prepared = leg(&NullEndpoint, "null", "x", variables);
        assert_eq!(prepared.channel_name(), "null/x");
        let (sink, mut events) = EventSink::new();
        let started = prepared.start(None, sink);
        if wait {
            tokio::time::sleep(Duration::from_secs(61)).await;
        }
        drop(started);
        let mut seen = Vec::new();
        while let Ok(CallEvent::Leg { event, .. }) = events.try_recv() {
            seen.push(match event {
                LegEvent::Progress { status, .. } => status.to_string(),
                LegEvent::Answered { .. } => "answered".into(),
                LegEvent::Failed(failure) => failure.cause.unwrap().name().into(),
                other => format!("{other:?}"),
            });
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn variables_decide_what_happens() {
        assert_eq!(events(&[], false).await, ["answered"]);
        assert_eq!(events(&[("null_pre_answer", "true")], false).await, ["183", "answered"]);
        assert_eq!(events(&[("null_hangup_cause", "user_busy")], false).await, ["USER_BUSY"]);
        assert!(events(&[("null_enable_auto_answer", "false")], true).await.is_empty());
        assert!(events(&[("null_auto_answer_delay", "50")], false).await.is_empty(), "dropped before its time");
        assert_eq!(events(&[("null_auto_answer_delay", "999999")], true).await, ["answered"]);
    }
}
