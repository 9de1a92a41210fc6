//! Enterprise originate: the parts of `a:_:b` are dial strings of their own, dialled at once; the first that is answered
//! wins.
//!
//! The parts run without the caller, as in FreeSWITCH: he hears no ringing of theirs, and none of their failures leaves a
//! variable on his channel. The cause of the originate is that of the part that failed first.

use std::time::Duration;

use tokio::time::Instant;

use super::create::{Alternatives, Target};
use super::dialled::Dialled;
use super::originate::{DEFAULT_TIMEOUT_S, OriginateFailure};
use super::{Call, Wake};
use crate::call::channel::Phase;
use crate::call::dial::DialString;
use crate::call::leg::LegId;
use crate::words::model::{Cause, Variables};

/// One part.
struct Part {
    alternatives: Alternatives,
    global: Variables,
    /// Legs of the alternative at hand.
    legs: Vec<LegId>,
    until: Instant,
    cause: Option<Cause>,
}

impl Call {
    pub(super) async fn enterprise(&mut self, dial: DialString) -> Result<LegId, OriginateFailure> {
        let before = self.a.variables.clone();
        let mut parts: Vec<Part> = Vec::new();
        for simple in dial.simple {
            let mut global = self.dial_variables(dial.variables.iter().chain(&simple.variables));
            for (name, value) in [("ignore_early_media", "true"), ("ignore_ring_ready", "true")] {
                global.set(name, value);
            }
            let seconds = global.get("originate_timeout").and_then(|text| text.parse().ok()).filter(|n| *n > 0);
            let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(DEFAULT_TIMEOUT_S));
            let alternatives = simple.alternatives.iter().map(|legs| Target::of(legs, &global)).collect();
            parts.push(Part { alternatives, global, legs: Vec::new(), until, cause: None });
        }
        let outcome = self.first_of(&mut parts).await;
        let winner = outcome.ok();
        let legs: Vec<LegId> = parts.iter().flat_map(|part| &part.legs).copied().collect();
        let reason = if self.a.up() { Cause::LOSE_RACE } else { Cause::ORIGINATOR_CANCEL };
        self.end_all(&legs, winner, reason);
        let losers: Vec<LegId> = legs.into_iter().filter(|id| Some(*id) != winner).collect();
        self.forget(&losers);
        if self.a.up() {
            self.a.variables = before;
        }
        self.a.variables.remove("DIALSTATUS");
        self.a.variables.set("originate_disposition", if winner.is_some() { "success" } else { "failure" });
        if winner.is_some() {
            self.a.variables.set("DIALSTATUS", "SUCCESS");
        }
        outcome.map_err(|cause| OriginateFailure { cause, forced: None })
    }

    async fn first_of(&mut self, parts: &mut [Part]) -> Result<LegId, Cause> {
        let mut first = None;
        loop {
            if !self.a.up() || self.a.phase == Phase::Routing {
                return Err(Cause::ORIGINATOR_CANCEL);
            }
            for part in parts.iter_mut() {
                self.go_on_with(part).await;
                first = first.or(part.cause);
            }
            if parts.iter().all(|part| part.cause.is_some()) {
                return Err(first.unwrap_or(Cause::ORIGINATOR_CANCEL));
            }
            let ids: Vec<LegId> = parts.iter().flat_map(|part| &part.legs).copied().collect();
            let open = parts.iter().filter(|part| part.cause.is_none()).map(|part| part.until);
            let due = self.leg_deadlines(&ids).chain(open).min();
            match self.next(due).await {
                Wake::Timer => {
                    let now = Instant::now();
                    self.leg_timers_due(&ids, now);
                    for part in parts.iter_mut().filter(|part| part.cause.is_none() && now >= part.until) {
                        self.end_all(&part.legs, None, Cause::NO_ANSWER);
                        part.cause = Some(Cause::NO_ANSWER);
                    }
                }
                Wake::Callee(id, event) => {
                    let Some(part) = parts.iter().find(|part| part.legs.contains(&id)) else { continue };
                    match self.dialled(id, event, &part.global, false, false).await {
                        Dialled::Wins => return Ok(id),
                        Dialled::Replaced(by) => return Ok(by),
                        Dialled::Waits | Dialled::Rejected(_) => {}
                    }
                }
                Wake::Caller | Wake::Media(_) | Wake::CalleeMedia(..) => {}
            }
        }
    }

    /// Starts the next alternative of a part whose legs are gone; without one the part has failed.
    async fn go_on_with(&mut self, part: &mut Part) {
        while part.cause.is_none() && !self.any_alive(&part.legs) {
            let last = if part.legs.is_empty() { None } else { Some(self.first_cause(&part.legs)) };
            let gone = std::mem::take(&mut part.legs);
            self.forget(&gone);
            let Some(legs) = part.alternatives.pop_front() else {
                part.cause = last.or(Some(Cause::ORIGINATOR_CANCEL));
                return;
            };
            match self.create_all(legs, &part.global, Instant::now(), &mut part.alternatives).await {
                Ok(created) => part.legs = created,
                Err(cause) if part.alternatives.is_empty() => part.cause = Some(cause),
                Err(_) => {}
            }
        }
    }
}
