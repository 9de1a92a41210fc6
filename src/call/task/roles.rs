//! Which leg is in front: the channel that runs applications and looks for extensions.
//!
//! That is the caller, but a called leg takes its place for a while when a hook runs on it, and for good when the caller is
//! gone and the leg has a life of its own (`park_after_bridge`, `transfer_after_bridge`, a REFER of the caller).

use crate::call::channel::Phase;
use crate::call::leg::{CallEvent, Leg, LegCommand, LegEvent, LegId};
use crate::words::model::Cause;

use super::Call;

/// Events of other legs that may wait while a hook runs on one.
const MOST_DEFERRED: usize = 128;

/// What stands in for the signalling of a leg that was not started yet.
pub(super) struct NotStarted;

impl Leg for NotStarted {
    fn send(&mut self, command: LegCommand) {
        tracing::debug!(?command, "a leg that was not started has no use for this");
    }
}

impl Call {
    /// Puts a called leg in front, and the one that was there in its place. False: there is no such leg.
    fn swap(&mut self, id: LegId) -> bool {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return false };
        std::mem::swap(&mut self.a, &mut callee.channel);
        std::mem::swap(&mut self.audio, &mut callee.audio);
        std::mem::swap(&mut self.front, &mut callee.id);
        std::mem::swap(&mut self.caller_gone, &mut callee.gone);
        std::mem::swap(&mut self.listed, &mut callee.listed);
        let leg = callee.leg.take().unwrap_or_else(|| Box::new(NotStarted));
        callee.leg = Some(std::mem::replace(&mut self.leg, leg));
        true
    }

    /// Runs the hooks of a called leg: each variable of it whose name begins with the prefix. Other legs wait meanwhile.
    pub(super) async fn execute_on_callee(&mut self, id: LegId, prefix: &str) {
        let any = |callee: &super::Callee, prefix| callee.channel.variables.with_prefix(prefix).next().is_some();
        let has = |callee: &&super::Callee| {
            callee.id == id && (any(callee, prefix) || super::hooks::api_of(prefix).is_some_and(|api| any(callee, api)))
        };
        if self.callees.iter().find(has).is_some() {
            self.in_front(id, true, async |call: &mut Self| call.execute_on_own(prefix).await).await;
        }
    }

    /// Runs one application on a called leg.
    pub(super) async fn execute_named_on(&mut self, id: LegId, name: &str, data: &str) {
        let data = crate::words::expand::Template::parse(data);
        self.in_front(id, true, async |call: &mut Self| call.execute_named(name, &data).await).await;
    }

    /// Lets a called leg be in front while something is done there; `defers`: what other legs say has to wait.
    pub(super) async fn in_front(&mut self, id: LegId, defers: bool, work: impl AsyncFnOnce(&mut Self)) {
        let former = self.front;
        if self.visiting.is_some() || !self.swap(id) {
            return;
        }
        let phase = std::mem::replace(&mut self.a.phase, Phase::Execute);
        self.visiting = defers.then_some(former);
        Box::pin(work(self)).await;
        self.visiting = None;
        if self.a.phase == Phase::Execute {
            self.a.phase = phase;
        }
        let ended = self.a.cause;
        // The leg that was in front stands among the called ones, under its own number.
        self.swap(former);
        if let Some(cause) = ended
            && let Some(callee) = self.callee(id)
        {
            // The hook hung it up: as for any called leg, that is still to be told.
            callee.channel.phase = Phase::Media;
            callee.channel.cause = None;
            self.end_callee(id, cause);
        }
    }

    /// An event that is not for the leg in front has to wait while a hook runs.
    pub(super) fn defers(&mut self, leg: LegId, event: CallEvent) -> Option<CallEvent> {
        let former = self.visiting.filter(|_| leg != self.front);
        let Some(former) = former else { return Some(event) };
        let ends = matches!(
            event,
            CallEvent::Leg { event: LegEvent::Cancelled { .. } | LegEvent::Bye { .. } | LegEvent::Lost(_), .. }
        );
        if leg == former && ends {
            // Nobody is left for whom the hook could run.
            self.hangup(Cause::ORIGINATOR_CANCEL);
        }
        if self.deferred.len() < MOST_DEFERRED {
            self.deferred.push_back(event);
        } else {
            tracing::error!("a hook of a called leg keeps too many events waiting; one is lost");
        }
        None
    }

    /// A called leg takes the place of nobody. False: there is no such leg.
    pub(super) fn put_in_front(&mut self, id: LegId) -> bool {
        let former = self.front;
        let swapped = self.swap(id);
        self.callees.retain(|callee| callee.id != former);
        swapped
    }

    /// The caller's leg is over: a called leg goes on by itself, in front.
    pub(super) async fn promote(&mut self, id: LegId) {
        if self.callee(id).is_none() {
            return;
        }
        self.finish_front().await;
        let former = self.front;
        self.swap(id);
        // What was in front is finished: its leg needs only be dropped.
        self.callees.retain(|callee| callee.id != former);
        self.a.phase = Phase::Execute;
        self.refusal = None;
        self.ringing = None;
        tracing::info!(name = %self.a.profile.chan_name, "goes on by itself");
    }
}
