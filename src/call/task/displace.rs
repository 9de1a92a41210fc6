//! Displacement: a file over what a leg is told, or over what it says (`displace_session`, `uuid_displace`). It follows the
//! leg from one bridge to the next.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Call;
use crate::call::control::DisplaceOrder;
use crate::call::event::EventName;
use crate::call::leg::{CallEvent, LegId};
use crate::call::media::{Displacement, Lane, MediaCommand, MediaEvent, PlayEnd, PlayId};
use crate::words::model::{Cause, truthy};

/// Displacements of one call.
const MOST: usize = 32;
/// Time for a file to open.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file that runs, or is being opened.
#[derive(Debug)]
pub(super) struct Displacing {
    leg: LegId,
    id: PlayId,
    path: String,
    started: bool,
    reply: Option<oneshot::Sender<bool>>,
}

impl Call {
    /// Puts a file over a leg; whoever asks is told whether it was opened.
    pub(super) fn displace_leg(&mut self, leg: LegId, order: &DisplaceOrder, reply: Option<oneshot::Sender<bool>>) {
        let source = match self.prompt_source(&order.path, 0) {
            Ok(source) if self.audio_of(leg).port_id().is_some() && self.displacing.len() < MOST => source,
            Ok(_) => {
                tracing::error!(file = order.path, "the leg has no sound that can be displaced");
                return tell(reply, false);
            }
            Err(why) => {
                tracing::error!(file = order.path, why, "cannot be put over what is said");
                return tell(reply, false);
            }
        };
        let lanes = [(order.told, Lane::Told), (order.heard, Lane::Heard)];
        let mut reply = reply;
        for (_, lane) in lanes.into_iter().filter(|(wanted, _)| *wanted) {
            let id = self.next_play();
            let limit_ms = order.limit_s.saturating_mul(1000);
            let what = Displacement { source: source.clone(), lane, mix: order.mix, repeat: order.repeat, limit_ms };
            self.audio_of(leg).command(MediaCommand::Displace { id, what });
            let (path, reply) = (order.path.clone(), reply.take());
            self.displacing.push(Displacing { leg, id, path, started: false, reply });
        }
    }

    /// Ends the displacements of a leg by a file. False: there are none.
    pub(super) fn end_displacing(&mut self, leg: LegId, path: &str) -> bool {
        let ids: Vec<PlayId> = self
            .displacing
            .iter()
            .filter(|known| known.leg == leg && (known.path == path || path.eq_ignore_ascii_case("all")))
            .map(|known| known.id)
            .collect();
        for id in &ids {
            self.audio_of(leg).command(MediaCommand::EndDisplace { id: *id });
        }
        !ids.is_empty()
    }

    /// `displace_session` on the leg in front.
    pub async fn displace_session(&mut self, order: DisplaceOrder) {
        let (reply, answer) = oneshot::channel();
        self.displace_leg(self.front, &order, Some(reply));
        let opened = matches!(self.serve_while(timeout(PATIENCE, answer)).await, Ok(Ok(true)));
        if !opened && self.a.get("DISPLACE_HANGUP_ON_ERROR").is_some_and(truthy) {
            self.hangup(Cause::DESTINATION_OUT_OF_ORDER);
        }
    }

    /// `stop_displace_session` on the leg in front.
    pub fn stop_displacing(&mut self, path: &str) {
        if !self.end_displacing(self.front, path) {
            tracing::warn!(path, "is not over what is said");
        }
    }

    /// What media says of a displacement. False: it is of none.
    pub(super) fn displacement_event(&mut self, event: &CallEvent) -> bool {
        let CallEvent::Media { leg, event } = event else { return false };
        let of = |id: &PlayId| self.displacing.iter().position(|known| known.leg == *leg && known.id == *id);
        let (at, end) = match event {
            MediaEvent::DisplaceStarted { id } => (of(id), None),
            MediaEvent::PlayEnded { id, end, .. } => (of(id), Some(end)),
            _ => return false,
        };
        let Some(at) = at else { return end.is_none() };
        let Some(known) = self.displacing.get_mut(at) else { return false };
        let (leg, path) = (known.leg, known.path.clone());
        let more = [("Media-Bug-Function", "displace"), ("Media-Bug-Target", &*path)];
        let Some(end) = end else {
            known.started = true;
            tell(known.reply.take(), true);
            self.fire_on(leg, EventName::MEDIA_BUG_START, &more);
            return true;
        };
        let Displacing { started, reply, .. } = self.displacing.swap_remove(at);
        tell(reply, false);
        match end {
            PlayEnd::NotFound => tracing::error!(path, "there is no such file to put over what is said"),
            PlayEnd::Failed(why) => tracing::error!(path, why, "cannot be put over what is said"),
            PlayEnd::Finished | PlayEnd::Stopped => {}
        }
        if started {
            self.fire_on(leg, EventName::MEDIA_BUG_STOP, &more);
        }
        true
    }
}

fn tell(reply: Option<oneshot::Sender<bool>>, done: bool) {
    if let Some(reply) = reply {
        let _ = reply.send(done);
    }
}
